# SPDX-License-Identifier: GPL-3.0-or-later
"""The outbox, and calendars as they are served: objects, revisions, occurrences, viewers' own properties.

Moments are epoch seconds where queries compare them. Nothing here that is written while catching up has a foreign key
to a contract table: such a key would make the dispatch application's transactions wait for ours.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    Text,
    false,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from scheduling.database.types import BigInt
from scheduling.ical.spans import LONG
from scheduling.models.base import Base


class ScheduleChange(Base):
    """The outbox: one row per calendar touched, appended by triggers only and taken away by catching up.

    `source_id` NULL means "everything of this calendar". No unique index and no foreign key on purpose:
    writers must never wait for one another here. `spread` ones are of catching up itself: everything changed.
    """

    __tablename__ = "schedule_changes"
    __table_args__ = (Index(None, "user_id", "slug"),)
    __mapper_args__ = {"primary_key": ["user_id", "slug", "source_id", "changed_at"]}  # noqa: RUF012

    user_id: Mapped[int] = mapped_column(BigInt)
    slug: Mapped[str] = mapped_column(String(32))
    source_id: Mapped[int | None] = mapped_column(BigInt)
    changed_at: Mapped[int] = mapped_column(BigInt)
    spread: Mapped[bool] = mapped_column(Boolean, server_default=false())


class Calendar(Base):
    """One calendar of one user and how far it has caught up. `revision` only rises
    (scheduling/calendars/sync.py). A hidden one blocks time and is not served.
    `spread_epoch` and `spread_after` say how far everything was made pending (scheduling/calendars/spread.py).
    """

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
    hidden: Mapped[bool] = mapped_column(Boolean, server_default=false())
    spread_epoch: Mapped[str] = mapped_column(String(32), server_default="")
    spread_after: Mapped[int] = mapped_column(BigInt, server_default="0")


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
        Index(None, "calendar_id", "leaves_on", "name"),
        Index(None, "calendar_id", "source_id"),
        Index(None, "changed_at"),
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


_LASTS = text(f"ends_at - starts_at > {LONG}")


class OccurrenceRow(Base):
    """One instance of a recurring object inside its calendar's horizon; epoch seconds, exclusive end. Those longer than
    `LONG` are few and indexed apart, so that the others are found by a start that is not long ago.
    """

    __tablename__ = "occurrences"
    __table_args__ = (
        Index(None, "calendar_id", "starts_at"),
        Index(None, "calendar_id", "name"),
        Index(
            "occurrences_long_index", "calendar_id", "starts_at", sqlite_where=_LASTS, postgresql_where=_LASTS
        ),
    )
    __mapper_args__ = {"primary_key": ["calendar_id", "name", "starts_at"]}  # noqa: RUF012

    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    starts_at: Mapped[int] = mapped_column(BigInt)
    ends_at: Mapped[int] = mapped_column(BigInt)
    busy: Mapped[str] = mapped_column(String(16))


def lasts(instance: Any = OccurrenceRow) -> Any:
    """Whether an instance is in `occurrences_long_index`, in the words of that index."""
    return instance.ends_at - instance.starts_at > literal_column(str(LONG))


class CalendarProperty(Base):
    """A client-private property (colour, order, default alarms) that one viewer set on one collection."""

    __tablename__ = "calendar_properties"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
