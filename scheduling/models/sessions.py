# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is signed in to the pages, with which browser."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class BrowserSession(Base):
    """One browser of one user; only the keyed hash of its token is kept. `credential_version` is that of the main
    password when the session began ("" for none), `began_by` is password or link, `confirmed_at` when the person last
    proved who it is. `address` is where the browser was last seen.
    """

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    credential_version: Mapped[str] = mapped_column(String(32))
    began_by: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(255))
