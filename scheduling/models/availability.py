# SPDX-License-Identifier: GPL-3.0-or-later
"""Working hours, and links under which a user's free and busy times can be read."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt
from scheduling.models.base import Base


class WorkingPeriod(Base):
    """Part of a weekday on which a user works; minutes after midnight in the user's time zone, exclusive end."""

    __tablename__ = "working_periods"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("starts >= 0 AND ends > starts AND ends <= 1440", name="period"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    weekday: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    starts: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    ends: Mapped[int] = mapped_column(SmallInteger)


class FreeBusyLink(Base):
    """The secret link to one user's free and busy times; the token is only kept hashed and encrypted."""

    __tablename__ = "free_busy_links"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    lookup: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    encrypted_token: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int] = mapped_column(BigInt)
