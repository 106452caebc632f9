# SPDX-License-Identifier: GPL-3.0-or-later
"""VTIMEZONE components made from zone rules (RFC 5545 section 3.6.5).

Compact on purpose: observances begin in 1970 and repeat by a yearly rule, with whole-minute offsets,
because widely used clients misread year-1 onsets, RDATE lists and offsets with seconds. A zone whose
changes follow no yearly rule gets one observance per change instead.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduling.ical import text
from scheduling.ical.rules import WEEKDAYS

_ORIGIN = datetime.combine(date(1970, 1, 1), time())
# Every weekday falls on every date within 11 years, so that a pattern that holds this long is a rule.
_RULE_YEARS = 12
_EXPLICIT_BEFORE, _EXPLICIT_AFTER = 1, 10
_PROBE = 2 * 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """One change of the UTC offset: `onset` is the wall clock before it; offsets are minutes east of UTC."""

    onset: datetime
    offset_from: int
    offset_to: int
    name: str


def render(tzid: str, zone: ZoneInfo, year: int) -> str:
    """Return the VTIMEZONE text of `zone` as of `year`, CRLF-ended lines, under the name `tzid`."""
    coming = transitions(zone, year, year + _RULE_YEARS - 1)
    if not coming:
        body = _constant(zone, datetime(year, 1, 1, tzinfo=UTC))
    else:
        body = _yearly(coming, year) or _explicit(zone, year)
    return "BEGIN:VTIMEZONE\r\n" + text.line("TZID", tzid) + body + "END:VTIMEZONE\r\n"


def transitions(zone: ZoneInfo, first_year: int, last_year: int) -> list[Transition]:
    """Return the offset changes whose onset falls in the given years, in order."""
    epoch = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp()) - _PROBE
    end = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp()) + _PROBE
    found: list[Transition] = []
    before = _offset(zone, epoch)
    while epoch < end:
        after = _offset(zone, epoch + _PROBE)
        if after != before:
            at = _change_between(zone, epoch, epoch + _PROBE)
            moment = datetime.fromtimestamp(at, UTC)
            onset = moment.replace(tzinfo=None) + timedelta(minutes=before)
            name = moment.astimezone(zone).tzname() or ""
            if first_year <= onset.year <= last_year:
                found.append(Transition(onset=onset, offset_from=before, offset_to=after, name=name))
        before, epoch = after, epoch + _PROBE
    return found


def _offset(zone: ZoneInfo, epoch: int) -> int:
    offset = datetime.fromtimestamp(epoch, zone).utcoffset() or timedelta()
    return round(offset.total_seconds() / 60)


def _change_between(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first second of the offset in force at `high`."""
    target = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == target:
            high = middle
        else:
            low = middle
    return high


def _constant(zone: ZoneInfo, moment: datetime) -> str:
    offset = _offset(zone, int(moment.timestamp()))
    name = moment.astimezone(zone).tzname() or ""
    return _observance(
        Transition(onset=_ORIGIN, offset_from=offset, offset_to=offset, name=name),
        standard=True,
    )


def _yearly(changes: Sequence[Transition], year: int) -> str | None:
    """Return two observances with yearly rules, or None when the changes follow no such rule."""
    halves: list[str] = []
    standard_offset = min(change.offset_to for change in changes)
    for position in (0, 1):
        same = changes[position::2]
        if [change.onset.year for change in same] != list(range(year, year + _RULE_YEARS)):
            return None
        first = same[0]
        shape = (first.onset.month, first.onset.time(), first.offset_from, first.offset_to, first.name)
        if any((c.onset.month, c.onset.time(), c.offset_from, c.offset_to, c.name) != shape for c in same):
            return None
        pattern = _pattern([change.onset.date() for change in same])
        if pattern is None:
            return None
        day, rule = pattern
        onset = datetime.combine(day, first.onset.time())
        moved = Transition(
            onset=onset, offset_from=first.offset_from, offset_to=first.offset_to, name=first.name
        )
        halves.append(_observance(moved, standard=first.offset_to == standard_offset, rule=rule))
    return "".join(halves)


def _pattern(days: Sequence[date]) -> tuple[date, str] | None:
    """Return the day in 1970 and the RRULE that give these days of one month, or None."""
    month, weekday = days[0].month, days[0].weekday()
    if any(day.weekday() != weekday for day in days):
        return None
    prefix = f"FREQ=YEARLY;BYMONTH={month}"
    length = calendar.monthrange(_ORIGIN.year, month)[1]
    if all(day.day > calendar.monthrange(day.year, month)[1] - 7 for day in days):
        return _on_or_after(month, length - 6, weekday), f"{prefix};BYDAY=-1{WEEKDAYS[weekday]}"
    lowest, highest = min(day.day for day in days), max(day.day for day in days)
    if highest - lowest != 6:
        return None
    if lowest % 7 == 1:
        rule = f"{prefix};BYDAY={lowest // 7 + 1}{WEEKDAYS[weekday]}"
    else:
        choices = ",".join(map(str, range(lowest, highest + 1)))
        rule = f"{prefix};BYMONTHDAY={choices};BYDAY={WEEKDAYS[weekday]}"
    return _on_or_after(month, lowest, weekday), rule


def _on_or_after(month: int, day: int, weekday: int) -> date:
    first = date(_ORIGIN.year, month, day)
    return first + timedelta(days=(weekday - first.weekday()) % 7)


def _explicit(zone: ZoneInfo, year: int) -> str:
    """Return one observance per change of the years around `year`, after one for what came before."""
    changes = transitions(zone, year - _EXPLICIT_BEFORE, year + _EXPLICIT_AFTER)
    standard_offset = min(min(change.offset_from, change.offset_to) for change in changes)
    initial = changes[0].offset_from
    moment = datetime(year - _EXPLICIT_BEFORE, 1, 1, tzinfo=UTC) - timedelta(days=2)
    base = Transition(
        onset=_ORIGIN,
        offset_from=initial,
        offset_to=initial,
        name=moment.astimezone(zone).tzname() or "",
    )
    return "".join(
        _observance(change, standard=change.offset_to == standard_offset) for change in (base, *changes)
    )


def _observance(change: Transition, *, standard: bool, rule: str = "") -> str:
    kind = "STANDARD" if standard else "DAYLIGHT"
    lines = [f"BEGIN:{kind}", f"DTSTART:{text.local(change.onset)}"]
    if rule:
        lines.append(f"RRULE:{rule}")
    lines.append(f"TZOFFSETFROM:{_utc_offset(change.offset_from)}")
    lines.append(f"TZOFFSETTO:{_utc_offset(change.offset_to)}")
    lines.append(f"TZNAME:{text.escape(change.name)}")
    lines.append(f"END:{kind}")
    return "".join(map(text.fold, lines))


def _utc_offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"
