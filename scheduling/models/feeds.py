# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics feeds and their links."""

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

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class Feed(Base):
    """A secret .ics subscription of one user. `changed_at` (epoch seconds) rises with every change of its options;
    an option that is null is the installation's (history, cancelled jobs) or none (future, alarms, expiry).
    """

    __tablename__ = "feeds"
    __table_args__ = (
        CheckConstraint("detail IN ('full', 'busy')", name="detail"),
        Index(None, "user_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    kinds: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(String(8), server_default="full")
    history_months: Mapped[int | None] = mapped_column(BigInt)
    future_months: Mapped[int | None] = mapped_column(BigInt)
    cancelled_days: Mapped[int | None] = mapped_column(BigInt)
    alarm_minutes: Mapped[int | None] = mapped_column(BigInt)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[int] = mapped_column(BigInt)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeedToken(Base):
    """A feed's link, current or replaced; a replaced one says so until `ends_at`. The token itself is only kept
    encrypted, and only while it is current.
    """

    __tablename__ = "feed_tokens"
    __table_args__ = (Index(None, "feed_id"),)

    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    feed_id: Mapped[int] = mapped_column(ForeignKey("feeds.id", ondelete="CASCADE"))
    encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
