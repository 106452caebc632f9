# SPDX-License-Identifier: GPL-3.0-or-later
"""Free-busy (RFC 4791, section 7.10; RFC 5545, section 3.6.4): busy periods of calendars from stored columns,
coalesced, in one VFREEBUSY. Where periods of several types overlap the strongest wins: unavailable, busy,
tentative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, select, union_all

from scheduling.calendars import CalendarState
from scheduling.ical import series_json, text
from scheduling.ical.series import expand
from scheduling.models import CalendarObject, OccurrenceRow
from scheduling.objects import HEAD, TAIL
from scheduling.rendered import LONG, LONG_SPAN, RECURRING, SHORT_SPAN

STRENGTH = ("BUSY-UNAVAILABLE", "BUSY", "BUSY-TENTATIVE")

_O = CalendarObject
_MEMBER = (_O.calendar_id == bindparam("c"), ~_O.deleted, _O.leaves_on > bindparam("cutoff"), _O.busy != "")
_OVERLAPS = (_O.starts_at < bindparam("end"), _O.ends_at > bindparam("start"))
_SINGLE = (_O.starts_at, _O.ends_at, _O.busy)
_BUSY: Any = union_all(
    select(*_SINGLE).where(
        *_MEMBER, _O.span == SHORT_SPAN, _O.starts_at >= bindparam("earliest"), *_OVERLAPS
    ),
    select(*_SINGLE).where(*_MEMBER, _O.span == LONG_SPAN, *_OVERLAPS),
    select(OccurrenceRow.starts_at, OccurrenceRow.ends_at, OccurrenceRow.busy).where(
        OccurrenceRow.calendar_id == bindparam("c"),
        OccurrenceRow.busy != "",
        OccurrenceRow.starts_at < bindparam("end"),
        OccurrenceRow.ends_at > bindparam("start"),
    ),
)
_SERIES = select(*_SINGLE, _O.series).where(*_MEMBER[:3], _O.span == RECURRING, *_OVERLAPS)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Period:
    """A busy period: epoch seconds, exclusive end; `fbtype` is one of `STRENGTH`."""

    start: int
    end: int
    fbtype: str


def periods(connection: Connection, calendars: Sequence[CalendarState], start: int, end: int) -> list[Period]:
    """The coalesced busy periods of `calendars` within [start, end) epoch seconds, clipped to it, in order
    and without overlap. Recurring objects are expanded from their stored series outside the calendar's
    horizon.
    """
    found: list[Period] = []
    for calendar in calendars:
        key = {"c": calendar.id, "cutoff": calendar.cutoff.toordinal()}
        rows = connection.execute(_BUSY, {**key, "start": start, "end": end, "earliest": start - LONG})
        spans = [Period(start=begins, end=ends, fbtype=fbtype) for begins, ends, fbtype in rows]
        horizon = calendar.expanded
        for low, high in ((start, min(end, horizon.start)), (max(start, horizon.end), end)):
            if low < high:
                spans += _beyond(connection, {**key, "start": low, "end": high})
        found += [Period(start=max(it.start, start), end=min(it.end, end), fbtype=it.fbtype) for it in spans]
    return coalesce(found)


def _beyond(connection: Connection, parameters: dict[str, Any]) -> Iterator[Period]:
    start, end = parameters["start"], parameters["end"]
    for row in connection.execute(_SERIES, parameters):
        try:
            instances = expand(series_json.loads(row.series), start, end)
        except ValueError:  # too frequent to expand: busy throughout is the safe answer
            yield Period(start=max(row.starts_at, start), end=min(row.ends_at, end), fbtype=row.busy)
            continue
        yield from (Period(start=it.starts_at, end=it.ends_at, fbtype=it.busy) for it in instances if it.busy)


def coalesce(found: Iterable[Period]) -> list[Period]:
    """Merge touching periods of one type and let a stronger type cover a weaker one."""
    by_type: dict[str, list[tuple[int, int]]] = {fbtype: [] for fbtype in STRENGTH}
    for period in found:
        if period.end > period.start:
            by_type[period.fbtype].append((period.start, period.end))
    result: list[Period] = []
    covered: list[tuple[int, int]] = []
    for fbtype in STRENGTH:
        own = _subtract(_merge(by_type[fbtype]), covered)
        result += [Period(start=begins, end=ends, fbtype=fbtype) for begins, ends in own]
        covered = _merge(covered + own)
    return sorted(result)


def vfreebusy(busy: Sequence[Period], start: int, end: int, stamp: int) -> str:
    """A calendar with one VFREEBUSY for [start, end); `stamp` (epoch seconds) becomes DTSTAMP."""
    lines = [
        "BEGIN:VFREEBUSY\r\n",
        text.line("DTSTAMP", text.utc(stamp)),
        text.line("DTSTART", text.utc(start)),
        text.line("DTEND", text.utc(end)),
    ]
    lines += [
        text.line(
            "FREEBUSY", f"{text.utc(period.start)}/{text.utc(period.end)}", params=f";FBTYPE={period.fbtype}"
        )
        for period in busy
    ]
    return HEAD + "".join([*lines, "END:VFREEBUSY\r\n"]) + TAIL


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def _subtract(spans: list[tuple[int, int]], covered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of `spans` lies outside `covered`; both sorted and without overlap, read once."""
    left: list[tuple[int, int]] = []
    position = 0
    for begins, ends in spans:
        while position < len(covered) and covered[position][1] <= begins:
            position += 1
        free_from = begins
        for cover_start, cover_end in islice(covered, position, None):
            if cover_start >= ends:
                break
            if cover_start > free_from:
                left.append((free_from, cover_start))
            free_from = max(free_from, cover_end)
        if free_from < ends:
            left.append((free_from, ends))
    return left
