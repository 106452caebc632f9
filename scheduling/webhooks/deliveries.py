# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: what was sent to a webhook, what is waiting, and what could not be delivered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.errors import Invalid, NotFound
from scheduling.models import Webhook, WebhookDelivery
from scheduling.webhooks import endpoints
from scheduling.webhooks.events import EXPIRES

STATUSES = ("pending", "delivered", "dead")


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event for one webhook. `status` is pending, delivered or dead; the rest tells of the last attempt:
    the HTTP status that came, how long it took, and the machine code and sentence of a failure.
    """

    id: int
    webhook_id: int
    event_id: str
    event_type: str
    status: str
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    next_at: int
    http_status: int | None
    milliseconds: int | None
    reason: str | None
    message: str | None


_D = WebhookDelivery
_COLUMNS = (
    _D.id,
    _D.webhook_id,
    _D.event_id,
    _D.event_type,
    _D.status,
    _D.attempts,
    _D.created_at,
    _D.last_attempt_at,
    _D.next_at,
    _D.http_status,
    _D.milliseconds,
    _D.reason,
    _D.message,
)


def get(connection: Connection, webhook_id: int, delivery_id: int) -> Delivery:
    """Raises `NotFound`."""
    row = connection.execute(
        select(*_COLUMNS).where(_D.id == delivery_id, _D.webhook_id == webhook_id)
    ).first()
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id} of webhook {webhook_id} in the log.")
    return _delivery(row)


def body(connection: Connection, delivery_id: int) -> str:
    """The text that is sent. Raises `NotFound`."""
    found = connection.scalar(select(_D.body).where(_D.id == delivery_id))
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id} in the log.")
    return found


def page(
    connection: Connection,
    webhook_id: int,
    *,
    before: int | None = None,
    limit: int = 100,
    status: str | None = None,
) -> list[Delivery]:
    """Up to `limit` deliveries, newest first, with ids below `before`, of one status or all. Raises `NotFound` for a
    webhook that is not there, `Invalid` for a status.
    """
    endpoints.get(connection, webhook_id)
    statement = select(*_COLUMNS).where(_D.webhook_id == webhook_id).order_by(_D.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(_D.id < before)
    if status is not None:
        if status not in STATUSES:
            raise Invalid(
                f"The status of a delivery must be {', '.join(STATUSES[:-1])} or {STATUSES[-1]}, not "
                f"{status!r}."
            )
        statement = statement.where(_D.status == status)
    return [_delivery(row) for row in connection.execute(statement)]


def retry(connection: Connection, webhook_id: int, delivery_id: int, *, actor: Actor) -> Delivery:
    """Queue a delivery again, whatever became of it, with all its attempts. Raises `NotFound`, `Invalid` for a paused
    webhook, `Forbidden`.
    """
    require(Permission.WEBHOOKS_MANAGE, actor=actor)
    get(connection, webhook_id, delivery_id)
    if endpoints.get(connection, webhook_id).status == "paused":
        raise Invalid(f"Webhook {webhook_id} is paused; resume it first.")
    anew = {"status": "pending", "attempts": 0, "next_at": 0, "expires_at": int(time.time()) + EXPIRES}
    connection.execute(update(_D).where(_D.id == delivery_id).values(**anew))
    connection.execute(update(Webhook).where(Webhook.id == webhook_id).values(next_at=0))
    audit.record(connection, "webhook.retry", f"webhook:{webhook_id}", delivery=delivery_id, actor=actor)
    return get(connection, webhook_id, delivery_id)


def _delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(**row._asdict())
