# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue as the daemon works it off: one webhook at a time is claimed under a lease, its deliveries in the order of
their events, and what came of each attempt is recorded, which also decides when to try again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import SecretsUnreadable
from scheduling.models import Webhook, WebhookDelivery
from scheduling.webhooks import TEST, endpoints

RETRY_AFTER = (10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
"""Seconds to wait after the first, second, ... failure."""
ATTEMPTS = len(RETRY_AFTER) + 1
"""A delivery that failed this often is dead: it is not tried again unless somebody asks for it."""
KEPT = 30 * 86_400
"""Seconds for which finished deliveries stay in the log."""
_BATCH = 20
_UNREADABLE_WAIT = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One delivery to make: `body` is the exact text to send and sign."""

    id: int
    event_id: str
    event_type: str
    body: str = field(repr=False)
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A webhook that was claimed, with its due deliveries in order. `url` and `secrets` (the current one first) are
    secrets; `lease` proves the claim.
    """

    webhook_id: int
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    lease: str
    deliveries: tuple[Outgoing, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """How an attempt ended. Without a `reason` it succeeded; else that is a machine code and `message` a sentence
    without the URL. `away` says that the receiver could not be reached or is not itself, rather than that it refused
    this delivery; `gone` that it wants no more at all; `retry_after` the seconds it asked to wait.
    """

    milliseconds: int
    http_status: int | None = None
    reason: str | None = None
    message: str | None = None
    away: bool = False
    gone: bool = False
    retry_after: int | None = None


_W = Webhook
_D = WebhookDelivery


class WebhookQueue:
    """Every method is one transaction. Moments are in epoch seconds."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def is_due(self, now: int) -> bool:
        """Whether `claim` would find something; takes no lock."""
        with self._database.read() as connection:
            return connection.execute(_due(now)).first() is not None

    def claim(self, now: int, lease_seconds: int, only: int | None = None) -> Claim | None:
        """Lease a webhook that has something due, the longest waiting first, or the one of the delivery `only`, due or
        not. None when there is none.
        """
        while True:
            with self._database.write() as connection:
                row = connection.execute(
                    _due(now, only).with_for_update(of=_W, key_share=True, skip_locked=True)
                ).first()
                if row is None:
                    return None
                claimed = self._lease(connection, row, now, lease_seconds, only)
            if claimed is not None or only is not None:
                return claimed

    def record(
        self, claim: Claim, delivery: Outgoing, attempt: Attempt, now: int, lease_seconds: int
    ) -> bool:
        """Note how an attempt ended and when to try again; returns whether to go on with the claim's deliveries.
        Writes nothing once the claim is lost.
        """
        with self._database.write() as connection:
            held = select(_W.failures).where(_W.id == claim.webhook_id, _W.lease == claim.lease)
            failures = connection.scalar(held.with_for_update(key_share=True))
            if failures is None:
                return False
            attempts = delivery.attempts + 1
            known = {
                "attempts": attempts,
                "last_attempt_at": datetime.fromtimestamp(now, UTC),
                "http_status": attempt.http_status,
                "milliseconds": attempt.milliseconds,
                "reason": attempt.reason,
                "message": attempt.message,
                **_fate(delivery, attempt, attempts, now),
            }
            connection.execute(update(_D).where(_D.id == delivery.id).values(**known))
            state = _state(attempt, failures, now)
            renewed = {"lease_until": now + lease_seconds}
            connection.execute(update(_W).where(_W.id == claim.webhook_id).values(**state, **renewed))
            if attempt.gone:
                endpoints.pause(connection, claim.webhook_id, reason=attempt.reason, actor=SYSTEM)
            return not (attempt.away or attempt.gone)

    def release(self, claim: Claim) -> None:
        """Give the claim back."""
        with self._database.write() as connection:
            connection.execute(
                update(_W)
                .where(_W.id == claim.webhook_id, _W.lease == claim.lease)
                .values(lease=None, lease_until=0)
            )

    def _lease(
        self,
        connection: Connection,
        row: Row[*tuple[Any, ...]],
        now: int,
        lease_seconds: int,
        only: int | None,
    ) -> Claim | None:
        _expire(connection, row.id, now)
        _drop_repeated(connection, row.id)
        try:
            url = self._keyring.decrypt(row.encrypted_url)
            keys = [self._keyring.decrypt(row.encrypted_secret)]
            if row.encrypted_previous_secret is not None and row.previous_until > now:
                keys.append(self._keyring.decrypt(row.encrypted_previous_secret))
        except SecretsUnreadable:
            unreadable = "Its address cannot be read with the present key."
            problem = {"status": "error", "reason": "key", "message": unreadable}
            later = {"next_at": now + _UNREADABLE_WAIT}
            connection.execute(update(_W).where(_W.id == row.id).values(**problem, **later))
            return None
        lease = secrets.token_hex(8)
        connection.execute(
            update(_W).where(_W.id == row.id).values(lease=lease, lease_until=now + lease_seconds)
        )
        return Claim(
            webhook_id=row.id,
            url=url,
            secrets=tuple(keys),
            lease=lease,
            deliveries=tuple(_outgoing(connection, row.id, now, only)),
        )


def prune(connection: Connection, now: int) -> int:
    """Drop finished deliveries older than `KEPT` from the log; returns how many."""
    old = datetime.fromtimestamp(now - KEPT, UTC)
    return connection.execute(delete(_D).where(_D.status != "pending", _D.created_at < old)).rowcount


def _due(now: int, only: int | None = None) -> Select[*tuple[Any, ...]]:
    pending = and_(_D.webhook_id == _W.id, _D.status == "pending")
    wanted = (
        and_(_W.next_at <= now, exists().where(pending, _D.next_at <= now))
        if only is None
        else exists().where(pending, _D.id == only)
    )
    return (
        select(
            _W.id,
            _W.encrypted_url,
            _W.encrypted_secret,
            _W.encrypted_previous_secret,
            _W.previous_until,
        )
        .where(_W.status != "paused", wanted, or_(_W.lease.is_(None), _W.lease_until < now))
        .order_by(_W.next_at, _W.id)
        .limit(1)
    )


def _outgoing(connection: Connection, webhook_id: int, now: int, only: int | None) -> Sequence[Outgoing]:
    wanted = _D.next_at <= now if only is None else _D.id == only
    rows = connection.execute(
        select(_D.id, _D.event_id, _D.event_type, _D.body, _D.attempts)
        .where(_D.webhook_id == webhook_id, _D.status == "pending", wanted)
        .order_by(_D.id)
        .limit(_BATCH)
    )
    return [Outgoing(**row._asdict()) for row in rows]


def _expire(connection: Connection, webhook_id: int, now: int) -> None:
    connection.execute(
        update(_D)
        .where(_D.webhook_id == webhook_id, _D.status == "pending", _D.expires_at <= now)
        .values(status="dead", reason="expired", message="It could not be delivered within three days.")
    )


def _drop_repeated(connection: Connection, webhook_id: int) -> None:
    """Drop what tells the same as the delivery before it about the same subject: transactions that queued it at the
    same moment could not see each other.
    """
    before = aliased(_D)
    version_before = (
        select(before.version)
        .where(before.webhook_id == webhook_id, before.subject == _D.subject, before.id < _D.id)
        .order_by(before.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(_D).where(
            _D.webhook_id == webhook_id,
            _D.status == "pending",
            _D.last_attempt_at.is_(None),
            _D.version == version_before,
        )
    )


def _fate(delivery: Outgoing, attempt: Attempt, attempts: int, now: int) -> dict[str, Any]:
    """What becomes of the delivery. While the receiver is away, the webhook waits as a whole, which keeps the order;
    a delivery that was refused waits by itself and lets later ones pass. A test is not tried again.
    """
    if attempt.reason is None:
        return {"status": "delivered"}
    if attempts >= ATTEMPTS or delivery.event_type == TEST:
        return {"status": "dead"}
    if attempt.away or attempt.gone:
        return {}
    return {"next_at": now + _wait(attempts, attempt.retry_after)}


def _state(attempt: Attempt, failures: int, now: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(now, UTC)
    if attempt.reason is None:
        succeeded = {"status": "active", "reason": None, "message": None, "failures": 0}
        return {**succeeded, "next_at": 0, "last_attempt_at": moment, "last_success_at": moment}
    told = {
        "status": "error",
        "reason": attempt.reason,
        "message": attempt.message,
        "last_attempt_at": moment,
    }
    if not attempt.away:
        return told
    return {**told, "failures": failures + 1, "next_at": now + _wait(failures + 1, attempt.retry_after)}


def _wait(failures: int, retry_after: int | None) -> int:
    wait = RETRY_AFTER[min(failures, len(RETRY_AFTER)) - 1]
    return min(max(wait, retry_after or 0), RETRY_AFTER[-1])
