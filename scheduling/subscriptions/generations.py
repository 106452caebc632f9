# SPDX-License-Identifier: GPL-3.0-or-later
"""The generations of a subscription: the last states in which its source was read, and which of them is shown.

One is `current`: its events block. A state that is not believed waits in `quarantined`; one that somebody turned down
is `rejected` and remembered by its digest; one that the source no longer shows before anybody decided is `withdrawn`;
those that were current once are `past`. A generation is its events' UIDs and content hashes; the contents are shared
(events.py).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from scheduling.database.chunks import chunks
from scheduling.models import Generation as GenerationRow
from scheduling.models import Subscription
from scheduling.subscriptions import events as imported_events
from scheduling.subscriptions.events import StoredEvent
from scheduling.subscriptions.plan import Plan, plan

CURRENT, PAST, QUARANTINED, REJECTED, WITHDRAWN = "current", "past", "quarantined", "rejected", "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One state of a source. Moments are epoch seconds; `doubted_at` is since when states like this one have been in
    quarantine.
    """

    id: int
    subscription_id: int
    digest: str
    state: str
    doubts: tuple[str, ...]
    events: int
    seen_at: int
    last_seen_at: int
    doubted_at: int | None
    applied_at: int | None
    unread: str | None
    manifest: Mapping[str, str] = field(repr=False)


_G = GenerationRow
_OF = _G.subscription_id == bindparam("subscription")
_ALL = select(_G).where(_OF).order_by(_G.id.desc())
_IN_STATE = select(_G).where(_OF, _G.state == bindparam("wanted")).order_by(_G.id.desc()).limit(1)
_BY_DIGEST = select(_G).where(_OF, _G.digest == bindparam("wanted")).order_by(_G.id.desc()).limit(1)
_BY_ID = select(_G).where(_OF, _G.id == bindparam("wanted"))


def digest_of(seen: Mapping[str, str]) -> str:
    """The hash by which a state is known again."""
    text = "\n".join(f"{uid}\t{seen[uid]}" for uid in sorted(seen))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def listed(connection: Connection, subscription_id: int) -> list[Generation]:
    """Those that are kept, newest first."""
    return [_generation(row) for row in connection.execute(_ALL, {"subscription": subscription_id})]


def find(connection: Connection, subscription_id: int, generation_id: int) -> Generation | None:
    """One by its id."""
    return _one(connection, _BY_ID, subscription_id, generation_id)


def in_state(connection: Connection, subscription_id: int, state: str) -> Generation | None:
    """The newest in a state."""
    return _one(connection, _IN_STATE, subscription_id, state)


def with_digest(connection: Connection, subscription_id: int, digest: str) -> Generation | None:
    """The one that is this state."""
    return _one(connection, _BY_DIGEST, subscription_id, digest)


def baseline(
    connection: Connection, subscription_id: int, stored: Mapping[str, str], now: int
) -> Generation | None:
    """The current generation; made of what is `stored` where an earlier version kept none. None before the first."""
    found = in_state(connection, subscription_id, CURRENT)
    if found is None and stored:
        found = add(connection, subscription_id, stored, CURRENT, now)
    return found


def add(
    connection: Connection,
    subscription_id: int,
    seen: Mapping[str, str],
    state: str,
    now: int,
    *,
    reasons: tuple[str, ...] = (),
    doubted_at: int | None = None,
    digest: str | None = None,
    packed: bytes | None = None,
) -> Generation:
    """Note a state seen for the first time. `digest` and `packed` are what `digest_of` and `pack` made of it, which
    takes time for many events.
    """
    values: dict[str, Any] = {
        "subscription_id": subscription_id,
        "digest": digest or digest_of(seen),
        "state": state,
        "events": len(seen),
        "seen_at": now,
        "last_seen_at": now,
        "doubted_at": doubted_at,
        "applied_at": now if state == CURRENT else None,
    }
    stored = {"doubts": " ".join(reasons), "manifest": pack(seen) if packed is None else packed}
    created = connection.execute(insert(_G).values(**values, **stored).returning(_G.id)).scalar_one()
    return Generation(id=created, unread=None, doubts=reasons, manifest=seen, **values)


def pack(seen: Mapping[str, str]) -> bytes:
    """A state as it is stored."""
    return zlib.compress(json.dumps(sorted(seen.items()), separators=(",", ":")).encode(), 6)


def state_of(connection: Connection, generation_id: int) -> str | None:
    """The present state of one; None where it is gone."""
    return connection.scalar(select(_G.state).where(_G.id == generation_id))


def note_unread(connection: Connection, generation: Generation, unread: str | None) -> Generation:
    """Note about which time a state could not be read (`unread.py`), where that is another than before."""
    if generation.unread == unread:
        return generation
    move(connection, generation, generation.state, unread=unread)
    return replace(generation, unread=unread)


def seen_again(connection: Connection, generation: Generation, now: int) -> None:
    """Note that the source still is, or is again, in this state."""
    connection.execute(update(_G).where(_G.id == generation.id).values(last_seen_at=now))


def move(connection: Connection, generation: Generation, state: str, **values: Any) -> None:
    """Put it into another state."""
    connection.execute(update(_G).where(_G.id == generation.id).values(state=state, **values))


def withdraw_others(connection: Connection, subscription_id: int, but: int | None = None) -> None:
    """What is in quarantine is no longer what the source shows."""
    statement = update(_G).where(_G.subscription_id == subscription_id, _G.state == QUARANTINED)
    connection.execute(statement.where(_G.id != (but or 0)).values(state=WITHDRAWN))


def show(
    connection: Connection,
    generation: Generation,
    user_id: int,
    now: int,
    *,
    given: Mapping[str, StoredEvent] | None = None,
    leaving: str = PAST,
) -> Plan:
    """Make it the current one and its events those of the calendar, in one transaction; the one until now goes to the
    state `leaving`.
    """
    subscription_id = generation.subscription_id
    stored = imported_events.hashes(connection, subscription_id)
    baseline(connection, subscription_id, stored, now)
    changes = plan(stored, generation.manifest)
    for uids in chunks(changes.uids):
        imported_events.write(connection, subscription_id, user_id, generation.manifest, uids, given or {})
    make_current(connection, generation, now, leaving)
    return changes


def make_current(connection: Connection, generation: Generation, now: int, leaving: str = PAST) -> None:
    """Its events are those of the calendar now; the one until now goes to the state `leaving`."""
    before = update(_G).where(_G.subscription_id == generation.subscription_id, _G.state == CURRENT)
    connection.execute(before.where(_G.id != generation.id).values(state=leaving))
    move(connection, generation, CURRENT, applied_at=now)
    tell(connection, generation)


def tell(connection: Connection, generation: Generation) -> None:
    """Let the subscription say about which time the state that it shows could not be read."""
    statement = update(Subscription).where(Subscription.id == generation.subscription_id)
    connection.execute(statement.values(unread=generation.unread))


@dataclass(frozen=True, kw_only=True, slots=True)
class Unneeded:
    """What is to be forgotten: generations by id, and versions of events that only these held."""

    generations: tuple[int, ...]
    versions: tuple[tuple[str, str], ...]


def unneeded(connection: Connection, subscription_id: int, keep: int) -> Unneeded:
    """All but the newest `keep`, the current one and what waits or was rejected last included, and the contents
    only they hold.
    """
    found = listed(connection, subscription_id)
    needed = {it.id for it in found if it.state in (CURRENT, QUARANTINED)}
    needed.update(it.id for it in found[:keep])
    rejected = [it for it in found if it.state == REJECTED]
    needed.update(it.id for it in rejected[:keep])
    held = {pair for it in found if it.id in needed for pair in it.manifest.items()}
    return Unneeded(
        generations=tuple(it.id for it in found if it.id not in needed),
        versions=tuple(sorted(imported_events.version_keys(connection, subscription_id) - held)),
    )


def count_kept(connection: Connection, subscription_id: int) -> int:
    """The events of all generations that are kept, each counted in each."""
    total = select(func.coalesce(func.sum(_G.events), 0)).where(_G.subscription_id == subscription_id)
    return int(connection.scalar(total) or 0)


def forget(connection: Connection, generations: Collection[int]) -> None:
    """Forget generations."""
    if generations:
        connection.execute(delete(_G).where(_G.id.in_(generations)))


def prune(connection: Connection, subscription_id: int, keep: int) -> None:
    """Forget what is `unneeded`, in one transaction."""
    found = unneeded(connection, subscription_id, keep)
    forget(connection, found.generations)
    imported_events.drop(connection, subscription_id, found.versions)


def _one(connection: Connection, statement: Any, subscription_id: int, wanted: Any) -> Generation | None:
    row = connection.execute(statement, {"subscription": subscription_id, "wanted": wanted}).first()
    return None if row is None else _generation(row)


def _generation(row: Row[*tuple[Any, ...]]) -> Generation:
    values = row._asdict()
    values["doubts"] = tuple(row.doubts.split())
    values["manifest"] = dict(json.loads(zlib.decompress(row.manifest)))
    return Generation(**values)
