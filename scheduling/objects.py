# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading calendar objects: by name, all, overlapping a time range (RFC 4791, section 9.9), as a whole .ics.

Every function answers for one calendar and one `cutoff`: an object is a member while its `leaves_on` lies
after it. Texts are assembled by concatenation; nothing here parses or renders iCalendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import islice
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    LargeBinary,
    Row,
    Select,
    bindparam,
    cast,
    func,
    select,
    union_all,
)

from scheduling.ical import series_json, text, timezones
from scheduling.ical.event import PRODID
from scheduling.ical.series import expand
from scheduling.models import CalendarObject, OccurrenceRow
from scheduling.rendered import LONG, LONG_SPAN, RECURRING, SHORT_SPAN, Horizon

HEAD = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\n"
TAIL = "END:VCALENDAR\r\n"
_CHUNK = 500
_ENOUGH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """One calendar object resource; `starts_at`/`ends_at` are epoch seconds, `etag` is a quoted string,
    `series` is the JSON of a recurring one's series, else empty.
    """

    name: str
    uid: str
    etag: str
    component: str
    timezones: str
    starts_at: int
    ends_at: int
    changed_at: int
    series: str

    @property
    def calendar(self) -> str:
        """The resource as a complete iCalendar object."""
        return HEAD + zone_texts(self.timezones.split()) + self.component + TAIL


def etag_of(component: str, zone_entries: str) -> str:
    """A strong entity tag of what `StoredObject.calendar` will be."""
    return f'"{blake2b((zone_entries + component).encode(), digest_size=16).hexdigest()}"'


def zone_texts(entries: Iterable[str]) -> str:
    """One VTIMEZONE for each zone among `tzid@year` entries; where years differ, the latest."""
    years: dict[str, int] = {}
    for entry in entries:
        zone, _, year = entry.partition("@")
        years[zone] = max(years.get(zone, 0), int(year))
    return "".join(timezones.vtimezone(zone, year) for zone, year in sorted(years.items()))


_O = CalendarObject
_COLUMNS = (
    _O.name,
    _O.uid,
    _O.etag,
    _O.component,
    _O.timezones,
    _O.starts_at,
    _O.ends_at,
    _O.changed_at,
    _O.series,
)
_MEMBER = (_O.calendar_id == bindparam("c"), ~_O.deleted, _O.leaves_on > bindparam("cutoff"))
# The sum keeps SQLite, which has no statistics, from the index on leaves_on: nearly every object would be read.
_NAMED = (_O.calendar_id == bindparam("c"), ~_O.deleted, _O.leaves_on + 0 > bindparam("cutoff"))
_ALL: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_MEMBER).order_by(_O.name)
_NAMES = select(_O.name).where(*_MEMBER).order_by(_O.name)
_MULTI: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
    *_NAMED, _O.name.in_(bindparam("names", expanding=True))
)
# In the order of the index, so that nothing is sorted; as stable as any, since `leaves_on` follows from the text.
_WHOLE = select(_O.component, _O.timezones).where(*_MEMBER).order_by(_O.leaves_on, _O.name)
_WHOLE_OCTETS = (
    select(cast(_O.component, LargeBinary), _O.timezones).where(*_MEMBER).order_by(_O.leaves_on, _O.name)
)
_ETAGS = select(_O.name, _O.etag, _O.changed_at).where(*_MEMBER).order_by(_O.name)
_LENGTHS = {
    "sqlite": func.length(cast(_O.component, LargeBinary)),
    "postgresql": func.octet_length(_O.component),
}
_START: BindParameter[int] = bindparam("start")
_END: BindParameter[int] = bindparam("end")
_OVERLAPS = (_O.starts_at < _END, _O.ends_at > _START)
_SHORT: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
    *_MEMBER, _O.span == SHORT_SPAN, _O.starts_at >= bindparam("earliest"), *_OVERLAPS
)
_LONG: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_MEMBER, _O.span == LONG_SPAN, *_OVERLAPS)
_HIT = select(OccurrenceRow.name).where(
    OccurrenceRow.calendar_id == bindparam("c"),
    OccurrenceRow.starts_at < _END,
    OccurrenceRow.ends_at > _START,
)
_REPEATED: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
    *_NAMED, _O.span == RECURRING, _O.name.in_(_HIT)
)
_BEYOND: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_MEMBER, _O.span == RECURRING, *_OVERLAPS)
_OVERLAPPING = union_all(_SHORT, _LONG, _REPEATED)
_OVERLAPPING_OR_BEYOND = union_all(_SHORT, _LONG, _BEYOND)


def all_objects(connection: Connection, calendar_id: int, cutoff: date) -> Iterator[StoredObject]:
    """Every member, by name."""
    return map(_stored, connection.execute(_ALL, _key(calendar_id, cutoff)))


def names(connection: Connection, calendar_id: int, cutoff: date) -> Iterator[str]:
    """The names of every member, by name."""
    return iter(connection.scalars(_NAMES, _key(calendar_id, cutoff)))


def multi(
    connection: Connection, calendar_id: int, cutoff: date, wanted: Iterable[str]
) -> Iterator[tuple[str, StoredObject | None]]:
    """The objects called `wanted` (any order, each once), None for those that are not members (RFC 4791,
    section 7.9).
    """
    pending = iter(dict.fromkeys(wanted))
    while chunk := list(islice(pending, _CHUNK)):
        rows = connection.execute(_MULTI, {**_key(calendar_id, cutoff), "names": chunk})
        found = {row.name: _stored(row) for row in rows}
        for name in chunk:
            yield name, found.get(name)


def overlapping(
    connection: Connection, calendar_id: int, cutoff: date, start: int, end: int, expanded: Horizon
) -> Iterator[StoredObject]:
    """The members that overlap [start, end) in epoch seconds, each once; recurring ones by their instances,
    which are looked up inside the calendar's horizon `expanded` and computed from the stored series outside
    it.
    """
    parameters = {**_key(calendar_id, cutoff), "start": start, "end": end, "earliest": start - LONG}
    if start >= expanded.start and end <= expanded.end:
        return map(_stored, connection.execute(_OVERLAPPING, parameters))
    rows = connection.execute(_OVERLAPPING_OR_BEYOND, parameters)
    return (_stored(row) for row in rows if not row.series or has_instance(row.series, start, end))


def has_instance(series: str, start: int, end: int) -> bool:
    """Whether the stored series has an instance overlapping [start, end); one too frequent to tell counts as
    having.
    """
    try:
        return bool(expand(series_json.loads(series), start, end, limit=_ENOUGH))
    except ValueError:
        return True


def whole(connection: Connection, calendars: Sequence[int], cutoff: date) -> tuple[str, str]:
    """The VTIMEZONEs and the components of every member of `calendars`, in that order, to be wrapped."""
    components: list[str] = []
    entries: set[str] = set()
    for calendar_id in calendars:
        for component, zones in connection.execute(_WHOLE, _key(calendar_id, cutoff)):
            components.append(component)
            if zones:
                entries.update(zones.split())
    return zone_texts(entries), "".join(components)


def whole_calendar(
    connection: Connection, calendar_id: int, cutoff: date, *, name: str, color: str, tzid: str
) -> bytes:
    """One calendar as an .ics file in UTF-8: stable order, stable bytes."""
    key = _key(calendar_id, cutoff)
    if connection.dialect.name == "sqlite":  # which hands out the octets it stores
        stored = connection.execute(_WHOLE_OCTETS, key).all()
        components, zones = b"".join([row[0] for row in stored]), {row[1] for row in stored}
    else:
        rows = connection.execute(_WHOLE, key).all()
        components, zones = "".join([row[0] for row in rows]).encode(), {row[1] for row in rows}
    entries = {entry for it in zones for entry in it.split()}
    head = _named(name, color, tzid) + zone_texts(entries)
    return b"".join(((HEAD + head).encode(), components, TAIL.encode()))


def whole_length(
    connection: Connection, calendar_id: int, cutoff: date, *, name: str, color: str, tzid: str
) -> tuple[int, dict[str, int]]:
    """The length in octets of what `whole_calendar` returns, and of every member as a resource of its own."""
    statement = select(_O.name, _LENGTHS[connection.dialect.name], _O.timezones).where(*_MEMBER)
    lengths: dict[str, int] = {}
    entries: set[str] = set()
    components = 0
    for member, octets, zones in connection.execute(statement, _key(calendar_id, cutoff)):
        components += octets
        entries.update(zones.split())
        lengths[member] = len(HEAD) + len(zone_texts(zones.split())) + octets + len(TAIL)
    head = HEAD + _named(name, color, tzid) + zone_texts(entries) + TAIL
    return len(head.encode()) + components, lengths


def etags(connection: Connection, calendar_id: int, cutoff: date) -> Sequence[Row[str, str, int]]:
    """Name, entity tag and time of the last change (epoch seconds) of every member, by name."""
    return connection.execute(_ETAGS, _key(calendar_id, cutoff)).all()


def _named(name: str, color: str, tzid: str) -> str:
    lines = (
        text.line("NAME", text.escape(name)),
        text.line("X-WR-CALNAME", text.escape(name)),
        text.line("X-WR-TIMEZONE", text.escape(tzid)),
        text.line("X-APPLE-CALENDAR-COLOR", color[:7]),
    )
    return "".join(lines)


def has_uid(connection: Connection, calendar_id: int, cutoff: date, uid: str) -> bool:
    """Whether a member has this UID."""
    statement = select(_O.name).where(*_MEMBER, _O.uid == uid).limit(1)
    return connection.scalar(statement, _key(calendar_id, cutoff)) is not None


def _key(calendar_id: int, cutoff: date) -> dict[str, Any]:
    return {"c": calendar_id, "cutoff": cutoff.toordinal()}


def _stored(row: Row[*tuple[Any, ...]]) -> StoredObject:
    return StoredObject(
        name=row.name,
        uid=row.uid,
        etag=row.etag,
        component=row.component,
        timezones=row.timezones,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        changed_at=row.changed_at,
        series=row.series,
    )
