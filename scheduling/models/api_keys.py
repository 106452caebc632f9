# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys with which scripts use the REST API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class ApiKey(Base):
    """A key of one user, or of the installation where `user_id` is null; only its keyed hash is kept. `permissions`
    are names separated by blanks.
    """

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    permissions: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
