# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the delivery ledger: which subscribers are up to date, and who has seen a job as it is now.

A subscriber is one family of clients behind one feed or app password. What is said here is about calendars as they
were last caught up; read them through a `Snapshot` first to have that now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Label,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from scheduling.errors import NotFound
from scheduling.kinds import JOBS
from scheduling.models import (
    AppPassword,
    Calendar,
    CalendarObject,
    CalendarRevision,
    Feed,
    Job,
    JobAssignment,
    ScheduleChange,
    User,
)
from scheduling.models import Delivery as Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What one subscriber has. `stale_since` is when the first thing changed that it has not fetched, None while it is
    up to date. `fetched_at` is when it last fetched something new (None: it only asked), `last_at` its last request.
    `source` is "feed" or "app-password", with its id and label.
    """

    source: str
    source_id: int
    label: str
    client: str
    stale_since: datetime | None
    first_at: datetime
    fetched_at: datetime | None
    last_at: datetime
    requests: int
    address: str | None

    @property
    def up_to_date(self) -> bool:
        """Whether it has everything."""
        return self.stale_since is None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobReader:
    """One subscriber of an assignee, and whether it has fetched the job as it is now."""

    source: str
    source_id: int
    label: str
    client: str
    seen: bool
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AssigneeDelivery:
    """One assignee of a job. `changed_at` is when the job last looked different to him, None while it is not in his
    calendar; `seen` whether any of his subscribers has fetched it so.
    """

    user_id: int
    username: str
    changed_at: datetime | None
    readers: tuple[JobReader, ...]

    @property
    def seen(self) -> bool:
        """Whether any of them has."""
        return any(it.seen for it in self.readers)


_E = Entry
_O = CalendarObject
_LABELS = (
    func.coalesce(Feed.label, AppPassword.label).label("label"),
    Feed.changed_at.label("feed_changed_at"),
    Feed.kinds,
)
_LIVE = or_(
    and_(Feed.id.is_not(None), Feed.revoked_at.is_(None)),
    and_(AppPassword.id.is_not(None), AppPassword.revoked_at.is_(None)),
)
_ENTRIES = (
    select(_E, *_LABELS)
    .outerjoin(Feed, and_(_E.source == "feed", Feed.id == _E.source_id))
    .outerjoin(AppPassword, and_(_E.source == "app-password", AppPassword.id == _E.source_id))
    .where(_E.user_id == bindparam("user"), _LIVE)
    .order_by(_E.source, _E.source_id, _E.client, _E.calendar_id)
)
_CALENDARS = select(Calendar.id, Calendar.user_id, Calendar.kind, Calendar.revision).where(
    or_(Calendar.user_id == bindparam("user"), Calendar.id.in_(bindparam("ids", expanding=True)))
)


def _first_after(calendar: InstrumentedAttribute[int], revision: Any) -> tuple[Label[Any], Label[Any]]:
    """When the first thing changed after a revision of a calendar, by what is left of it and by when it was issued."""
    return (
        select(func.min(_O.changed_at))
        .where(_O.calendar_id == calendar, _O.revision > revision)
        .scalar_subquery()
        .label("changed_at"),
        select(func.min(CalendarRevision.issued_at))
        .where(CalendarRevision.calendar_id == calendar, CalendarRevision.last > revision)
        .scalar_subquery()
        .label("issued_at"),
    )


_BEHIND = (
    select(_E.source, _E.source_id, _E.client, _E.calendar_id, *_first_after(_E.calendar_id, _E.revision))
    .join(Calendar, Calendar.id == _E.calendar_id)
    .where(_E.user_id == bindparam("user"), _E.revision > 0, _E.revision < Calendar.revision)
)
_NEVER_FETCHED = select(Calendar.id, *_first_after(Calendar.id, 0)).where(
    Calendar.id.in_(bindparam("ids", expanding=True))
)


def of_user(connection: Connection, user_id: int) -> list[Delivery]:
    """Every subscriber of the user's feeds and app passwords that are not revoked, by feed or password."""
    entries = connection.execute(_ENTRIES, {"user": user_id}).all()
    calendars = {
        it.id: it
        for it in connection.execute(_CALENDARS, {"user": user_id, "ids": [it.calendar_id for it in entries]})
    }
    groups: dict[tuple[str, int, str], list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for entry in entries:
        groups[entry.source, entry.source_id, entry.client].append(entry)
    wanted = {key: _wanted(rows, calendars, user_id) for key, rows in groups.items()}
    missing = {it for key, ids in wanted.items() for it in ids - {row.calendar_id for row in groups[key]}}
    missed = _Missed.read(connection, user_id, missing)
    return [
        _delivery(rows, [calendars[it] for it in sorted(wanted[key])], missed) for key, rows in groups.items()
    ]


def of_feed(connection: Connection, user_id: int, feed_id: int) -> list[Delivery]:
    """The subscribers of one feed of the user."""
    return [it for it in of_user(connection, user_id) if (it.source, it.source_id) == ("feed", feed_id)]


def seen_job(connection: Connection, job_id: int) -> list[AssigneeDelivery]:
    """For every assignee of a job, which subscribers have it as it is now. Raises `NotFound`."""
    if not -(2**63) <= job_id < 2**63 or connection.scalar(select(Job.id).where(Job.id == job_id)) is None:
        raise NotFound(f"There is no job {job_id}.")
    assignees = connection.execute(
        select(User.id, User.username)
        .join(JobAssignment, JobAssignment.user_id == User.id)
        .where(JobAssignment.job_id == job_id)
        .order_by(User.username)
    ).all()
    return [_assignee(connection, job_id, it.id, it.username) for it in assignees]


def drop_orphans(connection: Connection) -> int:
    """Forget what was delivered through feeds or passwords, or of calendars, that are gone; returns how many rows."""
    gone = or_(
        and_(_E.source == "feed", ~exists().where(Feed.id == _E.source_id)),
        and_(_E.source == "app-password", ~exists().where(AppPassword.id == _E.source_id)),
        ~exists().where(Calendar.id == _E.calendar_id),
    )
    return connection.execute(delete(_E).where(gone)).rowcount


@dataclass(frozen=True, kw_only=True, slots=True)
class _Missed:
    """When the first thing changed that a subscriber has not fetched (epoch seconds, None where nothing is left that
    says it): by its entry in the ledger, and by the id of a calendar that it never fetched.
    """

    since: Mapping[tuple[str, int, str, int], int | None]
    ever: Mapping[int, int | None]

    @classmethod
    def read(cls, connection: Connection, user_id: int, missing: Collection[int]) -> _Missed:
        """For every subscriber of the user: two statements, however many there are."""
        behind = connection.execute(_BEHIND, {"user": user_id})
        since = {(it.source, it.source_id, it.client, it.calendar_id): _earlier(it) for it in behind}
        never = connection.execute(_NEVER_FETCHED, {"ids": sorted(missing)}) if missing else ()
        return cls(since=since, ever={it.id: _earlier(it) for it in never})

    def stale_since(self, calendar: Any, first: Any, entry: Any) -> int | None:
        """Epoch seconds; None where the entry of the subscriber, who has `first` as one, has the calendar's present
        revision.
        """
        if (0 if entry is None else entry.revision) >= calendar.revision:
            return None
        if entry is not None and not entry.revision:
            return int(entry.first_at)
        if entry is None:
            known = self.ever.get(calendar.id)
        else:
            known = self.since.get((first.source, first.source_id, first.client, calendar.id))
        return calendar.revision // 1000 if known is None else known


def _earlier(row: Any) -> int | None:
    return min((it for it in (row.changed_at, row.issued_at) if it is not None), default=None)


def _wanted(rows: Sequence[Row[*tuple[Any, ...]]], calendars: Mapping[int, Any], user_id: int) -> set[int]:
    """The ids of the calendars that a subscriber should have: all of a feed, of an app password what it fetched."""
    if rows[0].source != "feed":
        return {row.calendar_id for row in rows} & set(calendars)
    kinds = rows[0].kinds.split(",")
    return {it.id for it in calendars.values() if it.user_id == user_id and it.kind in kinds}


def _delivery(rows: Sequence[Row[*tuple[Any, ...]]], wanted: Iterable[Any], missed: _Missed) -> Delivery:
    first = rows[0]
    known = {row.calendar_id: row for row in rows}
    stale = [missed.stale_since(it, first, known.get(it.id)) for it in wanted]
    if first.feed_changed_at is not None and first.feed_changed_at > max(row.scope for row in rows):
        stale.append(first.feed_changed_at)
    moments = [it for it in stale if it is not None]
    fetched = max(row.fetched_at for row in rows)
    latest = max(rows, key=lambda row: row.last_at)
    return Delivery(
        source=first.source,
        source_id=first.source_id,
        label=first.label,
        client=first.client,
        stale_since=_moment(min(moments)) if moments else None,
        first_at=_moment(min(row.first_at for row in rows)),
        fetched_at=_moment(fetched) if fetched else None,
        last_at=_moment(latest.last_at),
        requests=max(row.requests for row in rows),
        address=latest.address,
    )


def _assignee(connection: Connection, job_id: int, user_id: int, username: str) -> AssigneeDelivery:
    calendar = connection.scalar(
        select(Calendar.id).where(Calendar.user_id == user_id, Calendar.slug == JOBS.slug)
    )
    shown = connection.execute(
        select(_O.revision, _O.changed_at, _O.deleted).where(
            _O.calendar_id == calendar, _O.source_id == job_id
        )
    ).first()
    pending = connection.scalar(
        select(func.count()).where(
            ScheduleChange.user_id == user_id,
            ScheduleChange.slug == JOBS.slug,
            or_(ScheduleChange.source_id == job_id, ScheduleChange.source_id.is_(None)),
        )
    )
    entries = connection.execute(_ENTRIES, {"user": user_id}).all()
    readers = tuple(
        JobReader(
            source=it.source,
            source_id=it.source_id,
            label=it.label,
            client=it.client,
            seen=shown is not None and not pending and it.revision >= shown.revision,
            last_at=_moment(it.last_at),
        )
        for it in entries
        if it.calendar_id == calendar
    )
    changed_at = None if shown is None or shown.deleted else _moment(shown.changed_at)
    return AssigneeDelivery(user_id=user_id, username=username, changed_at=changed_at, readers=readers)


def _moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
