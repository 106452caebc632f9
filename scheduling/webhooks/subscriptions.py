# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions that begin to fail, work again, are doubted or were given up, as events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from scheduling.models import Subscription, User
from scheduling.webhooks.events import EventType, emit

_STATE = (
    select(Subscription.status, Subscription.label, Subscription.host, User.username)
    .join(User, User.id == Subscription.user_id)
    .where(Subscription.id == bindparam("subscription"))
)


def emit_outcome(
    connection: Connection, subscription_id: int, reason: str | None = None, message: str | None = None
) -> None:
    """Queue an event if an import that ended with `reason` (None: well) is a turn; to be called before the
    subscription's status is changed, in the same transaction.
    """
    row = connection.execute(_STATE, {"subscription": subscription_id}).first()
    if row is None or (row.status == "error") == (reason is not None):
        return
    facts = _facts(subscription_id, row)
    if reason is None:
        emit(connection, EventType.SUBSCRIPTION_RECOVERED, facts)
    else:
        emit(connection, EventType.SUBSCRIPTION_ERROR, {**facts, "reason": reason, "message": message})


def emit_quarantined(
    connection: Connection, subscription_id: int, generation_id: int, reason: str, message: str
) -> None:
    """Queue the event that what was read is not believed, so that somebody can decide; part of the transaction that
    puts it into quarantine.
    """
    row = connection.execute(_STATE, {"subscription": subscription_id}).first()
    if row is not None:
        why = {"generation": generation_id, "reason": reason, "message": message}
        emit(connection, EventType.SUBSCRIPTION_QUARANTINED, {**_facts(subscription_id, row), **why})


def emit_paused(connection: Connection, subscription_id: int, reason: str, message: str) -> None:
    """Queue the event that a subscription is not fetched any more because it failed for too long or is gone; part of
    the transaction that pauses it.
    """
    row = connection.execute(_STATE, {"subscription": subscription_id}).first()
    if row is not None:
        facts = _facts(subscription_id, row)
        emit(connection, EventType.SUBSCRIPTION_PAUSED, {**facts, "reason": reason, "message": message})


def _facts(subscription_id: int, row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    facts = {"id": subscription_id, "user": row.username, "label": row.label, "host": row.host}
    return {"subscription": facts}
