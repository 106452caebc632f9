# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar apps that ask with a wrong password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import UtcDateTime
from scheduling.models.base import Base


class SignInRefusal(Base):
    """One family of clients that was refused as one user, from `first_at` to `last_at`, `count` times."""

    __tablename__ = "sign_in_refusals"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    client: Mapped[str] = mapped_column(String(32), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    count: Mapped[int] = mapped_column(Integer)
