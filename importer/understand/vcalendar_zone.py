# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the time zone of a vCalendar 1.0 file (its properties TZ and DAYLIGHT) into the lines of a VTIMEZONE.

An example is `TZ:-05:00` and `DAYLIGHT:TRUE;-04;20260308T020000;20261101T020000;EST;EDT`, one DAYLIGHT for each year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from importer.understand import offsets, spellings

TZID = "(TZ)"
"""The name of the zone. No file uses it."""
UNSAID = "X-DAYLIGHT:UNSAID"
"""Marks a zone for which the file does not say whether it has daylight saving."""
_BEFORE = timedelta(days=150)
"""The time before summer time that is certainly without it, in both hemispheres."""


def definition(standard: str | None, rules: Sequence[str]) -> tuple[str, ...]:
    """The lines. Empty if there is no TZ or if TZ is no offset. Only DAYLIGHTs that can be read count."""
    try:
        base = offsets.offset(standard or "")
    except ValueError:
        return ()
    summers = sorted(found for rule in rules for found in _summer(rule, base))
    if not summers:
        said = bool(rules) and all(rule.strip().upper().startswith("FALSE") for rule in rules)
        begin = datetime(1970, 1, 1)  # noqa: DTZ001 (a wall clock time)
        return (*([] if said else [UNSAID]), *_observance("STANDARD", begin, base, base))
    lines = list(_observance("STANDARD", summers[0][0] - _BEFORE, base, base))
    for begin, end, summer in summers:
        lines += _observance("DAYLIGHT", begin, base, summer)
        lines += _observance("STANDARD", end, summer, base)
    return tuple(lines)


def _summer(rule: str, base: timedelta) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """When summer time begins and ends, each on the clock before the change, and its offset."""
    parts = [part.strip() for part in rule.split(";")]
    if len(parts) < 4 or parts[0].upper() != "TRUE":
        return
    try:
        summer = offsets.offset(parts[1])
    except ValueError:
        return
    moments = []
    for text, before in ((parts[2], base), (parts[3], summer)):
        found = spellings.read(text)
        if found is None or not isinstance(found.local, datetime):
            return
        moments.append(found.local if found.offset is None else found.local - found.offset + before)
    if moments[0] < moments[1] and summer != base:
        yield moments[0], moments[1], summer


def _observance(name: str, begin: datetime, before: timedelta, after: timedelta) -> Iterator[str]:
    yield f"BEGIN:{name}"
    yield f"DTSTART:{begin:%Y%m%dT%H%M%S}"
    yield f"TZOFFSETFROM:{_written(before)}"
    yield f"TZOFFSETTO:{_written(after)}"
    yield f"END:{name}"


def _written(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
