# SPDX-License-Identifier: GPL-3.0-or-later
"""The UTC offsets that a VTIMEZONE states, and the time for which it states them (RFC 5545, section 3.6.5)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduling.ical import recurrence

_OFFSET = re.compile(r"([+-]?)(\d{1,2}):?(?:(\d{2})(?::?\d{2})?)?", re.ASCII)
_MOST_OBSERVANCES = 200
_LASTS = timedelta(days=120)
"""How long the last change in a list is valid. After that, the list may lack a newer change."""


def changes(definition: Sequence[str]) -> bool:
    """Whether the zone has more than one offset."""
    return len({value.strip() for value in _values(definition, "TZOFFSETTO")}) > 1


def only(definition: Sequence[str]) -> timedelta | None:
    """The offset of the zone, if it has only one."""
    found = {value.strip() for value in _values(definition, "TZOFFSETTO")}
    return offset(found.pop()) if len(found) == 1 else None


def standard(tzid: str) -> timedelta:
    """The present offset of a zone, without daylight saving."""
    days = (datetime(2025, month, 1, tzinfo=ZoneInfo(tzid)) for month in range(1, 13))
    return min(day.utcoffset() or timedelta() for day in days)


def span(definition: Sequence[str]) -> tuple[datetime, datetime] | None:
    """The UTC time that the zone covers, with an exclusive end, if it lists changes for some years only. None if it
    goes on for ever or has no change.
    """
    if _values(definition, "RRULE") or not changes(definition):
        return None
    found = sorted(moment for moment, _ in onsets(definition, datetime(1970, 1, 1)))
    return (found[0], found[-1] + _LASTS) if len(found) > 1 else None


def stated(definition: Sequence[str], local: datetime) -> timedelta | None:
    """The offset at a wall clock time, if the zone covers some years only and this time is within them."""
    covered = span(definition)
    if covered is None or not covered[0] <= local < covered[1]:
        return None
    found = sorted(onsets(definition, local))
    # Read on the clock before the change: an onset counts from its own wall clock time on.
    starts = [moment + _before(found, index) for index, (moment, _) in enumerate(found)]
    return found[max(bisect_right(starts, local) - 1, 0)][1]


def _before(found: Sequence[tuple[datetime, timedelta]], index: int) -> timedelta:
    return found[max(index - 1, 0)][1]


def _values(definition: Sequence[str], wanted: str) -> list[str]:
    lines = (line.partition(":") for line in definition)
    return [value for name, _, value in lines if name.partition(";")[0].strip().upper() == wanted]


def onsets(definition: Sequence[str], start: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """Pairs of a UTC instant and the offset valid from then on, for the observances that matter after `start`."""
    observances = 0
    properties: dict[str, list[str]] = {}
    for line in definition:
        name, _, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            properties = {}
        elif name == "END":
            observances += 1
            if observances > _MOST_OBSERVANCES:
                return
            yield from _observance(properties, start)
        else:
            properties.setdefault(name, []).append(value.strip())


def _observance(properties: Mapping[str, list[str]], start: datetime) -> Iterator[tuple[datetime, timedelta]]:
    try:
        before = offset(properties["TZOFFSETFROM"][0])
        after = offset(properties["TZOFFSETTO"][0])
        first = datetime.strptime(properties["DTSTART"][0].rstrip("Zz"), "%Y%m%dT%H%M%S")
    except (KeyError, ValueError):
        return
    if first.year < 1902:
        first = first.replace(year=1970, day=min(first.day, 28))
    for local in [first, *_later(properties, first, start)]:
        yield local - before, after


def _later(properties: Mapping[str, list[str]], first: datetime, start: datetime) -> Iterator[datetime]:
    for value in ",".join(properties.get("RDATE", [])).split(",")[:_MOST_OBSERVANCES]:
        try:
            yield datetime.strptime(value.rstrip("Zz"), "%Y%m%dT%H%M%S")
        except ValueError:
            continue
    for text in properties.get("RRULE", [])[:1]:
        yield from _yearly(text, first, start)


def _yearly(text: str, first: datetime, start: datetime) -> Iterator[datetime]:
    if "FREQ=YEARLY" not in text.upper():
        return
    try:
        rule = recurrence.parse_rule(text)
        last = recurrence.until_local(rule, "UTC")
        until = (
            last
            if isinstance(last, datetime) or last is None
            else datetime.combine(last, datetime.max.time())
        )
        found = recurrence.occurrences(
            rule,
            first,
            start - timedelta(days=800),
            start + timedelta(days=800),
            limit=100,
            until_local=until,
        )
    except ValueError:
        return
    yield from (local for local in found if isinstance(local, datetime))


def offset(text: str) -> timedelta:
    """A UTC-OFFSET (RFC 5545 section 3.3.14) in whole minutes, also without its sign, its leading zero or its minutes;
    raises ValueError for an impossible one.
    """
    found = _OFFSET.fullmatch(text.replace(" ", ""))
    if not found or int(found[2]) > 15 or int(found[3] or 0) > 59:
        raise ValueError("not a UTC offset")
    size = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return -size if found[1] == "-" else size
