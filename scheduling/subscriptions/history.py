# SPDX-License-Identifier: GPL-3.0-or-later
"""The generations of a subscription as owners and admins see them: listed, compared, accepted, rejected, gone back to.

What somebody decides is final for that state: a rejected one is known by its digest and not taken over when it is
fetched again. Every decision ends a fetch under way, is audited, and counts for the calendar at once.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from scheduling.access import audit
from scheduling.access.permissions import Actor
from scheduling.calendars.catch_up import catch_up
from scheduling.calendars.followers import Followers
from scheduling.errors import Conflict, NotFound
from scheduling.ical import series_json, timezones
from scheduling.models import Subscription as SubscriptionRow
from scheduling.settings.view import View
from scheduling.subscriptions import applying, events, generations, subscriptions
from scheduling.subscriptions.generations import Generation
from scheduling.subscriptions.record import Subscription, slug_of
from scheduling.webhooks.subscriptions import emit_outcome

_S = SubscriptionRow
_REJECTED = "This state was rejected; what is shown instead still blocks until the source changes."
_SUMMARY = re.compile(r"\r\nSUMMARY(?:;[^:\r\n]*)?:([^\r\n]*)")
MOST_LISTED = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One event in which two generations differ: added, changed or removed. `starts_at` is the epoch second of its
    first time; `uid` and `title` are empty for who may not see them.
    """

    change: str
    uid: str
    title: str
    starts_at: int | None


def list_generations(connection: Connection, subscription_id: int, *, actor: Actor) -> list[Generation]:
    """Those kept, newest first. Raises `NotFound`."""
    subscriptions.get(connection, subscription_id, actor=actor)
    return generations.listed(connection, subscription_id)


def get(connection: Connection, subscription_id: int, generation_id: int, *, actor: Actor) -> Generation:
    """Raises `NotFound`."""
    return _seen(connection, subscription_id, generation_id, actor)[1]


def diff(
    connection: Connection, subscription_id: int, generation_id: int, *, actor: Actor
) -> list[Difference]:
    """What would change if the generation were shown in place of the current one; at most `MOST_LISTED` events. Titles
    are the owner's alone, and the system's. Raises `NotFound`.
    """
    found, generation = _seen(connection, subscription_id, generation_id, actor)
    current = generations.in_state(connection, subscription_id, generations.CURRENT)
    stored = events.hashes(connection, subscription_id) if current is None else current.manifest
    wanted = generation.manifest
    kinds = dict.fromkeys(stored.keys() - wanted.keys(), "removed")
    kinds |= dict.fromkeys(wanted.keys() - stored.keys(), "added")
    kinds |= {uid: "changed" for uid in stored.keys() & wanted.keys() if stored[uid] != wanted[uid]}
    listed = sorted(kinds, key=lambda uid: (kinds[uid], uid))[:MOST_LISTED]
    versions = {uid: stored[uid] if kinds[uid] == "removed" else wanted[uid] for uid in listed}
    rows = dict(events.contents(connection, subscription_id, versions))
    may_see = actor.kind == "system" or actor.user_id == found.user_id
    return [
        Difference(
            change=kinds[uid],
            uid=uid if may_see else "",
            title=_title(rows[uid].template) if may_see and uid in rows else "",
            starts_at=_start(rows[uid].series) if uid in rows else None,
        )
        for uid in listed
    ]


def accept(
    connection: Connection,
    subscription_id: int,
    generation_id: int,
    view: View,
    *,
    actor: Actor,
    followers: Followers,
) -> None:
    """Believe a state that was in quarantine, withdrawn or rejected, and show it. Whoever calls this has
    `unfinished.finish` called afterwards, since a large one is shown in steps. Raises `NotFound`, `Conflict`.
    """
    found, generation = _both(connection, subscription_id, generation_id, actor)
    if generation.state not in (generations.QUARANTINED, generations.WITHDRAWN, generations.REJECTED):
        raise Conflict(f"Generation {generation_id} is {generation.state}; there is nothing to accept.")
    _show(connection, found, generation, view, leaving=generations.PAST, followers=followers)
    _record(connection, actor, "subscription.accept", found, generation)


def roll_back(
    connection: Connection,
    subscription_id: int,
    generation_id: int,
    view: View,
    *,
    actor: Actor,
    followers: Followers,
) -> None:
    """Show an earlier state again; the one until now is rejected. As `accept` otherwise. Raises `NotFound`,
    `Conflict`.
    """
    found, generation = _both(connection, subscription_id, generation_id, actor)
    if generation.state != generations.PAST:
        raise Conflict(
            f"Generation {generation_id} is {generation.state}; you can go back only to a past one."
        )
    _show(connection, found, generation, view, leaving=generations.REJECTED, followers=followers)
    _record(connection, actor, "subscription.roll_back", found, generation)


def reject(connection: Connection, subscription_id: int, generation_id: int, *, actor: Actor) -> None:
    """Never take over a state that is in quarantine. Raises `NotFound`, `Conflict`."""
    found, generation = _both(connection, subscription_id, generation_id, actor)
    if generation.state not in (generations.QUARANTINED, generations.WITHDRAWN):
        raise Conflict(
            f"Generation {generation_id} is {generation.state}; only a doubted one can be rejected."
        )
    generations.move(connection, generation, generations.REJECTED)
    if generation.state == generations.QUARANTINED:
        settle(connection, found)
    _record(connection, actor, "subscription.reject", found, generation)


def _both(
    connection: Connection, subscription_id: int, generation_id: int, actor: Actor
) -> tuple[Subscription, Generation]:
    subscriptions.manageable(connection, subscription_id, actor=actor)
    return _seen(connection, subscription_id, generation_id, actor)


def _seen(
    connection: Connection, subscription_id: int, generation_id: int, actor: Actor
) -> tuple[Subscription, Generation]:
    found = subscriptions.get(connection, subscription_id, actor=actor)
    generation = generations.find(connection, subscription_id, generation_id)
    if generation is None:
        raise NotFound(f"Subscription {subscription_id} has no generation {generation_id}.")
    return found, generation


def _show(
    connection: Connection,
    found: Subscription,
    generation: Generation,
    view: View,
    *,
    leaving: str,
    followers: Followers,
) -> None:
    # The row first, as the importer does: a fetch under way waits here, and then has lost its claim.
    free = {"lease": None, "lease_until": 0, "applying": None, "leaving": None}
    connection.execute(update(_S).where(_S.id == found.id).values(**free))
    stored = events.hashes(connection, found.id)
    now = int(time.time())
    if max(len(stored), len(generation.manifest)) > applying.SMALL:
        generations.baseline(connection, found.id, stored, now)
        applying.begin(connection, generation, found.user_id, leaving)
        return
    generations.show(connection, generation, found.user_id, now, leaving=leaving)
    settle(connection, found)
    catch_up(connection, found.user_id, slug_of(found.id), view, followers=followers)


def settle(connection: Connection, found: Subscription) -> None:
    """Let the status say what the state that the source is in has become."""
    seen_id = connection.scalar(select(_S.seen_generation).where(_S.id == found.id))
    seen = None if seen_id is None else generations.find(connection, found.id, seen_id)
    values: dict[str, Any] = {"lease": None, "lease_until": 0}
    if seen is not None and seen.state == generations.CURRENT:
        emit_outcome(connection, found.id)
        read_at: datetime | None = found.last_attempt_at
        values |= {"status": "active", "reason": None, "message": None, "last_success_at": read_at}
        values["moved"] = False
    elif seen is not None and seen.state == generations.REJECTED:
        emit_outcome(connection, found.id, "rejected", _REJECTED)
        values |= {"status": "error", "reason": "rejected", "message": _REJECTED}
    if found.status == "paused":
        values.pop("status", None)
    connection.execute(update(_S).where(_S.id == found.id).values(**values))


def _record(
    connection: Connection, actor: Actor, action: str, found: Subscription, generation: Generation
) -> None:
    audit.record(
        connection,
        action,
        f"subscription:{found.id}",
        user_id=found.user_id,
        generation=generation.id,
        events=generation.events,
        actor=actor,
    )


def _title(template: str) -> str:
    match = _SUMMARY.search(template.replace("\r\n ", ""))
    return re.sub(r"\\(.)", r"\1", match[1])[:255] if match else ""


def _start(text: str) -> int:
    series = series_json.loads(text)
    start = series.start
    if not isinstance(start, datetime):
        start = datetime.combine(start, datetime.min.time())
    return timezones.to_epoch(start, series.tzid)
