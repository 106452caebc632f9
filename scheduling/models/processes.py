# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and workers, as they said last that they are there."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt
from scheduling.models.base import Base


class Process(Base):
    """A server or worker of one machine; moments are epoch seconds. `told_at` is when a server started, or the last
    cycle of a worker ended, whose next one ends before `due_at`. `address` is what a server listens on, as host:port,
    `zones` the digest of the rules of time zones that it uses (scheduling/ical/zone_data.py).
    """

    __tablename__ = "processes"
    __table_args__ = (CheckConstraint("kind IN ('server', 'worker')", name="kind"),)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    told_at: Mapped[int] = mapped_column(BigInt)
    due_at: Mapped[int] = mapped_column(BigInt)
    address: Mapped[str] = mapped_column(String(255), server_default="")
    zones: Mapped[str] = mapped_column(String(64))
