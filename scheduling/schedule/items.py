# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, blockers and time off as rows of the contract tables, read one by one and in lists.

The contract tables keep no version, and whoever writes them maintains none; so an item's entity tag is the hash of
its content. What changed since a moment is told by what is derived from the rows: objects in calendars that changed,
changes not yet worked off, and rows created since. A change that shows in no calendar is therefore not reported.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, func, or_, select

from scheduling.database.chunks import chunks
from scheduling.errors import NotFound
from scheduling.kinds import BLOCKERS, JOBS, TIME_OFF
from scheduling.models import (
    Blocker,
    Calendar,
    CalendarObject,
    Job,
    JobAssignment,
    ScheduleChange,
    TimeOff,
    User,
)
from scheduling.schedule.entries import Kind

Table = type[Job] | type[Blocker] | type[TimeOff]
TABLES: Mapping[Kind, Table] = {Kind.JOB: Job, Kind.BLOCKER: Blocker, Kind.TIME_OFF: TimeOff}
_SHOWN = {Kind.JOB: JOBS, Kind.BLOCKER: BLOCKERS, Kind.TIME_OFF: TIME_OFF}
SLUGS: Mapping[Kind, str] = {kind: it.slug for kind, it in _SHOWN.items()}
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One row: `values` are its columns by name, `users` the usernames of those it concerns, by name."""

    kind: Kind
    id: int
    users: tuple[str, ...]
    user_ids: tuple[int, ...]
    values: Mapping[str, Any]

    @property
    def etag(self) -> str:
        """A strong entity tag of the content, quoted."""
        content = json.dumps(
            [self.kind, self.id, self.users, dict(self.values)], default=_plain, sort_keys=True
        )
        return f'"{blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which items are wanted; None and empty do not restrict.

    `start` and `end` bound a range that items overlap, one that starts and ends at the same moment included; items of
    whole days are compared by their days in UTC. `statuses` has no meaning for blockers.
    """

    start: datetime | None = None
    end: datetime | None = None
    statuses: Collection[str] = ()
    user_id: int | None = None
    reference: str | None = None
    changed_since: datetime | None = None


def get(connection: Connection, kind: Kind, item_id: int, *, lock: bool = False) -> Item:
    """The item; with `lock`, nobody else changes it until the transaction ends. Raises `NotFound`."""
    table = TABLES[kind]
    statement: Select[*tuple[Any, ...]] = select(table).where(table.id == item_id)
    row = connection.execute(statement.with_for_update() if lock else statement).mappings().first()
    if row is None:
        raise NotFound(f"There is no {kind.noun} {item_id}.")
    return _items(connection, kind, [dict(row)])[0]


def by_reference(connection: Connection, kind: Kind, references: Sequence[str]) -> dict[str, Item]:
    """The items with these references, by reference."""
    table = TABLES[kind]
    found: dict[str, Item] = {}
    for some in chunks(references):
        wanted = select(table).where(table.reference.in_(some))
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
        found |= {str(it.values["reference"]): it for it in _items(connection, kind, rows)}
    return found


def page(connection: Connection, kind: Kind, wanted: Filter, *, after: int | None, limit: int) -> list[Item]:
    """Up to `limit` items with an id above `after`, by id."""
    table = TABLES[kind]
    statement: Select[*tuple[Any, ...]] = select(table).where(*_conditions(connection, kind, wanted))
    if after is not None:
        statement = statement.where(table.id > after)
    rows = connection.execute(statement.order_by(table.id).limit(limit)).mappings()
    return _items(connection, kind, [dict(row) for row in rows])


def _conditions(connection: Connection, kind: Kind, wanted: Filter) -> list[ColumnElement[bool]]:
    table = TABLES[kind]
    found: list[ColumnElement[bool]] = []
    if wanted.start is not None or wanted.end is not None:
        found.append(_overlaps(connection, table, wanted.start, wanted.end))
    if wanted.statuses and table is not Blocker:
        found.append(table.status.in_(wanted.statuses))  # type: ignore[union-attr]
    if wanted.reference is not None:
        found.append(table.reference == wanted.reference)
    if wanted.user_id is not None:
        found.append(_of_user(table, wanted.user_id))
    if wanted.changed_since is not None:
        found.append(_changed(kind, wanted.changed_since))
    return found


def _overlaps(
    connection: Connection, table: Table, start: datetime | None, end: datetime | None
) -> ColumnElement[bool]:
    # SQLite keeps instants as text in several forms, which only compare as numbers.
    number = func.julianday if connection.dialect.name == "sqlite" else _itself
    instants: list[ColumnElement[bool]] = [table.starts_at.is_not(None)]
    days: list[ColumnElement[bool]] = [table.start_date.is_not(None)]
    if start is not None:
        given = number(bindparam("range_start", start, type_=table.starts_at.type))
        instants.append(
            or_(
                number(table.ends_at) > given,
                and_(number(table.starts_at) == number(table.ends_at), number(table.starts_at) == given),
            )
        )
        days.append(table.end_date > start.astimezone(UTC).date())
    if end is not None:
        instants.append(
            number(table.starts_at) < number(bindparam("range_end", end, type_=table.starts_at.type))
        )
        days.append(table.start_date <= (end.astimezone(UTC) - _MICROSECOND).date())
    return or_(and_(*instants), and_(*days))


def _itself(value: Any) -> Any:
    return value


def _of_user(table: Table, user_id: int) -> ColumnElement[bool]:
    if table is Job:
        return exists().where(JobAssignment.job_id == Job.id, JobAssignment.user_id == user_id)
    return table.user_id == user_id  # type: ignore[union-attr]


def _changed(kind: Kind, since: datetime) -> ColumnElement[bool]:
    table, slug, moment = TABLES[kind], SLUGS[kind], int(since.timestamp())
    shown = (
        select(CalendarObject.source_id)
        .join(Calendar, Calendar.id == CalendarObject.calendar_id)
        .where(CalendarObject.changed_at >= moment, Calendar.slug == slug)
    )
    pending = select(ScheduleChange.source_id).where(
        ScheduleChange.slug == slug,
        ScheduleChange.changed_at >= moment,
        ScheduleChange.source_id.is_not(None),
    )
    return or_(table.id.in_(shown), table.id.in_(pending), table.created_at >= since)


def _items(connection: Connection, kind: Kind, rows: Sequence[dict[str, Any]]) -> list[Item]:
    owners = (
        _assigned(connection, rows) if kind is Kind.JOB else {row["id"]: [row["user_id"]] for row in rows}
    )
    names = _usernames(connection, {user_id for ids in owners.values() for user_id in ids})
    return [
        _item(kind, row, sorted((names[it], it) for it in owners[row["id"]] if it in names)) for row in rows
    ]


def _item(kind: Kind, row: dict[str, Any], users: Sequence[tuple[str, int]]) -> Item:
    values = {name: value for name, value in row.items() if name not in ("id", "user_id")}
    return Item(
        kind=kind,
        id=row["id"],
        users=tuple(name for name, _ in users),
        user_ids=tuple(user_id for _, user_id in users),
        values=values,
    )


def _assigned(connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {row["id"]: [] for row in rows}
    for ids in chunks(list(found)):
        of_jobs = JobAssignment.job_id.in_(ids)
        for job_id, user_id in connection.execute(
            select(JobAssignment.job_id, JobAssignment.user_id).where(of_jobs)
        ):
            found[job_id].append(user_id)
    return found


def _usernames(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(select(User.id, User.username).where(User.id.in_(some)))
        found |= {row.id: row.username for row in rows}
    return found


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return str(value)
