# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes time: the instances of events that block, with the calendar and row each comes from.

Instances inside a calendar's horizon are looked up, outside it they are expanded from the stored series. The number of
statements does not depend on how many calendars are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, select, union_all

from scheduling import kinds
from scheduling.availability.people import Source
from scheduling.availability.question import Question
from scheduling.database.chunks import chunks
from scheduling.ical import series_json
from scheduling.ical.series import taking
from scheduling.ical.spans import LONG, LONG_SPAN, RECURRING, SHORT_SPAN
from scheduling.models import CalendarObject, OccurrenceRow, lasts

Bare = tuple[int, int, str]
"""Start and end in epoch seconds, and the FBTYPE."""
_BUFFERED = frozenset(it.slug for it in kinds.every() if it.buffered)
_CHUNK = 5000
"""Calendars in one statement; well below what both drivers take as parameters."""


class Span(NamedTuple):
    """One instance of an event that takes a user's time: epoch seconds, exclusive end.

    `busy` is its FBTYPE (RFC 5545, section 3.2.9). `source_id` is the id of the job, blocker, time off or imported
    event, `kind` that of its calendar. `is_buffer` spans are the time around a job, not the job itself.
    """

    user_id: int
    calendar_id: int
    kind: str
    slug: str
    name: str
    source_id: int
    starts_at: int
    ends_at: int
    busy: str
    is_buffer: bool = False


_O = CalendarObject
_LIVE = (_O.calendar_id.in_(bindparam("calendars", expanding=True)), ~_O.deleted)
_OVERLAPS = (_O.starts_at < bindparam("end"), _O.ends_at > bindparam("start"))
_SINGLE = (_O.calendar_id, _O.name, _O.source_id, _O.starts_at, _O.ends_at, _O.busy)
_EARLIEST: Any = bindparam("earliest")
_SINGLES = (
    (*_LIVE, _O.span == SHORT_SPAN, _O.starts_at >= _EARLIEST, *_OVERLAPS, _O.busy != ""),
    (*_LIVE, _O.span == LONG_SPAN, *_OVERLAPS, _O.busy != ""),
)
_I = OccurrenceRow
_TAKES = (
    _I.calendar_id.in_(bindparam("calendars", expanding=True)),
    _I.busy != "",
    _I.starts_at < bindparam("end"),
    _I.ends_at > bindparam("start"),
)
_INSTANCES = ((*_TAKES, _I.starts_at >= _EARLIEST), (*_TAKES, _I.starts_at < _EARLIEST, lasts()))
_SPANS: Any = union_all(
    *(select(*_SINGLE).where(*single) for single in _SINGLES),
    *(
        select(_I.calendar_id, _I.name, _O.source_id, _I.starts_at, _I.ends_at, _I.busy)
        .join(_O, and_(_O.calendar_id == _I.calendar_id, _O.name == _I.name))
        .where(~_O.deleted, *instance)
        for instance in _INSTANCES
    ),
)
_BARE: Any = union_all(
    *(select(_O.calendar_id, _O.starts_at, _O.ends_at, _O.busy).where(*single) for single in _SINGLES),
    *(select(_I.calendar_id, _I.starts_at, _I.ends_at, _I.busy).where(*instance) for instance in _INSTANCES),
)
"""Instances of objects that are deleted are not there any more (`changeset.py`)."""
_SERIES = select(*_SINGLE, _O.series).where(*_LIVE, _O.span == RECURRING, *_OVERLAPS)


def spans(connection: Connection, sources: Iterable[Source], start: int, end: int) -> list[Span]:
    """What of `sources` overlaps [start, end) epoch seconds and blocks, tentatively or not; by calendar and start."""
    known = {it.calendar_id: it for it in sources if it.calendar_id is not None}
    found: set[Span] = set()
    for ids in chunks(sorted(known), _CHUNK):
        parameters = {"calendars": ids, "start": start, "end": end, "earliest": start - LONG}
        rows = connection.execute(
            _SPANS, parameters
        ).cursor  # as the driver gives them: there can be thousands
        assert rows is not None
        found.update([_span(row, known[row[0]]) for row in rows.fetchall()])
    found.update(_outside(connection, known, start, end))
    return sorted(found, key=lambda it: (it.calendar_id, it.starts_at, it.ends_at, it.name, it.busy))


def bare(connection: Connection, sources: Iterable[Source], question: Question) -> list[Bare]:
    """As `spans` and `with_buffers` together for a question, without what makes the time busy and in no order: what is
    busy only because of a buffer belongs to the job.
    """
    known = {it.calendar_id: it for it in sources if it.calendar_id is not None}
    before, after = question.before, question.after
    start, end = question.start - after, question.end + before
    found: list[Bare] = []
    for ids in chunks(sorted(known), _CHUNK):
        parameters = {"calendars": ids, "start": start, "end": end, "earliest": start - LONG}
        rows = connection.execute(_BARE, parameters).cursor
        assert rows is not None
        buffered = {it for it in ids if known[it].kind in _BUFFERED}
        found += [
            (low - before, high + after, busy) if calendar in buffered else (low, high, busy)
            for calendar, low, high, busy in rows.fetchall()
        ]
    for it in with_buffers(_outside(connection, known, start, end), before, after):
        found.append((it.starts_at, it.ends_at, it.busy))
    return [it for it in found if it[0] < question.end and it[1] > question.start]


def with_buffers(found: Iterable[Span], before: int, after: int) -> list[Span]:
    """`found`, and for each job the `before` and `after` seconds around it, which block as the job does."""
    result: list[Span] = []
    for span in found:
        result.append(span)
        if span.kind in _BUFFERED:
            result += buffers(span, before, after)
    return result


def buffers(span: Span, before: int, after: int) -> Iterator[Span]:
    """The time around one span."""
    if before > 0:
        yield span._replace(starts_at=span.starts_at - before, ends_at=span.starts_at, is_buffer=True)
    if after > 0:
        yield span._replace(starts_at=span.ends_at, ends_at=span.ends_at + after, is_buffer=True)


def _outside(connection: Connection, known: Mapping[int, Source], start: int, end: int) -> Iterator[Span]:
    """The instances outside the horizons of the calendars."""
    beyond = [number for number, it in known.items() if start < it.expanded.start or end > it.expanded.end]
    for ids in chunks(sorted(beyond), _CHUNK):
        for row in connection.execute(_SERIES, {"calendars": ids, "start": start, "end": end}):
            yield from _beyond(row, known[row.calendar_id], start, end)


def _beyond(row: Row[*tuple[Any, ...]], source: Source, start: int, end: int) -> Iterator[Span]:
    """The instances outside the horizon."""
    series = series_json.loads(row.series)
    horizon = source.expanded
    first, last = max(start, row.starts_at), min(end, row.ends_at)
    for low, high in ((first, min(last, horizon.start)), (max(first, horizon.end), last)):
        for it in taking(series, low, high) if low < high else ():
            yield _span(row, source)._replace(starts_at=it.starts_at, ends_at=it.ends_at, busy=it.busy)


def _span(row: Sequence[Any], source: Source) -> Span:
    calendar_id, name, source_id, starts_at, ends_at, busy, *_ = row
    return Span(
        source.user_id, calendar_id, source.kind, source.slug, name, source_id, starts_at, ends_at, busy
    )
