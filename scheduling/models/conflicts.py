# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts of people's jobs with what else takes their time, and what is still to be looked at for them.

Nothing here refers to a contract table: such a key would make the dispatch application's transactions wait for ours.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Identity, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt, UtcDateTime
from scheduling.models.base import Base


class Conflict(Base):
    """A job of a user and another event of the same user that overlap; one row for the pair, whatever becomes of it.

    The job is the object `job_name` of the user's calendar `jobs`, the other event is `other_name` in `other_slug`.
    `starts_at` and `ends_at` (epoch seconds) are the first overlap that is not over, `overlaps` is the JSON of all of
    these, `overlap_count` says how many there are. `version` rises whenever the status or the overlaps change.
    """

    __tablename__ = "conflicts"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'acknowledged', 'resolved')", name="status"),
        Index(
            "conflicts_user_id_job_name_other_slug_other_name_key",
            "user_id",
            "job_name",
            "other_slug",
            "other_name",
            unique=True,
        ),
        Index(None, "user_id", "other_slug", "other_name"),
        Index(None, "status", "ends_at"),
        Index(None, "starts_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt)
    job_name: Mapped[str] = mapped_column(String(255))
    job_id: Mapped[int] = mapped_column(BigInt)
    job_reference: Mapped[str] = mapped_column(String(255), server_default="")
    job_title: Mapped[str] = mapped_column(Text)
    other_slug: Mapped[str] = mapped_column(String(32))
    other_name: Mapped[str] = mapped_column(String(255))
    other_kind: Mapped[str] = mapped_column(String(16))
    other_id: Mapped[int] = mapped_column(BigInt)
    other_title: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[int] = mapped_column(BigInt)
    ends_at: Mapped[int] = mapped_column(BigInt)
    last_ends_at: Mapped[int] = mapped_column(BigInt)
    overlaps: Mapped[str] = mapped_column(Text)
    overlap_count: Mapped[int] = mapped_column(BigInt)
    status: Mapped[str] = mapped_column(String(16), server_default="open")
    reason: Mapped[str | None] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(BigInt)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(255))
    note: Mapped[str | None] = mapped_column(Text)


class ConflictCheck(Base):
    """An object that changed and has not been compared with the user's other events. As in the outbox, no unique
    index: two calendars that are caught up at once must not wait for each other here.
    """

    __tablename__ = "conflict_checks"
    __table_args__ = (Index(None, "user_id"),)
    __mapper_args__ = {"primary_key": ["user_id", "slug", "name"]}  # noqa: RUF012

    user_id: Mapped[int] = mapped_column(BigInt)
    slug: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(255))


class ConflictUser(Base):
    """By which rules (a hash of settings) all events of a user have been compared; also the lock under which they
    are. `crowded`: some of the user's conflicts were left out, because there are more than are kept for one user.
    """

    __tablename__ = "conflict_users"

    user_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(String(32))
    crowded: Mapped[bool] = mapped_column(server_default=false())
