# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables. The first five are the contract that the dispatch application writes
(docs/scheduling-database.md); the others are Daysheet's own. Every table that grows is keyed by user or
calendar first.

Own tables keep moments as epoch seconds (`BigInt`) where queries compare them, and `UtcDateTime` where people
read them. No own table that is written while catching up has a foreign key to a contract table: such a key
would make the dispatch application's transactions wait for ours.
"""

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
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    false,
    func,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from scheduling.types import Amount, BigInt, IsoDate, JobStatus, Role, TimeOffStatus, UtcDateTime, one_of

_NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_index",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


class Base(DeclarativeBase):
    """Names every constraint, so that a driver error can be told by it."""

    metadata = MetaData(naming_convention=_NAMES)


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
        CheckConstraint(one_of("role", Role), name="role"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    display_name: Mapped[str] = mapped_column(String(255), server_default="")
    email: Mapped[str | None] = mapped_column(String(255))
    time_zone: Mapped[str] = mapped_column(String(64), server_default="UTC")
    active: Mapped[bool] = mapped_column(Boolean, server_default=true())
    calendar_access: Mapped[bool] = mapped_column(Boolean, server_default=true())
    role: Mapped[str] = mapped_column(String(32), server_default=Role.MEMBER.value)
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


class ScheduleChange(Base):
    """The outbox: one row per calendar touched, appended by triggers only and taken away by catching up.

    `source_id` NULL means "everything of this calendar". No unique index and no foreign key on purpose:
    writers must never wait for one another here.
    """

    __tablename__ = "schedule_changes"
    __table_args__ = (Index(None, "user_id", "slug"),)
    __mapper_args__ = {"primary_key": ["user_id", "slug", "source_id", "changed_at"]}  # noqa: RUF012

    user_id: Mapped[int] = mapped_column(BigInt)
    slug: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[int | None] = mapped_column(BigInt)
    changed_at: Mapped[int] = mapped_column(BigInt)


class Calendar(Base):
    """One calendar of one user and how far it has caught up. `revision` only rises (scheduling/sync.py)."""

    __tablename__ = "calendars"
    __table_args__ = (
        Index("calendars_user_id_slug_key", "user_id", "slug", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt)
    slug: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    display_name: Mapped[str | None] = mapped_column(String(255))
    color: Mapped[str | None] = mapped_column(String(9))
    revision: Mapped[int] = mapped_column(BigInt)
    pruned_revision: Mapped[int] = mapped_column(BigInt)
    view_epoch: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[int] = mapped_column(BigInt)
    expanded_from: Mapped[int] = mapped_column(BigInt)
    expanded_until: Mapped[int] = mapped_column(BigInt)


class CalendarRevision(Base):
    """The revisions given out together; a sync token is genuine only if its revision is the last of some."""

    __tablename__ = "calendar_revisions"

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True)
    last: Mapped[int] = mapped_column(BigInt, primary_key=True)
    first: Mapped[int] = mapped_column(BigInt)
    issued_at: Mapped[int] = mapped_column(BigInt)


class CalendarObject(Base):
    """One calendar object resource as it is served, with the facts that queries need. Deleted ones are
    tombstones.
    """

    __tablename__ = "calendar_objects"
    __table_args__ = (
        Index(None, "calendar_id", "revision"),
        Index(None, "calendar_id", "leaves_on"),
        Index(None, "calendar_id", "source_id"),
        Index("calendar_objects_extent_index", "calendar_id", "span", "starts_at"),
    )

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    uid: Mapped[str] = mapped_column(String(255))
    source_id: Mapped[int] = mapped_column(BigInt)
    revision: Mapped[int] = mapped_column(BigInt)
    sequence: Mapped[int] = mapped_column(BigInt)
    deleted: Mapped[bool] = mapped_column(Boolean, server_default=false())
    fingerprint: Mapped[str] = mapped_column(String(32))
    etag: Mapped[str] = mapped_column(String(64))
    component: Mapped[str] = mapped_column(Text)
    timezones: Mapped[str] = mapped_column(Text, server_default="")
    series: Mapped[str] = mapped_column(Text, server_default="")
    span: Mapped[int] = mapped_column(SmallInteger)
    starts_at: Mapped[int] = mapped_column(BigInt)
    ends_at: Mapped[int] = mapped_column(BigInt)
    leaves_on: Mapped[int] = mapped_column(BigInt)
    status: Mapped[str] = mapped_column(String(16))
    transparency: Mapped[str] = mapped_column(String(16))
    busy: Mapped[str] = mapped_column(String(16))
    changed_at: Mapped[int] = mapped_column(BigInt)


class UnrenderedSource(Base):
    """A source row that is left out of its calendar because it cannot be rendered."""

    __tablename__ = "unrendered_sources"

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True)
    source_id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)


class OccurrenceRow(Base):
    """One instance of a recurring object inside its calendar's horizon; epoch seconds, exclusive end."""

    __tablename__ = "occurrences"
    __table_args__ = (Index(None, "calendar_id", "starts_at"), Index(None, "calendar_id", "name"))
    __mapper_args__ = {"primary_key": ["calendar_id", "name", "starts_at"]}  # noqa: RUF012

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    starts_at: Mapped[int] = mapped_column(BigInt)
    ends_at: Mapped[int] = mapped_column(BigInt)
    busy: Mapped[str] = mapped_column(String(16))


class CalendarProperty(Base):
    """A client-private property (colour, order, default alarms) that one viewer set on one collection."""

    __tablename__ = "calendar_properties"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Credential(Base):
    """A user's main password (argon2). `version` changes with every change, so that caches notice."""

    __tablename__ = "credentials"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AppPassword(Base):
    """A random password for one calendar client; only its keyed hash is kept."""

    __tablename__ = "app_passwords"
    __table_args__ = (Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginFailure(Base):
    """Recent failed logins per throttle key (a keyed hash of account and address, account, or address)."""

    __tablename__ = "login_failures"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int] = mapped_column(BigInt)
    blocked_until: Mapped[int] = mapped_column(BigInt)
    last_at: Mapped[int] = mapped_column(BigInt)


class Setting(Base):
    """A value set while running, over the ini file's; JSON text."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Instance(Base):
    """One row: the random name of this installation, part of every UID."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(32))


class Feed(Base):
    """A secret .ics subscription of one user."""

    __tablename__ = "feeds"
    __table_args__ = (Index(None, "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[int] = mapped_column(BigInt)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeedToken(Base):
    """A feed's link, current or replaced. The token itself is only kept encrypted, and only while it is
    current.
    """

    __tablename__ = "feed_tokens"
    __table_args__ = (Index(None, "feed_id"),)

    lookup: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    feed_id: Mapped[int] = mapped_column(ForeignKey("feeds.id", ondelete="CASCADE"))
    encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Subscription(Base):
    """An outside calendar that blocks a user's time; the URL is a credential and only kept encrypted. `read_in` is the
    time zone in which its floating times were read.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'error', 'paused')", name="status"),
        Index(None, "user_id"),
        Index(None, "status", "next_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    encrypted_url: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16), server_default="active")
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    read_in: Mapped[str | None] = mapped_column(String(64))
    report: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(BigInt, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[int] = mapped_column(BigInt)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[int] = mapped_column(BigInt, server_default="0")


class ExternalEvent(Base):
    """One imported event (master and overrides of one UID), as normalised text with its stamps left open."""

    __tablename__ = "external_events"
    __table_args__ = (
        Index("external_events_subscription_id_uid_key", "subscription_id", "uid", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInt, Identity(), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(BigInt)
    uid: Mapped[str] = mapped_column(String(255))
    content_hash: Mapped[str] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(Text)
    timezones: Mapped[str] = mapped_column(Text, server_default="")
    series: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    transparency: Mapped[str] = mapped_column(String(16))


CONTRACT_TABLES = ("users", "jobs", "job_assignments", "blockers", "time_off")
