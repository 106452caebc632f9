# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks and what is, or was, to be sent to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class Webhook(Base):
    """An https address that is told of events. Its URL may hold a credential and its secret signs: both are only kept
    encrypted. `events` are event types separated by spaces; `next_at`, `lease_until` and `previous_until` are in
    epoch seconds.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'error', 'paused')", name="status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    label: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    encrypted_url: Mapped[bytes] = mapped_column(LargeBinary)
    encrypted_secret: Mapped[bytes] = mapped_column(LargeBinary)
    encrypted_previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[int] = mapped_column(BigInt, server_default="0")
    events: Mapped[str] = mapped_column(Text)
    within_hours: Mapped[int] = mapped_column(BigInt)
    status: Mapped[str] = mapped_column(String(16), server_default="active")
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(BigInt, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[int] = mapped_column(BigInt, server_default="0")
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[int] = mapped_column(BigInt, server_default="0")


class WebhookDelivery(Base):
    """One event for one webhook, with what came of the last attempt; the text is what is sent and signed. `version`
    is the state of `subject` that it tells of.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="status"),
        Index(None, "webhook_id", "status"),
        Index(None, "webhook_id", "subject"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(String(40))
    event_type: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(255))
    version: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), server_default="pending")
    attempts: Mapped[int] = mapped_column(BigInt, server_default="0")
    next_at: Mapped[int] = mapped_column(BigInt, server_default="0")
    expires_at: Mapped[int] = mapped_column(BigInt)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    http_status: Mapped[int | None] = mapped_column(BigInt)
    milliseconds: Mapped[int | None] = mapped_column(BigInt)
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
