# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up: working a calendar's pending changes off into objects and revisions, in one short write transaction.

The calendar's row is locked first, so revisions are given out in the order in which they become visible and no change
is ever skipped: an outbox row that commits later is simply taken the next time. Only what really looks different gets
a new revision; what is gone or no longer visible becomes a tombstone (RFC 6578, section 3.5.2).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scheduling import sources
from scheduling.calendars import BUILT_IN
from scheduling.ical.event import stamped
from scheduling.models import (
    Calendar,
    CalendarObject,
    CalendarRevision,
    Instance,
    OccurrenceRow,
    ScheduleChange,
    UnrenderedSource,
    User,
)
from scheduling.rendered import Horizon, Rendered
from scheduling.objects import etag_of
from scheduling.view import View, today

logger = logging.getLogger(__name__)

_CHUNK = 1000
_O = CalendarObject.__table__
_CALENDAR = (
    select(Calendar)
    .where(Calendar.user_id == bindparam("u"), Calendar.slug == bindparam("s"))
    .with_for_update()
)
_TAKE = (
    delete(ScheduleChange)
    .where(ScheduleChange.user_id == bindparam("u"), ScheduleChange.slug == bindparam("s"))
    .returning(ScheduleChange.source_id, ScheduleChange.changed_at)
)
_OWNER = select(User.id, User.display_name, User.username, User.time_zone, Instance.name).where(
    User.id == bindparam("u"), Instance.id == 1
)
_KNOWN = select(
    CalendarObject.source_id,
    CalendarObject.name,
    CalendarObject.fingerprint,
    CalendarObject.deleted,
    CalendarObject.sequence,
    CalendarObject.changed_at,
    CalendarObject.span,
    CalendarObject.starts_at,
    CalendarObject.ends_at,
    CalendarObject.busy,
).where(
    CalendarObject.calendar_id == bindparam("c"),
    CalendarObject.source_id.in_(bindparam("ids", expanding=True)),
)
_LIVE_IDS = select(CalendarObject.source_id).where(
    CalendarObject.calendar_id == bindparam("c"), ~CalendarObject.deleted
)
_RECURRING_IDS = _LIVE_IDS.where(CalendarObject.span == 2)
_THIS = (CalendarObject.calendar_id == bindparam("c"), CalendarObject.name == bindparam("n"))
_NEW_FACTS = update(CalendarObject.__table__).where(*_THIS).values(
    starts_at=bindparam("start"), ends_at=bindparam("end"), busy=bindparam("b"), span=bindparam("kind"))
_BURY = update(CalendarObject.__table__).where(*_THIS).values(
    deleted=True, revision=bindparam("r"), changed_at=bindparam("moment"), component="", timezones="", series="")


@dataclass(slots=True)
class _Batch:
    """What one catching-up run has found so far."""

    calendar_id: int
    next_revision: int
    now: int
    changed: dict[int, int]
    writes: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    tombstones: list[dict[str, Any]] = field(default_factory=list)
    occurrences: list[dict[str, Any]] = field(default_factory=list)
    stale_occurrences: list[str] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    newest: int = 0

    def take_revision(self) -> int:
        revision = self.next_revision
        self.next_revision += 1
        return revision

    def moment(self, source_id: int, previous: int) -> int:
        """When the source changed; later than the object's last change, since clients compare LAST-MODIFIED."""
        moment = max(self.changed.get(source_id, self.now), previous + 1)
        self.newest = max(self.newest, moment)
        return moment


def ensure_calendars(connection: Connection, user_id: int, now: int | None = None) -> None:
    """Create the user's built-in calendars where they are missing; they start behind, with nothing rendered."""
    now = int(time.time()) if now is None else now
    for slug in BUILT_IN:
        create_calendar(connection, user_id=user_id, slug=slug, kind=slug, now=now)


def create_calendar(
    connection: Connection, *, user_id: int, slug: str, kind: str, now: int, display_name: str | None = None
) -> None:
    """Create one calendar unless it exists. Its first revision is already a genuine one."""
    revision = now * 1000
    statement = (
        _dialect(connection)
        .insert(Calendar)
        .values(
            user_id=user_id,
            slug=slug,
            kind=kind,
            display_name=display_name,
            revision=revision,
            pruned_revision=revision,
            view_epoch="",
            changed_at=now,
            expanded_from=0,
            expanded_until=0,
        )
    )
    created = connection.execute(
        statement.on_conflict_do_nothing(index_elements=["user_id", "slug"]).returning(Calendar.id)
    ).scalar()
    if created is not None:
        connection.execute(
            insert(CalendarRevision).values(calendar_id=created, first=revision, last=revision, issued_at=now)
        )


def catch_up(connection: Connection, user_id: int, slug: str, view: View, now: int | None = None) -> int:
    """Bring one calendar up to date; returns how many objects got a new revision. Inside `Database.write()`."""
    now = int(time.time()) if now is None else now
    calendar = connection.execute(_CALENDAR, {"u": user_id, "s": slug}).first()
    owner_row = connection.execute(_OWNER, {"u": user_id}).first()
    pending = connection.execute(_TAKE, {"u": user_id, "s": slug}).all()
    if calendar is None or owner_row is None:
        return 0
    owner = sources.Owner(
        user_id=user_id,
        display_name=owner_row.display_name or owner_row.username,
        time_zone=owner_row.time_zone,
        instance=owner_row.name,
    )
    horizon = view.horizon(today(now))
    everything = calendar.view_epoch != view.epoch or any(row.source_id is None for row in pending)
    changed = _changed(pending, everything, now)
    batch = _Batch(
        calendar_id=calendar.id,
        next_revision=max(calendar.revision + 1, now * 1000),
        now=now,
        changed=changed,
    )
    for chunk in _chunks(_affected(connection, calendar, everything, changed, horizon)):
        _diff(connection, batch, calendar.kind, owner, chunk, view, horizon)
        _store(connection, batch, chunk)
    return _finish(connection, batch, calendar, view, horizon)


def _changed(pending: Sequence[Row[Any]], everything: bool, now: int) -> dict[int, int]:
    changed: dict[int, int] = {}
    for row in pending:
        if row.source_id is not None:
            changed[row.source_id] = max(changed.get(row.source_id, 0), min(row.changed_at, now))
    return changed


def _affected(
    connection: Connection, calendar: Row[Any], everything: bool, changed: dict[int, int], horizon: Horizon
) -> list[int]:
    affected = set(changed)
    if everything:
        affected.update(
            sources.ids(connection, calendar.kind, calendar.user_id, subscription_of(calendar.slug))
        )
        affected.update(connection.scalars(_LIVE_IDS, {"c": calendar.id}))
    elif (calendar.expanded_from, calendar.expanded_until) != (horizon.start, horizon.end):
        affected.update(connection.scalars(_RECURRING_IDS, {"c": calendar.id}))
    return sorted(affected)


def _chunks(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _diff(
    connection: Connection,
    batch: _Batch,
    kind: str,
    owner: sources.Owner,
    chunk: list[int],
    view: View,
    horizon: Horizon,
) -> None:
    known = {row.source_id: row for row in connection.execute(_KNOWN, {"c": batch.calendar_id, "ids": chunk})}
    seen: dict[int, Rendered] = {}
    for result in sources.render(connection, kind, owner, chunk, view, horizon):
        if isinstance(result, sources.LeftOut):
            batch.left_out.append(
                {"calendar_id": batch.calendar_id, "source_id": result.source_id, "reason": result.reason}
            )
        else:
            seen[result.source_id] = result
    for source_id in chunk:
        rendered, row = seen.get(source_id), known.get(source_id)
        if rendered is not None:
            _visible(batch, rendered, row)
        elif row is not None and not row.deleted:
            _gone(batch, row)


def _visible(batch: _Batch, rendered: Rendered, row: Row[Any] | None) -> None:
    if rendered.occurrences or (row is not None and row.span == 2):
        batch.stale_occurrences.append(rendered.name)
        batch.occurrences += [
            {
                "calendar_id": batch.calendar_id,
                "name": rendered.name,
                "starts_at": it.starts_at,
                "ends_at": it.ends_at,
                "busy": it.busy,
            }
            for it in rendered.occurrences
        ]
    if row is not None and not row.deleted and row.fingerprint == rendered.fingerprint:
        if (row.starts_at, row.ends_at, row.busy, row.span) != (
            rendered.starts_at,
            rendered.ends_at,
            rendered.busy,
            rendered.span,
        ):
            batch.facts.append(
                {
                    "c": batch.calendar_id,
                    "n": rendered.name,
                    "starts_at": rendered.starts_at,
                    "ends_at": rendered.ends_at,
                    "busy": rendered.busy,
                    "span": rendered.span,
                }
            )
        return
    sequence = 0 if row is None else row.sequence + 1
    changed_at = batch.moment(rendered.source_id, 0 if row is None else row.changed_at)
    component = stamped(rendered.template, sequence=sequence, changed_at=changed_at)
    batch.writes.append(
        {
            "calendar_id": batch.calendar_id,
            "name": rendered.name,
            "uid": rendered.uid,
            "source_id": rendered.source_id,
            "revision": batch.take_revision(),
            "sequence": sequence,
            "deleted": False,
            "fingerprint": rendered.fingerprint,
            "etag": etag_of(component, rendered.timezones),
            "component": component,
            "timezones": rendered.timezones,
        "series": rendered.series,
            "span": rendered.span,
            "starts_at": rendered.starts_at,
            "ends_at": rendered.ends_at,
            "leaves_on": rendered.leaves_on,
            "status": rendered.status,
            "transparency": rendered.transparency,
            "busy": rendered.busy,
            "changed_at": changed_at,
        }
    )


def _gone(batch: _Batch, row: Row[Any]) -> None:
    if row.span == 2:
        batch.stale_occurrences.append(row.name)
    batch.facts.append(
        {
            "c": batch.calendar_id,
            "n": row.name,
            "deleted": True,
            "revision": batch.take_revision(),
            "changed_at": batch.moment(row.source_id, row.changed_at),
            "component": "",
            "timezones": "",
        }
    )


def _store(connection: Connection, batch: _Batch, chunk: list[int]) -> None:
    connection.execute(
        delete(UnrenderedSource).where(
            UnrenderedSource.calendar_id == batch.calendar_id, UnrenderedSource.source_id.in_(chunk)
        )
    )
    if batch.left_out:
        connection.execute(insert(UnrenderedSource), batch.left_out)
    if batch.stale_occurrences:
        connection.execute(
            delete(OccurrenceRow).where(
                OccurrenceRow.calendar_id == batch.calendar_id,
                OccurrenceRow.name.in_(batch.stale_occurrences),
            )
        )
    if batch.writes:
        statement = _dialect(connection).insert(CalendarObject)
        replaced = {
            column.name: statement.excluded[column.name] for column in _O.columns if not column.primary_key
        }
        connection.execute(
            statement.on_conflict_do_update(index_elements=["calendar_id", "name"], set_=replaced),
            batch.writes,
        )
    for values in batch.facts:
        facts = {key: value for key, value in values.items() if key not in ("c", "n")}
        connection.execute(
            update(CalendarObject)
            .where(CalendarObject.calendar_id == values["c"], CalendarObject.name == values["n"])
            .values(**facts)
        )
    if batch.occurrences:
        connection.execute(insert(OccurrenceRow), batch.occurrences)
    for waiting in (batch.left_out, batch.stale_occurrences, batch.writes, batch.facts,
                    batch.tombstones, batch.occurrences):
        waiting.clear()


def _finish(connection: Connection, batch: _Batch, calendar: Row[Any], view: View, horizon: Horizon) -> int:
    first = max(calendar.revision + 1, batch.now * 1000)
    count = batch.next_revision - first
    values: dict[str, Any] = {
        "view_epoch": view.epoch,
        "expanded_from": horizon.start,
        "expanded_until": horizon.end,
    }
    if count:
        values |= {
            "revision": batch.next_revision - 1,
            "changed_at": max(batch.newest, calendar.changed_at + 1),
        }
        connection.execute(
            insert(CalendarRevision).values(
                calendar_id=calendar.id, first=first, last=batch.next_revision - 1, issued_at=batch.now
            )
        )
        logger.info("caught up calendar %d: %d objects changed", calendar.id, count)
    connection.execute(update(Calendar).where(Calendar.id == calendar.id).values(**values))
    return count


def subscription_of(slug: str) -> int | None:
    """The subscription behind an imported calendar's slug (`external-<id>`)."""
    return int(slug.removeprefix("external-")) if slug.startswith("external-") else None


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


def count_left_out(connection: Connection) -> int:
    """How many source rows are left out of calendars because they cannot be rendered."""
    return connection.scalar(select(func.count()).select_from(UnrenderedSource)) or 0
