# SPDX-License-Identifier: GPL-3.0-or-later
"""Free-busy as periods and as a VFREEBUSY (RFC 5545, section 3.6.4). Where periods of several types overlap the
strongest wins: unavailable, busy, tentative, outside working hours, unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from scheduling.calendars.objects import HEAD, TAIL
from scheduling.ical import text

OUTSIDE_HOURS, UNKNOWN = "OUTSIDE-HOURS", "UNKNOWN"
"""Beside the types of RFC 5545, which has none for them: nobody may take such time for free."""
BUSY = ("BUSY-UNAVAILABLE", "BUSY", "BUSY-TENTATIVE")
STRENGTH = (*BUSY, OUTSIDE_HOURS, UNKNOWN)


class Period(NamedTuple):
    """A busy period: epoch seconds, exclusive end; `fbtype` is one of `STRENGTH`."""

    start: int
    end: int
    fbtype: str


def coalesce(found: Iterable[tuple[int, int, str]]) -> list[Period]:
    """Merge touching periods of one type and let a stronger type cover a weaker one."""
    by_type: dict[str, list[tuple[int, int]]] = {fbtype: [] for fbtype in STRENGTH}
    for begins, ends, fbtype in found:
        if ends > begins:
            by_type[fbtype].append((begins, ends))
    result: list[Period] = []
    covered: list[tuple[int, int]] = []
    for fbtype in STRENGTH:
        own = _subtract(_merge(by_type[fbtype]), covered)
        result += [Period(start=begins, end=ends, fbtype=fbtype) for begins, ends in own]
        covered = _merge(covered + own)
    return sorted(result)


def free(busy: Sequence[Period], start: int, end: int) -> list[tuple[int, int]]:
    """What of [start, end) none of the coalesced periods covers."""
    return _subtract([(start, end)] if start < end else [], [(it.start, it.end) for it in busy])


def vfreebusy(
    busy: Sequence[Period], start: int, end: int, stamp: int, *, head: str = "", more: str = ""
) -> str:
    """A calendar with one VFREEBUSY for [start, end); `stamp` (epoch seconds) becomes DTSTAMP. `head` holds further
    properties of the calendar and `more` of the component, as finished lines.
    """
    lines = [
        "BEGIN:VFREEBUSY\r\n",
        text.line("DTSTAMP", text.utc(stamp)),
        text.line("DTSTART", text.utc(start)),
        text.line("DTEND", text.utc(end)),
        more,
    ]
    lines += [
        text.line(
            "FREEBUSY", f"{text.utc(period.start)}/{text.utc(period.end)}", params=f";{_type(period.fbtype)}"
        )
        for period in busy
    ]
    return HEAD + head + "".join([*lines, "END:VFREEBUSY\r\n"]) + TAIL


def _type(fbtype: str) -> str:
    """Clients take a type they do not know for BUSY (RFC 5545, section 3.2.9), but many read none but the four."""
    return f"FBTYPE={fbtype}" if fbtype in BUSY else f"FBTYPE=BUSY-UNAVAILABLE;X-DAYSHEET-STATE={fbtype}"


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
