# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the rows of an outside calendar whose subscription was ended: a small one's in the caller's transaction, a
large one's in steps. It is gone for everybody at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from scheduling.database.connection import Database
from scheduling.database.steps import ROWS, Steps
from scheduling.models import (
    Calendar,
    ExternalEvent,
    ExternalEventVersion,
    Generation,
    ScheduleChange,
    Subscription,
)
from scheduling.subscriptions import events
from scheduling.subscriptions.record import slug_of

_S, _E, _V, _G = Subscription, ExternalEvent, ExternalEventVersion, Generation
_ERASED = select(_S.id, _S.user_id).where(or_(_S.applying.is_not(None), _S.erased), _S.erased)
"""In the words of `subscriptions_unfinished_index`."""
_FORGOTTEN = (
    select(_G.subscription_id)
    .join(_S, _S.id == _G.subscription_id)
    .where(_S.detached_at.is_not(None), ~_S.erased, _S.applying.is_(None))
    .distinct()
)
_SOME_EVENTS = select(_E.id).where(_E.subscription_id == bindparam("subscription")).limit(ROWS)
_SOME_VERSIONS = (
    select(_V.uid, _V.content_hash).where(_V.subscription_id == bindparam("subscription")).limit(ROWS)
)


def is_small(connection: Connection, subscription_id: int, *, events_too: bool = True) -> bool:
    """Whether one transaction may remove all that a subscription holds beside, and `events_too`."""
    shown = select(_E.id).where(_E.subscription_id == subscription_id).limit(ROWS + 1)
    beside = select(_V.uid).where(_V.subscription_id == subscription_id).limit(ROWS + 1)
    parts = (shown, beside) if events_too else (beside,)
    counts = [connection.scalar(select(func.count()).select_from(it.subquery())) or 0 for it in parts]
    return sum(counts) <= ROWS


def erase(connection: Connection, subscription_id: int, user_id: int) -> None:
    """Let a subscription be gone for everybody, and its rows be removed by `remove`. Its calendar belongs to nobody
    from now on and is dropped with others of this kind (`scheduling/upkeep/orphans.py`).
    """
    calendar = (Calendar.user_id == user_id, Calendar.slug == slug_of(subscription_id))
    connection.execute(update(Calendar).where(*calendar).values(user_id=-Calendar.id))
    gone: dict[str, Any] = {
        "erased": True,
        "applying": None,
        "leaving": None,
        "status": "paused",
        "lease": None,
    }
    gone |= {"encrypted_url": b"", "encrypted_credentials": None, "source_key": None, "http": None}
    gone |= {
        "reason": None,
        "message": None,
        "report": None,
        "unread": None,
        "detached_at": datetime.now(UTC),
    }
    connection.execute(update(_S).where(_S.id == subscription_id).values(**gone))


def erased(connection: Connection) -> list[tuple[int, int]]:
    """Subscriptions (id, user id) that were erased and still have rows."""
    return [(row.id, row.user_id) for row in connection.execute(_ERASED)]


def remove(database: Database, subscription_id: int, user_id: int) -> None:
    """Remove the rows of an erased subscription. Raises `DatabaseUnavailable`."""
    steps = Steps(database)
    outbox = delete(ScheduleChange).where(
        ScheduleChange.user_id == user_id, ScheduleChange.slug == slug_of(subscription_id)
    )
    more = True
    while more:
        with steps.write() as connection:
            ids = connection.scalars(_SOME_EVENTS, {"subscription": subscription_id}).all()
            connection.execute(delete(_E).where(_E.id.in_(ids)))
            connection.execute(outbox)  # the calendar is gone
            more = len(ids) == ROWS
    _forget(steps, subscription_id)
    with steps.write() as connection:
        connection.execute(delete(_S).where(_S.id == subscription_id, _S.erased))


def forget_detached(database: Database) -> None:
    """Forget the states that subscriptions were in which were ended, and whose events stay. Raises
    `DatabaseUnavailable`.
    """
    with database.read() as connection:
        found = connection.scalars(_FORGOTTEN).all()
    for subscription_id in found:
        _forget(Steps(database), subscription_id)


def _forget(steps: Steps, subscription_id: int) -> None:
    more = True
    while more:
        with steps.write() as connection:
            some = connection.execute(_SOME_VERSIONS, {"subscription": subscription_id}).all()
            events.drop(connection, subscription_id, [(it.uid, it.content_hash) for it in some])
            more = len(some) == ROWS
            if not more:
                connection.execute(delete(_G).where(_G.subscription_id == subscription_id))
