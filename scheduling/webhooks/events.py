# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that webhooks can be told of, and their way into the queue, in the transaction that made them happen."""

from __future__ import annotations

import enum
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from scheduling.models import Webhook, WebhookDelivery


class EventType(enum.StrEnum):
    """What a webhook can be registered for."""

    JOB_CHANGED = "job.changed"
    SUBSCRIPTION_ERROR = "subscription.error"
    SUBSCRIPTION_RECOVERED = "subscription.recovered"
    SUBSCRIPTION_QUARANTINED = "subscription.quarantined"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    FEED_REGENERATED = "feed.regenerated"
    CONFLICT_OPENED = "conflict.opened"
    CONFLICT_RESOLVED = "conflict.resolved"
    CONFLICT_ACKNOWLEDGED = "conflict.acknowledged"


KNOWN = frozenset(EventType)
"""All of them; also holds their names as plain text."""
TEST = "webhook.test"
"""The type of the event that tries a webhook out; it needs no registration."""
EXPIRES = 3 * 86_400
"""Seconds for which a delivery is tried at most."""

# The lock keeps a webhook from being removed between this look and the insert. It is shared, and changing other
# columns does not wait for it.
_LISTENING = (
    select(Webhook.id, Webhook.events, Webhook.within_hours)
    .where(Webhook.status != "paused")
    .order_by(Webhook.id)
    .with_for_update(read=True, key_share=True)
)
_AWAITED = select(Webhook.events).where(Webhook.status != "paused")
_LATEST = (
    select(WebhookDelivery.version)
    .where(WebhookDelivery.webhook_id == bindparam("webhook"), WebhookDelivery.subject == bindparam("about"))
    .order_by(WebhookDelivery.id.desc())
    .limit(1)
)

Listener = Row[*tuple[Any, ...]]


def emit(
    connection: Connection,
    event_type: str,
    payload: Mapping[str, Any],
    *,
    subject: str | None = None,
    dedupe: str | None = None,
) -> None:
    """Queue an event for every webhook registered for it; part of the caller's `Database.write()` transaction.

    `payload` is the event's JSON object `data` and holds no secret; moments in it are aware datetimes. With
    `dedupe`, webhooks whose latest event about the same `subject` (by default: `dedupe` itself) had the same one are
    left out.
    """
    found = listeners(connection, EventType(event_type))
    if found:
        send(connection, found, event_type, payload, subject=subject, dedupe=dedupe)


def listeners(connection: Connection, event_type: EventType) -> list[Listener]:
    """The webhooks (id, events, within_hours) registered for an event type and not paused."""
    return [row for row in connection.execute(_LISTENING) if event_type in row.events.split()]


def is_awaited(connection: Connection, event_type: EventType) -> bool:
    """Whether any webhook would be told; takes no lock, so a snapshot will do."""
    return any(event_type in events.split() for events in connection.scalars(_AWAITED))


def send(
    connection: Connection,
    found: Sequence[Listener],
    event_type: str,
    payload: Mapping[str, Any],
    *,
    subject: str | None = None,
    dedupe: str | None = None,
) -> None:
    """Queue an event for the given listeners, as `emit` does."""
    about = subject if subject is not None or dedupe is None else dedupe
    wanted = [row.id for row in found if dedupe is None or not _told(connection, row.id, about, dedupe)]
    if wanted:
        queue(connection, wanted, event_type, payload, subject=about, version=dedupe)


def queue(
    connection: Connection,
    webhook_ids: Sequence[int],
    event_type: str,
    payload: Mapping[str, Any],
    *,
    subject: str | None = None,
    version: str | None = None,
) -> list[int]:
    """Queue one event for some webhooks; returns the deliveries' ids in their order."""
    now = datetime.now(UTC)
    event_id = f"evt_{secrets.token_hex(16)}"
    envelope = {"id": event_id, "type": event_type, "created_at": now, "data": payload}
    values = {
        "event_id": event_id,
        "event_type": event_type,
        "subject": subject,
        "version": version,
        "body": json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), default=_encoded),
        "created_at": now,
        "expires_at": int(now.timestamp()) + EXPIRES,
    }
    statement = insert(WebhookDelivery).returning(WebhookDelivery.id, sort_by_parameter_order=True)
    rows = [{"webhook_id": webhook_id, **values} for webhook_id in webhook_ids]
    return list(connection.scalars(statement, rows))


def _told(connection: Connection, webhook_id: int, about: str | None, version: str) -> bool:
    return connection.scalar(_LATEST, {"webhook": webhook_id, "about": about}) == version


def _encoded(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")
