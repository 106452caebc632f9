# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading calendar objects: by name, all, overlapping a time range (RFC 4791, section 9.9).

Every function answers for one calendar and one `cutoff`: an object is a member while its `leaves_on` lies
after it. Texts are assembled by concatenation; nothing here parses or renders iCalendar.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    Select,
    String,
    any_,
    bindparam,
    func,
    select,
    union_all,
)

from scheduling.database.chunks import chunks
from scheduling.database.prepared import Prepared, Source
from scheduling.ical import series_json, timezones
from scheduling.ical.event import PRODID
from scheduling.ical.series import expand
from scheduling.ical.spans import LONG, LONG_SPAN, RECURRING, SHORT_SPAN, Horizon
from scheduling.models import CalendarObject, OccurrenceRow, lasts

HEAD = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\n"
TAIL = "END:VCALENDAR\r\n"
_ENOUGH = 100


class StoredObject(NamedTuple):
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
_ALL = Prepared(select(*_COLUMNS).where(*_MEMBER).order_by(_O.name))
_NAMES = select(_O.name).where(*_MEMBER).order_by(_O.name)
_MULTI = {
    "sqlite": Prepared(
        select(*_COLUMNS).where(
            *_NAMED, _O.name.in_(select(func.json_each(bindparam("names")).table_valued("value").c.value))
        )
    ),
    "postgresql": Prepared(
        select(*_COLUMNS).where(*_NAMED, _O.name == any_(bindparam("names", type_=ARRAY(String))))
    ),
}
_ETAGS = Prepared(select(_O.name, _O.etag, _O.changed_at).where(*_MEMBER))
_START: BindParameter[int] = bindparam("start")
_END: BindParameter[int] = bindparam("end")
_OVERLAPS = (_O.starts_at < _END, _O.ends_at > _START)
_SHORT: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
    *_MEMBER, _O.span == SHORT_SPAN, _O.starts_at >= bindparam("earliest"), *_OVERLAPS
)
_LONG: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_MEMBER, _O.span == LONG_SPAN, *_OVERLAPS)
_INSTANCE = select(OccurrenceRow.name).where(
    OccurrenceRow.calendar_id == bindparam("c"),
    OccurrenceRow.starts_at < _END,
    OccurrenceRow.ends_at > _START,
)
_HIT = union_all(
    _INSTANCE.where(OccurrenceRow.starts_at >= bindparam("earliest")),
    _INSTANCE.where(OccurrenceRow.starts_at < bindparam("earliest"), lasts()),
)
# The sum keeps SQLite on the primary key: the index of extents would have it read every recurring object.
_REPEATED: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
    *_NAMED, _O.span + 0 == RECURRING, _O.name.in_(_HIT)
)
_BEYOND: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(*_MEMBER, _O.span == RECURRING, *_OVERLAPS)
_OVERLAPPING = Prepared(union_all(_SHORT, _LONG, _REPEATED))
_OVERLAPPING_OR_BEYOND = Prepared(union_all(_SHORT, _LONG, _BEYOND))


def all_objects(connection: Connection, calendar_id: int, cutoff: date) -> Iterator[StoredObject]:
    """Every member, by name."""
    for batch in _ALL.batches(connection, _key(calendar_id, cutoff)):
        yield from map(StoredObject._make, batch)


def names(connection: Connection, calendar_id: int, cutoff: date) -> Iterator[str]:
    """The names of every member, by name."""
    return iter(connection.scalars(_NAMES, _key(calendar_id, cutoff)))


def multi(
    source: Source, calendar_id: int, cutoff: date, wanted: Iterable[str]
) -> Iterator[tuple[str, StoredObject | None]]:
    """The objects called `wanted` (any order, each once), None for those that are not members (RFC 4791,
    section 7.9).
    """
    dialect = source.engine.dialect.name
    is_sqlite = dialect == "sqlite"
    statement = _MULTI[dialect]
    for chunk in chunks(dict.fromkeys(wanted)):
        names = json.dumps(chunk) if is_sqlite else chunk
        rows = statement.rows(source, {**_key(calendar_id, cutoff), "names": names})
        found = {row[0]: StoredObject._make(row) for row in rows}
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
        return map(StoredObject._make, chain.from_iterable(_OVERLAPPING.batches(connection, parameters)))
    rows = map(
        StoredObject._make, chain.from_iterable(_OVERLAPPING_OR_BEYOND.batches(connection, parameters))
    )
    return (it for it in rows if not it.series or has_instance(it.series, start, end))


def has_instance(series: str, start: int, end: int) -> bool:
    """Whether the stored series has an instance overlapping [start, end); one too frequent to tell counts as
    having.
    """
    try:
        return bool(expand(series_json.loads(series), start, end, limit=_ENOUGH))
    except ValueError:
        return True


def etags(connection: Connection, calendar_id: int, cutoff: date) -> Iterator[tuple[str, str, int]]:
    """Name, entity tag and time of the last change (epoch seconds) of every member, in any order."""
    for batch in _ETAGS.batches(connection, _key(calendar_id, cutoff)):
        yield from batch


def has_uid(connection: Connection, calendar_id: int, cutoff: date, uid: str) -> bool:
    """Whether a member has this UID."""
    statement = select(_O.name).where(*_MEMBER, _O.uid == uid).limit(1)
    return connection.scalar(statement, _key(calendar_id, cutoff)) is not None


def _key(calendar_id: int, cutoff: date) -> dict[str, Any]:
    return {"c": calendar_id, "cutoff": cutoff.toordinal()}
