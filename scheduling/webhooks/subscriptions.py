# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions that begin to fail, or work again, as events."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

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
    facts = {"id": subscription_id, "user": row.username, "label": row.label, "host": row.host}
    if reason is None:
        emit(connection, EventType.SUBSCRIPTION_RECOVERED, {"subscription": facts})
    else:
        failure = {"reason": reason, "message": message}
        emit(connection, EventType.SUBSCRIPTION_ERROR, {"subscription": facts, **failure})
