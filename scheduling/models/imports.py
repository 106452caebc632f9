# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars and the events imported from them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.models.base import Base
from scheduling.types import BigInt, UtcDateTime


class Subscription(Base):
    """An outside calendar that blocks a user's time; the URL is a credential and only kept encrypted. `read_in` is the
    time zone in which its floating times were read. `source_key` is a keyed digest of the URL and its credentials, by
    which equal ones are fetched together (null: to be computed), `body_digest` one of what was last read, `refresh`
    the seconds that the feed asks to wait between fetches, `failing_since` the epoch second of the first failure in
    a row.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'error', 'paused')", name="status"),
        Index(None, "user_id"),
        Index(None, "status", "next_at"),
        Index(None, "source_key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    encrypted_url: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16), server_default="active")
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    read_in: Mapped[str | None] = mapped_column(String(64))
    report: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(BigInt, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[int] = mapped_column(BigInt)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[int] = mapped_column(BigInt, server_default="0")
    source_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    body_digest: Mapped[str | None] = mapped_column(String(64))
    refresh: Mapped[int] = mapped_column(BigInt, server_default="0")
    failing_since: Mapped[int | None] = mapped_column(BigInt)


class ExternalEvent(Base):
    """One imported event (master and overrides of one UID), as normalised text with its stamps left open."""

    __tablename__ = "external_events"
    __table_args__ = (
        Index("external_events_subscription_id_uid_key", "subscription_id", "uid", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(BigInt)
    uid: Mapped[str] = mapped_column(String(255))
    content_hash: Mapped[str] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(Text)
    timezones: Mapped[str] = mapped_column(Text, server_default="")
    series: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    transparency: Mapped[str] = mapped_column(String(16))
