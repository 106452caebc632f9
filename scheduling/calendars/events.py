# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: one way to read everything that is in a user's calendars, our own items and what was imported.

An event is a calendar object together with the row it was made from. Titles and places are read from the stored text,
so they are what calendar apps show; nothing is rendered or parsed in full here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from scheduling import kinds
from scheduling.calendars.calendars import CalendarState
from scheduling.errors import NotFound
from scheduling.ical import series_json
from scheduling.ical.component import properties_of
from scheduling.ical.series import expand
from scheduling.ical.spans import LONG, LONG_SPAN, RECURRING, SHORT_SPAN
from scheduling.models import CalendarObject

SOURCES: Mapping[str, str] = {it.slug: it.event for it in kinds.every() if it.event is not None}
"""The words for events by the kind of calendar; those of some kinds are no events of their own."""
MOST_INSTANCES = 1000
ID_PATTERN = f"({'|'.join(SOURCES.values())})-[1-9][0-9]{{0,15}}"
"""Of the ids of events."""
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event. Moments are epoch seconds; of a recurring one they are those of the first instance asked for, else
    of its first time, and `instances` holds all that were asked for, at most `MOST_INSTANCES`. `busy_status` is
    Outlook's, `declined` that its reader has declined it.
    """

    source: str
    source_id: int
    calendar: str
    title: str
    location: str
    all_day: bool
    starts_at: int
    ends_at: int
    recurring: bool
    instances: tuple[tuple[int, int], ...]
    status: str
    transparency: str
    busy: str
    busy_status: str
    declined: bool
    changed_at: int
    etag: str

    @property
    def id(self) -> str:
        """Unique among one user's events."""
        return f"{self.source}-{self.source_id}"


_O = CalendarObject
_COLUMNS = (
    _O.source_id,
    _O.component,
    _O.starts_at,
    _O.ends_at,
    _O.span,
    _O.series,
    _O.status,
    _O.transparency,
    _O.busy,
    _O.changed_at,
    _O.etag,
)
_MEMBER = (_O.calendar_id == bindparam("c"), ~_O.deleted, _O.leaves_on > bindparam("cutoff"))
_OVERLAPS = (_O.starts_at < bindparam("end"), _O.ends_at > bindparam("start"))
_MOMENTARY = (
    _O.starts_at == _O.ends_at,
    _O.starts_at >= bindparam("start"),
    _O.starts_at < bindparam("end"),
)
_DURING = (
    select(*_COLUMNS).where(
        *_MEMBER, _O.span == SHORT_SPAN, _O.starts_at >= bindparam("earliest"), *_OVERLAPS
    ),
    select(*_COLUMNS).where(*_MEMBER, _O.span == SHORT_SPAN, *_MOMENTARY),
    select(*_COLUMNS).where(*_MEMBER, _O.span.in_((LONG_SPAN, RECURRING)), *_OVERLAPS),
)
_ONE = select(*_COLUMNS).where(*_MEMBER, _O.source_id == bindparam("source"))


def during(
    connection: Connection,
    calendars: Sequence[CalendarState],
    start: int,
    end: int,
    *,
    sources: Collection[str] = (),
    changed_since: int | None = None,
) -> list[Event]:
    """The events that overlap [start, end) epoch seconds, by start; none in `sources` means from all of them."""
    found: dict[tuple[str, int], Event] = {}
    for calendar in calendars:
        source = SOURCES.get(calendar.kind)
        if source is None or (sources and source not in sources):
            continue
        key = {**_key(calendar), "start": start, "end": end, "earliest": start - LONG}
        for overlapping in _DURING:
            statement = overlapping
            if changed_since is not None:
                statement = overlapping.where(_O.changed_at >= changed_since)
            for row in connection.execute(statement, key):
                for event in _events(calendar, row, start, end):
                    found[event.calendar, event.source_id] = event
    return sorted(found.values(), key=position)


def position(event: Event) -> tuple[int, str]:
    """What lists of events are ordered by."""
    return event.starts_at, event.id


def get(connection: Connection, calendars: Sequence[CalendarState], event_id: str) -> Event:
    """One event, a recurring one without instances. Raises `NotFound`."""
    return get_with_texts(connection, calendars, event_id)[0]


def get_with_texts(
    connection: Connection, calendars: Sequence[CalendarState], event_id: str
) -> tuple[Event, Mapping[str, str]]:
    """As `get`, and the values of the event's properties by name, as calendar apps get them; of each name the first."""
    source, source_id = parse_id(event_id)
    for calendar in calendars:
        if SOURCES.get(calendar.kind) == source:
            row = connection.execute(_ONE, {**_key(calendar), "source": source_id}).first()
            if row is not None:
                texts = {name: value for name, (_, value) in properties_of(row.component).items()}
                return _event(calendar, row, ()), texts
    raise NotFound(f"There is no event {event_id}.")


def parse_id(event_id: str) -> tuple[str, int]:
    """The source and id of the row behind an event's id. Raises `NotFound`."""
    match = _ID.fullmatch(event_id)
    if match is None:
        raise NotFound("There is no such event.")
    return match[1], int(event_id.rpartition("-")[2])


def summary_of(component: str) -> str:
    """The title of a stored component."""
    return properties_of(component).get("SUMMARY", ("", ""))[1]


def _key(calendar: CalendarState) -> dict[str, int]:
    return {"c": calendar.id, "cutoff": calendar.cutoff.toordinal()}


def _events(calendar: CalendarState, row: Row[*tuple[Any, ...]], start: int, end: int) -> Iterator[Event]:
    if row.span != RECURRING:
        yield _event(calendar, row, ())
        return
    try:
        occurrences = expand(series_json.loads(row.series), start, end, limit=MOST_INSTANCES)
    except ValueError:  # too frequent to tell apart: there throughout, like in free-busy
        yield _event(calendar, row, ())
        return
    if occurrences:
        yield _event(calendar, row, tuple((it.starts_at, it.ends_at) for it in occurrences))


def _event(
    calendar: CalendarState, row: Row[*tuple[Any, ...]], instances: tuple[tuple[int, int], ...]
) -> Event:
    properties = properties_of(row.component)
    starts_at, ends_at = instances[0] if instances else _first(row)
    return Event(
        source=SOURCES[calendar.kind],
        source_id=row.source_id,
        calendar=calendar.slug,
        title=properties.get("SUMMARY", ("", ""))[1],
        location=properties.get("LOCATION", ("", ""))[1],
        all_day="VALUE=DATE" in properties.get("DTSTART", ("", ""))[0].split(";"),
        starts_at=starts_at,
        ends_at=ends_at,
        recurring=row.span == RECURRING,
        instances=instances,
        status=row.status,
        transparency=row.transparency,
        busy=row.busy,
        busy_status=properties.get("X-MICROSOFT-CDO-BUSYSTATUS", ("", ""))[1],
        declined="X-DAYSHEET-PARTSTAT" in properties,
        changed_at=row.changed_at,
        etag=row.etag,
    )


def _first(row: Row[*tuple[Any, ...]]) -> tuple[int, int]:
    """The extent; of a recurring object that of its first time, since the whole may have no end."""
    if row.span != RECURRING:
        return row.starts_at, row.ends_at
    series = series_json.loads(row.series)
    start, end = series.start, series.end
    if isinstance(start, datetime) and isinstance(end, datetime):
        return row.starts_at, row.starts_at + int((end - start).total_seconds())
    return row.starts_at, row.starts_at + (end.toordinal() - start.toordinal()) * 86400
