# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that are good for one act of one person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class OneTimeLink(Base):
    """A link that was not used yet; only the keyed hash of its token is kept, and using it deletes the row. A user has
    one of each purpose at most. `detail` is what the purpose needs to know, and no secret.
    """

    __tablename__ = "one_time_links"
    __table_args__ = (UniqueConstraint("user_id", "purpose"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(16))
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    detail: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
