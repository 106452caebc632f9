# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/ical-subscriptions: outside calendars that block a user's time."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from scheduling import subscriptions
from scheduling.errors import NotFound
from scheduling.permissions import Permission
from scheduling.subscriptions import Subscription as StoredSubscription
from server.api import cursor
from server.api.operations import Call, Reply, Routes
from server.api.owners import owner
from server.api.values import Given, Id, Name, Paged, Shown, ShownEpoch, ShownMoment, Username

routes = Routes(
    tag="Subscriptions",
    about="Calendars from elsewhere (.ics links), fetched again and again. Their events block the user's time. The"
    " link is a credential: it can be given, and is never shown again.",
)

Status = Literal["active", "error", "paused"]
Link = Annotated[
    str, StringConstraints(min_length=10, max_length=4096, pattern=r"^(https?|webcals?)://[\x21-\x7e]+$")
]


class SubscriptionGiven(Given):
    """A calendar to subscribe to."""

    url: Link = Field(description="Its private .ics link.")
    label: Name


class SubscriptionChange(Given):
    """What shall be different; what is left out stays."""

    label: Name = Field(default_factory=str)
    status: Literal["active", "paused"] = Field(
        default_factory=lambda: "active", description="paused: no longer fetched, what was imported stays."
    )


class SubscriptionQuery(Paged):
    """Which subscriptions."""

    status: Status | None = Field(default=None, description="Only in this status.")


class Subscription(Shown):
    """A subscription without its link."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    label: str
    host: str = Field(description="Where it is fetched from.")
    status: str
    reason: str | None = Field(description="Why it is in the status error, in a word for programs.")
    message: str | None = Field(description="The same for people.")
    last_attempt_at: ShownMoment | None
    last_success_at: ShownMoment | None
    next_at: ShownEpoch
    report: dict[str, Any] | None = Field(description="What the last import found.")


class Subscriptions(Shown):
    """A page of subscriptions."""

    subscriptions: list[Subscription]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@routes.operation("GET", "/users/{user}/ical-subscriptions", returns=Subscriptions, refuses=(422,))
def list_subscriptions(call: Call, user: Username, query: SubscriptionQuery) -> Reply:
    """List a user's subscriptions, oldest first."""
    found = _owner(call, user)
    after = cursor.number(query.cursor) or 0
    rest = [
        it
        for it in subscriptions.list_subscriptions(call.connection, found)
        if it.id > after and query.status in (None, it.status)
    ]
    page = rest[: query.limit]
    following = cursor.write(page[-1].id) if len(rest) > len(page) else None
    return Reply(body=Subscriptions(subscriptions=[_shown(it) for it in page], next=following))


@routes.operation(
    "POST",
    "/users/{user}/ical-subscriptions",
    returns=Subscription,
    status=201,
    refuses=(409,),
    creates=True,
    versioned=True,
)
def create_subscription(call: Call, user: Username, body: SubscriptionGiven) -> Reply:
    """Subscribe a user to a calendar; the first import follows within a minute."""
    user_id = _owner(call, user)
    made = subscriptions.add(call.connection, call.keyring, user_id, body.url, body.label, actor=call.actor)
    return Reply(body=_shown(made), etag=_etag(made), location=f"/users/{user}/ical-subscriptions/{made.id}")


@routes.operation(
    "GET", "/users/{user}/ical-subscriptions/{subscription_id}", returns=Subscription, versioned=True
)
def get_subscription(call: Call, user: Username, subscription_id: Id) -> Reply:
    """Show a subscription."""
    found = _subscription(call, user, subscription_id)
    return Reply(body=_shown(found), etag=_etag(found))


@routes.operation(
    "PATCH", "/users/{user}/ical-subscriptions/{subscription_id}", returns=Subscription, versioned=True
)
def change_subscription(call: Call, user: Username, subscription_id: Id, body: SubscriptionChange) -> Reply:
    """Rename a subscription, pause it, or take it up again."""
    found = _subscription(call, user, subscription_id)
    call.require_current(_etag(found))
    if "label" in body.model_fields_set:
        subscriptions.rename(call.connection, found.id, body.label, actor=call.actor)
    if "status" in body.model_fields_set:
        change = subscriptions.pause if body.status == "paused" else subscriptions.resume
        change(call.connection, found.id, actor=call.actor)
    changed = subscriptions.get(call.connection, found.id)
    return Reply(body=_shown(changed), etag=_etag(changed))


@routes.operation("DELETE", "/users/{user}/ical-subscriptions/{subscription_id}", versioned=True)
def delete_subscription(call: Call, user: Username, subscription_id: Id) -> Reply:
    """End a subscription and remove what it imported."""
    found = _subscription(call, user, subscription_id)
    call.require_current(_etag(found))
    subscriptions.remove(call.connection, found.id, actor=call.actor)
    return Reply()


@routes.operation(
    "POST",
    "/users/{user}/ical-subscriptions/{subscription_id}/sync",
    returns=Subscription,
    status=202,
    refuses=(422,),
)
def sync_subscription(call: Call, user: Username, subscription_id: Id) -> Reply:
    """Fetch a calendar as soon as possible.

    Asking again before it was fetched changes nothing. The answer is 202 at once; `last_attempt_at` tells when it was.
    """
    found = _subscription(call, user, subscription_id)
    subscriptions.request_sync(call.connection, found.id, actor=call.actor)
    return Reply(body=_shown(subscriptions.get(call.connection, found.id)))


def _owner(call: Call, user: str) -> int:
    return owner(call, user, Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_OWN).id


def _subscription(call: Call, user: str, subscription_id: int) -> StoredSubscription:
    user_id = _owner(call, user)
    found = subscriptions.get(call.connection, subscription_id)
    if found.user_id != user_id:
        raise NotFound(f"There is no subscription {subscription_id} of this user.")
    return found


def _etag(it: StoredSubscription) -> str:
    content = json.dumps([it.id, it.label, it.status])
    return f'"{blake2b(content.encode(), digest_size=16).hexdigest()}"'


def _shown(it: StoredSubscription) -> Subscription:
    return Subscription(
        id=it.id,
        etag=_etag(it),
        label=it.label,
        host=it.host,
        status=it.status,
        reason=it.reason,
        message=it.message,
        last_attempt_at=it.last_attempt_at,
        last_success_at=it.last_success_at,
        next_at=it.next_at,
        report=it.report,
    )
