# SPDX-License-Identifier: GPL-3.0-or-later
"""The delivery ledger: what calendar clients have fetched."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt
from scheduling.models.base import Base


class Delivery(Base):
    """One family of clients reading one calendar through one feed or app password. Moments are epoch seconds.

    `revision` is the calendar's newest revision handed out and `scope` the feed's `changed_at` then (0 for an app
    password). No foreign keys: a batch of these rows must never make the deletion of a user wait.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("source IN ('feed', 'app-password')", name="source"),
        Index(None, "calendar_id"),
    )

    user_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(16), primary_key=True)
    source_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    client: Mapped[str] = mapped_column(String(32), primary_key=True)
    calendar_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(BigInt)
    scope: Mapped[int] = mapped_column(BigInt)
    first_at: Mapped[int] = mapped_column(BigInt)
    fetched_at: Mapped[int] = mapped_column(BigInt)
    last_at: Mapped[int] = mapped_column(BigInt)
    requests: Mapped[int] = mapped_column(BigInt)
    address: Mapped[str | None] = mapped_column(String(64))
