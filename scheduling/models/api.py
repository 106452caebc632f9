# SPDX-License-Identifier: GPL-3.0-or-later
"""What the REST API remembers between requests: answers to creations, and how often somebody asked."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt
from scheduling.models.base import Base


class IdempotentRequest(Base):
    """A creation that was asked for under a key. The answer is kept encrypted, since it may hold a new secret; it is
    NULL only inside the transaction that works on it.
    """

    __tablename__ = "idempotent_requests"
    __table_args__ = (Index(None, "created_at"),)

    scope: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[int] = mapped_column(BigInt)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)


class RequestCount(Base):
    """How many requests somebody has made in the present window (epoch seconds divided by its length)."""

    __tablename__ = "request_counts"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    time_window: Mapped[int] = mapped_column(BigInt)
    requests: Mapped[int] = mapped_column(BigInt)
