# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing a generation: a small one in the caller's transaction, a large one in steps, so that no writer waits long.

While the steps are under way, the subscription names the generation in `applying`, and its calendar is not caught up
(`Kind.held`): everybody goes on seeing the state before, whole. The last step makes the generation the current one, and
all that was written counts at once. Contents are stored beside before the first step, and each step does only what is
left to do. So any process can go on with what another one, killed or not, has begun.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from scheduling.database.chunks import chunks
from scheduling.database.connection import Database
from scheduling.database.steps import ROWS, Steps
from scheduling.models import Calendar, Subscription
from scheduling.subscriptions import events, generations
from scheduling.subscriptions.events import StoredEvent
from scheduling.subscriptions.generations import Generation
from scheduling.subscriptions.plan import Plan, plan
from scheduling.subscriptions.record import slug_of

SMALL = 100
"""Events, shown or to be shown, up to which one transaction does everything."""

_S = Subscription
_BEGUN = select(_S.user_id, _S.applying, _S.leaving).where(
    _S.id == bindparam("subscription"), _S.applying.is_not(None)
)
_LEFT = select(_S.id).where(
    _S.applying.is_not(None), or_(_S.lease.is_(None), _S.lease_until < bindparam("now"))
)


def begin(connection: Connection, generation: Generation, user_id: int, leaving: str) -> None:
    """Have the generation shown by `go_on`. The caller's transaction has the subscription's row; this takes the
    calendar's too, so that nobody is catching it up.
    """
    subscription_id = generation.subscription_id
    calendar = select(Calendar.id).where(
        Calendar.user_id == user_id, Calendar.slug == slug_of(subscription_id)
    )
    connection.execute(calendar.with_for_update())
    connection.execute(
        update(_S).where(_S.id == subscription_id).values(applying=generation.id, leaving=leaving)
    )


def is_begun(connection: Connection, subscription_id: int) -> bool:
    """Whether some steps of this subscription are still to be done."""
    return connection.execute(_BEGUN, {"subscription": subscription_id}).first() is not None


def left(connection: Connection, now: int) -> list[int]:
    """Subscriptions whose steps nobody works on; `now` is in epoch seconds."""
    return list(connection.scalars(_LEFT, {"now": now}))


def go_on(database: Database, subscription_id: int) -> Plan | None:
    """Do the steps that are left, each in a transaction of its own; returns what they had to change. None where there
    are none, or somebody chose another generation meanwhile. Raises `DatabaseUnavailable`.
    """
    with database.read() as connection:
        found = _begun(connection, subscription_id)
        if found is None:
            return None
        row, generation = found
        changes = plan(events.hashes(connection, subscription_id), generation.manifest)
    steps = Steps(database)
    for uids in chunks(changes.uids, ROWS):
        with steps.write() as connection:
            if not _still(connection, generation):
                return None
            events.write(connection, subscription_id, row.user_id, generation.manifest, uids, {})
    with steps.write() as connection:
        if not _still(connection, generation):
            return None
        _end(connection, generation, row.leaving)
    return changes


def at_once(connection: Connection, subscription_id: int) -> None:
    """Do the steps that are left in the caller's transaction."""
    found = _begun(connection, subscription_id)
    if found is not None:
        row, generation = found
        changes = plan(events.hashes(connection, subscription_id), generation.manifest)
        for uids in chunks(changes.uids):
            events.write(connection, subscription_id, row.user_id, generation.manifest, uids, {})
        _end(connection, generation, row.leaving)


def stage(database: Database, subscription_id: int, lease: str, given: Mapping[str, StoredEvent]) -> bool:
    """Store contents beside that are not stored, in steps, for whoever holds the lease; returns whether it still does.
    What no generation comes to hold is forgotten with the next one.
    """
    with database.read() as connection:
        new = events.unknown(connection, subscription_id, given.values())
    steps = Steps(database)
    held = select(_S.id).where(_S.id == subscription_id, _S.lease == lease).with_for_update()
    for some in chunks(new, ROWS):
        with steps.write() as connection:
            if connection.execute(held).first() is None:
                return False
            events.keep(connection, subscription_id, some)
    return True


def prune(database: Database, subscription_id: int, lease: str, keep: int) -> None:
    """As `generations.prune`, in steps, for whoever holds the lease."""
    with database.read() as connection:
        unneeded = generations.unneeded(connection, subscription_id, keep)
    held = select(_S.id).where(_S.id == subscription_id, _S.lease == lease).with_for_update()
    steps = Steps(database)
    # Generations first: nobody may choose one whose contents are gone.
    for some in [(), *chunks(unneeded.versions, ROWS)]:
        with steps.write() as connection:
            if connection.execute(held).first() is None:
                return
            generations.forget(connection, unneeded.generations)
            events.drop(connection, subscription_id, some)


def _begun(
    connection: Connection, subscription_id: int
) -> tuple[Row[*tuple[int, int | None, str | None]], Generation] | None:
    row = connection.execute(_BEGUN, {"subscription": subscription_id}).first()
    generation = None if row is None else generations.find(connection, subscription_id, row.applying or 0)
    return None if row is None or generation is None else (row, generation)


def _still(connection: Connection, generation: Generation) -> bool:
    """Whether it is still this one that is to be shown; locks the subscription, so that it goes on being it."""
    chosen = select(_S.applying).where(_S.id == generation.subscription_id).with_for_update()
    return connection.scalar(chosen) == generation.id


def _end(connection: Connection, generation: Generation, leaving: str | None) -> None:
    generations.make_current(connection, generation, int(time.time()), leaving or generations.PAST)
    connection.execute(
        update(_S).where(_S.id == generation.subscription_id).values(applying=None, leaving=None)
    )
