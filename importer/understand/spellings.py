# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates and times in every spelling that programs are known to write besides that of RFC 5545, sections 3.3.4 and
3.3.5.

These are ISO 8601 with separators, fractions or offsets; database and JavaScript texts; days first with dots; clocks
with AM and PM; a zone or parameters inside the value. A value that could mean two different days is not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = re.compile(r"1[0-8]\d{8}(?:\d{3})?", re.ASCII)
"""Seconds or milliseconds since 1970. A number that begins with 19 or 20 is read as a year."""
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(?:[T_ -]|(?=\d{4}|Z))(.*))?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T, _]+(.*))?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})\.[ ]?(\d{1,2})\.[ ]?(\d{4})(?:[T, ]+(.*))?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[T, ]+(.*))?", re.ASCII)
_WORDS = re.compile(
    r"(?:[A-Z]{3,9},? )?(?:([A-Z]{3,9})\.? (\d{1,2})|(\d{1,2})[ -]([A-Z]{3,9})),?[ -](\d{4})(?:[,T ]+(.*))?",
    re.ASCII,
)
_CLOCK = re.compile(
    r"(?:(\d{1,2})(?:[:.](\d{1,2})(?:[:.](\d{1,2}))?)?|(\d{3,6}))(?:[.,]\d+)? ?(?:([AP])\.?M\.?(?![A-Z]))?"
    r"((?: ?(?:[+(\[-]|Z(?:$|\[)|UTC|GMT)| (?!\d)|$).*)",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:GMT|UTC)? ?([+-])(\d{1,2}):?(\d{2})?(?::?\d{2})?(?: ?\(.*\))?", re.ASCII)
_OFFSET_AND_ZONE = re.compile(r"([^\[]+)\[([A-Za-z][A-Za-z0-9_+/-]{1,60})\]", re.ASCII)
_UTC = frozenset({"Z", "UTC", "GMT"})
_PREFIX = re.compile(r'((?:[A-Z-]+="?[^":;]*"?[;:])+)(?=[^:;]*\d)', re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Z-]+)="?([^":;]*)"?[;:]', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelt:
    """A day or a wall clock time, and what the value itself says about its zone: `offset` to UTC, `zone` as a name."""

    local: date
    offset: timedelta | None = None
    zone: str = ""

    def text(self) -> str:
        """The value as a DATE or DATE-TIME, in UTC if its offset is known."""
        day = f"{self.local.year:04d}{self.local:%m%d}"
        if not isinstance(self.local, datetime):
            return day
        if self.offset is None:
            return f"{day}T{self.local:%H%M%S}"
        moment = self.local - self.offset
        return f"{moment.year:04d}{moment:%m%dT%H%M%S}Z"


def read(value: str) -> Spelt | None:
    """The meaning of a value. None if it could mean several things, or nothing."""
    text = " ".join(value.strip().strip("\"'").split())
    inner = ""
    if prefixed := _PREFIX.match(text):
        for name, parameter in _PARAMETER.findall(prefixed[1]):
            inner = parameter if name.upper() == "TZID" else inner
        text = text[prefixed.end() :]
    try:
        found = _epoch(text) if _EPOCH.fullmatch(text) else _dated(text)
    except (ValueError, OverflowError):
        return None
    if found is None or not inner or found.offset is not None or found.zone:
        return found
    return Spelt(local=found.local, zone=inner)


def _epoch(text: str) -> Spelt:
    seconds = int(text) if len(text) == 10 else int(text) // 1000
    return Spelt(local=datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None), offset=timedelta())


def _dated(text: str) -> Spelt | None:
    upper = text.upper()
    for pattern, day_of in _FORMS:
        if found := pattern.fullmatch(upper):
            day = day_of(found)
            # The zone's name keeps its case.
            rest = found[found.re.groups]
            return None if day is None else _timed(day, text[-len(rest) :] if rest else "")
    return None


def _year_first(found: re.Match[str]) -> date:
    return date(int(found[1]), int(found[2]), int(found[3]))


def _day_first(found: re.Match[str]) -> date:
    return date(int(found[3]), int(found[2]), int(found[1]))


def _slashed(found: re.Match[str]) -> date | None:
    """Day and month can be told apart only if one of the two numbers is above 12."""
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    if first > 12 or first == second:
        return date(year, second, first)
    return date(year, first, second) if second > 12 else None


def _in_words(found: re.Match[str]) -> date | None:
    month, day = (found[1], found[2]) if found[1] else (found[4], found[3])
    name = month[:3].lower()
    return date(int(found[5]), _MONTHS.index(name) + 1, int(day)) if name in _MONTHS else None


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], date | None]], ...] = (
    (_COMPACT, _year_first),
    (_YEAR_FIRST, _year_first),
    (_DAY_FIRST, _day_first),
    (_SLASHED, _slashed),
    (_WORDS, _in_words),
)


def _timed(day: date, rest: str) -> Spelt | None:
    if not rest or rest.upper() in _UTC:
        return Spelt(local=day)
    found = _CLOCK.fullmatch(rest.lstrip("Tt "))
    if not found:
        return None
    clock = _clock(found)
    if clock is None:
        return None
    # 24:00 is the midnight that ends the day (ISO 8601), 60 a leap second.
    local = datetime.combine(day, time()) + timedelta(
        hours=clock[0], minutes=clock[1], seconds=min(clock[2], 59)
    )
    return _placed(local, found[6].strip())


def _clock(found: re.Match[str]) -> tuple[int, int, int] | None:
    if digits := found[4]:
        digits = digits.rjust(len(digits) + len(digits) % 2, "0").ljust(6, "0")
        hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    else:
        hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if half := found[5]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    whole = (hour, minute, second) == (24, 0, 0)
    return (hour, minute, second) if whole or (hour < 24 and minute < 60 and second <= 60) else None


def _placed(local: datetime, said: str) -> Spelt | None:
    if not said:
        return Spelt(local=local)
    upper = said.upper()
    if upper in _UTC:
        return Spelt(local=local, offset=timedelta())
    zone = ""
    if both := _OFFSET_AND_ZONE.fullmatch(said):  # as Java writes it
        upper, zone = both[1].upper(), both[2]
        if upper in _UTC:
            return Spelt(local=local, offset=timedelta(), zone=zone)
    if shift := _OFFSET.fullmatch(upper):
        size = timedelta(hours=int(shift[2]), minutes=int(shift[3] or 0))
        if size > timedelta(hours=15):
            return None
        return Spelt(local=local, offset=-size if shift[1] == "-" else size, zone=zone)
    name = said.strip("[]()")
    return Spelt(local=local, zone=name) if name and name[0].isalpha() and len(name) <= 80 else None
