# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract tables, which the dispatch application writes (docs/scheduling-database.md)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    func,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import (
    Amount,
    BigInt,
    IsoDate,
    JobStatus,
    Role,
    TimeOffStatus,
    UtcDateTime,
    one_of,
)
from scheduling.models.base import Base


def _period_checks() -> tuple[CheckConstraint, ...]:
    """Either an instant pair or a date pair (exclusive end), in order. SQLite has no date type: its texts are
    checked. PostgreSQL knows moments that no program can: they are refused.
    """
    return (
        CheckConstraint(
            "(starts_at IS NOT NULL AND ends_at IS NOT NULL AND start_date IS NULL AND end_date IS NULL "
            "AND ends_at >= starts_at)"
            " OR (starts_at IS NULL AND ends_at IS NULL AND start_date IS NOT NULL AND end_date IS NOT NULL"
            " AND end_date > start_date)",
            name="period",
        ),
        CheckConstraint(
            "(starts_at IS NULL OR (starts_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ "
            "T][0-2][0-9]:[0-5][0-9]*'"
            " AND julianday(starts_at) IS NOT NULL)) AND (ends_at IS NULL OR"
            " (ends_at GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]*'"
            " AND julianday(ends_at) IS NOT NULL))",
            name="instants",
        ).ddl_if(dialect="sqlite"),
        CheckConstraint(
            "(start_date IS NULL OR (start_date = date(start_date))) AND (end_date IS NULL OR (end_date = "
            "date(end_date)))",
            name="dates",
        ).ddl_if(dialect="sqlite"),
        CheckConstraint(
            "(starts_at IS NULL OR (starts_at >= '1000-01-01 00:00+00' AND ends_at < '3000-01-01 00:00+00'))"
            " AND (start_date IS NULL OR (start_date >= '1000-01-01' AND end_date < '3000-01-01'))"
            " AND isfinite(created_at)",
            name="range",
        ).ddl_if(dialect="postgresql"),
    )


class User(Base):
    """A person with a schedule; contract table."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "username <> '' AND username NOT LIKE '%/%' AND username NOT LIKE '%:%' AND username NOT LIKE "
            "'.%'",
            name="username",
        ),
        Index("users_lower_username_index", text("lower(username)")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    display_name: Mapped[str] = mapped_column(String(255), server_default="")
    email: Mapped[str | None] = mapped_column(String(255))
    time_zone: Mapped[str] = mapped_column(String(64), server_default="UTC")
    active: Mapped[bool] = mapped_column(Boolean, server_default=true())
    calendar_access: Mapped[bool] = mapped_column(Boolean, server_default=true())
    role: Mapped[str] = mapped_column(String(32), ForeignKey("roles.name"), server_default=Role.MEMBER.value)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.current_timestamp())


class Job(Base):
    """A piece of work for one or more users; contract table."""

    __tablename__ = "jobs"
    __table_args__ = (
        *_period_checks(),
        CheckConstraint(one_of("status", JobStatus), name="status"),
        CheckConstraint("latitude IS NULL OR (latitude >= -90 AND latitude <= 90)", name="latitude"),
        CheckConstraint("longitude IS NULL OR (longitude >= -180 AND longitude <= 180)", name="longitude"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(255), unique=True)
    job_type: Mapped[str | None] = mapped_column(String(255))
    organisation: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16), server_default=JobStatus.OFFERED.value)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    start_date: Mapped[date | None] = mapped_column(IsoDate)
    end_date: Mapped[date | None] = mapped_column(IsoDate)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(Text)
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    contact: Mapped[str | None] = mapped_column(Text)
    rate: Mapped[Decimal | None] = mapped_column(Amount)
    currency: Mapped[str | None] = mapped_column(String(3))
    notes: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.current_timestamp())


class JobAssignment(Base):
    """Who does a job; contract table."""

    __tablename__ = "job_assignments"
    __table_args__ = (Index(None, "user_id"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


class Blocker(Base):
    """Time in which a user is not available for jobs, once or recurring; contract table."""

    __tablename__ = "blockers"
    __table_args__ = (*_period_checks(), Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    reference: Mapped[str | None] = mapped_column(String(255), unique=True)
    title: Mapped[str] = mapped_column(String(255))
    notes: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    start_date: Mapped[date | None] = mapped_column(IsoDate)
    end_date: Mapped[date | None] = mapped_column(IsoDate)
    rrule: Mapped[str | None] = mapped_column(Text)
    rdate: Mapped[str | None] = mapped_column(Text)
    exdate: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.current_timestamp())


class TimeOff(Base):
    """Leave, sickness and other absence; contract table."""

    __tablename__ = "time_off"
    __table_args__ = (
        *_period_checks(),
        CheckConstraint(one_of("status", TimeOffStatus), name="status"),
        Index(None, "user_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    reference: Mapped[str | None] = mapped_column(String(255), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16), server_default=TimeOffStatus.REQUESTED.value)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    start_date: Mapped[date | None] = mapped_column(IsoDate)
    end_date: Mapped[date | None] = mapped_column(IsoDate)
    notes: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.current_timestamp())


CONTRACT_TABLES = tuple(it.__tablename__ for it in (User, Job, JobAssignment, Blocker, TimeOff))
