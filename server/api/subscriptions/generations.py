# SPDX-License-Identifier: GPL-3.0-or-later
"""The states in which a subscription was read, and the calendars that stayed of ended ones."""

from __future__ import annotations

from pydantic import Field

from scheduling.access.permissions import Permission
from scheduling.composition import FOLLOWERS
from scheduling.errors import NotFound
from scheduling.settings import stored
from scheduling.settings.view import View
from scheduling.subscriptions import history, subscriptions, unfinished
from scheduling.subscriptions.generations import Generation as StoredGeneration
from scheduling.subscriptions.subscriptions import Subscription as StoredSubscription
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Id, Shown, ShownEpoch, ShownMoment, Username
from server.api.subscriptions.subscriptions import subscription

routes = Routes(
    tag="Generations",
    about="The last states of a subscription. A state that lost its events is doubted and waits in "
    "quarantine. It leaves when somebody decides, or when it has lasted long enough. Until then "
    "the last good state blocks.",
)
_PATH = "/users/{user}/ical-subscriptions/{subscription_id}/generations"


class Generation(Shown):
    """One state."""

    id: int
    state: str = Field(description="current, past, quarantined, rejected or withdrawn.")
    reasons: list[str] = Field(description="Why it was doubted: empty, vanished, uids-changed.")
    events: int
    seen_at: ShownEpoch
    last_seen_at: ShownEpoch
    doubted_at: ShownEpoch | None
    applied_at: ShownEpoch | None


class Generations(Shown):
    """The states that are kept, newest first."""

    generations: list[Generation]


class Difference(Shown):
    """An event that would change. `uid` and `title` are the owner's alone to see."""

    change: str = Field(description="added, changed or removed.")
    uid: str
    title: str
    starts_at: ShownEpoch | None


class Differences(Shown):
    """What would change if a state were shown in place of the current one, at most 1000 events."""

    differences: list[Difference]


class Detached(Shown):
    """What stayed of an ended subscription."""

    id: int
    label: str
    host: str
    calendar: str
    detached_at: ShownMoment | None


class DetachedCalendars(Shown):
    """All of a user."""

    detached_calendars: list[Detached]


@routes.operation("GET", _PATH, returns=Generations)
def list_generations(call: Call, user: Username, subscription_id: Id) -> Reply:
    """List the kept states of a subscription, newest first."""
    found = subscription(call, user, subscription_id)
    rows = history.list_generations(call.connection, found.id, actor=call.actor)
    return Reply(body=Generations(generations=[_shown(it) for it in rows]))


@routes.operation("GET", _PATH + "/{generation_id}/diff", returns=Differences)
def diff_generation(call: Call, user: Username, subscription_id: Id, generation_id: Id) -> Reply:
    """Compare a state with the current one."""
    found = subscription(call, user, subscription_id)
    rows = history.diff(call.connection, found.id, generation_id, actor=call.actor)
    shown = [Difference(change=it.change, uid=it.uid, title=it.title, starts_at=it.starts_at) for it in rows]
    return Reply(body=Differences(differences=shown))


@routes.operation("POST", _PATH + "/{generation_id}/accept", returns=Generation, refuses=(409,))
def accept_generation(call: Call, user: Username, subscription_id: Id, generation_id: Id) -> Reply:
    """Accept a doubted state and show it."""
    found = subscription(call, user, subscription_id)
    history.accept(
        call.connection, found.id, generation_id, _view(call), actor=call.actor, followers=FOLLOWERS
    )
    _finish_afterwards(call, found.id)
    return _answer(call, found, generation_id)


@routes.operation("POST", _PATH + "/{generation_id}/reject", returns=Generation, refuses=(409,))
def reject_generation(call: Call, user: Username, subscription_id: Id, generation_id: Id) -> Reply:
    """Reject a doubted state. It is not taken over later."""
    found = subscription(call, user, subscription_id)
    history.reject(call.connection, found.id, generation_id, actor=call.actor)
    return _answer(call, found, generation_id)


@routes.operation("POST", _PATH + "/{generation_id}/roll-back", returns=Generation, refuses=(409,))
def roll_back_generation(call: Call, user: Username, subscription_id: Id, generation_id: Id) -> Reply:
    """Go back to an earlier state. The present one is rejected."""
    found = subscription(call, user, subscription_id)
    history.roll_back(
        call.connection, found.id, generation_id, _view(call), actor=call.actor, followers=FOLLOWERS
    )
    _finish_afterwards(call, found.id)
    return _answer(call, found, generation_id)


@routes.operation("GET", "/users/{user}/detached-calendars", returns=DetachedCalendars)
def list_detached_calendars(call: Call, user: Username) -> Reply:
    """List the calendars that stayed of a user's ended subscriptions. They still block."""
    rows = subscriptions.list_subscriptions(
        call.connection, _owner(call, user), detached=True, actor=call.actor
    )
    return Reply(body=DetachedCalendars(detached_calendars=[_detached(it) for it in rows]))


@routes.operation("DELETE", "/users/{user}/detached-calendars/{subscription_id}")
def delete_detached_calendar(call: Call, user: Username, subscription_id: Id) -> Reply:
    """Remove a calendar that stayed of an ended subscription."""
    user_id = _owner(call, user)
    if subscriptions.get_detached(call.connection, subscription_id, actor=call.actor).user_id != user_id:
        raise NotFound(f"There is no detached calendar {subscription_id} of this user.")
    subscriptions.remove_detached(call.connection, subscription_id, actor=call.actor)
    return Reply()


def _owner(call: Call, user: str) -> int:
    return owner(call, user, Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN).id


def _view(call: Call) -> View:
    return stored.view(call.connection, call.settings.config)


def _finish_afterwards(call: Call, subscription_id: int) -> None:
    def finish() -> None:
        unfinished.finish(call.database, call.settings.config, subscription_id, followers=FOLLOWERS)

    call.afterwards.append(finish)


def _answer(call: Call, found: StoredSubscription, generation_id: int) -> Reply:
    return Reply(body=_shown(history.get(call.connection, found.id, generation_id, actor=call.actor)))


def _shown(it: StoredGeneration) -> Generation:
    return Generation(
        id=it.id,
        state=it.state,
        reasons=list(it.doubts),
        events=it.events,
        seen_at=it.seen_at,
        last_seen_at=it.last_seen_at,
        doubted_at=it.doubted_at,
        applied_at=it.applied_at,
    )


def _detached(it: StoredSubscription) -> Detached:
    return Detached(
        id=it.id,
        label=it.label,
        host=it.host,
        calendar=it.calendar_id,
        detached_at=it.detached_at,
    )
