# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that is to be sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Identity, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class Mail(Base):
    """One thing for the worker: a letter to send, or somebody who asked for another password (`kind`). What it says
    holds a link or what a stranger typed, so it is encrypted. A row that is done with is deleted. `next_attempt_at`
    is in epoch seconds, null where there will be none; `error` says why the last attempt failed.
    """

    __tablename__ = "mail"
    __table_args__ = (Index(None, "next_attempt_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    encrypted_content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(BigInt)
    next_attempt_at: Mapped[int | None] = mapped_column(BigInt)
    error: Mapped[str | None] = mapped_column(String(255))
