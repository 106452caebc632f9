# SPDX-License-Identifier: GPL-3.0-or-later
"""Small calendars as text, what is understood of them, and when that blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from importer.understand.event import ImportedEvent
from importer.understand.meaning import Understood, understand
from importer.understand.split import split
from scheduling.ical.series import expand

NOW = datetime(2026, 10, 1, tzinfo=UTC)
RULED = ("DTSTART;TZID=Europe/Berlin:20261019T090000", "DTEND;TZID=Europe/Berlin:20261019T100000")
"""An hour of a Monday, to which a test gives a rule."""


def vevent(*lines: str, uid: str = "1") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar(*parts: str) -> str:
    return "\n".join(["BEGIN:VCALENDAR", *parts, "END:VCALENDAR", ""])


def read(text: str, *, zone: str = "Europe/Berlin", stored: Mapping[str, str] | None = None) -> Understood:
    return understand(split(text), default_zone=zone, stored=stored or {}, now=NOW)


def one(*lines: str, zone: str = "Europe/Berlin") -> ImportedEvent:
    """The event that these lines are; nothing of it is skipped."""
    found = read(calendar(vevent(*lines)), zone=zone)
    assert found.skipped == ()
    (event,) = found.events
    return event


def busy(event: ImportedEvent, year: int = 2026) -> list[str]:
    """The blocking occurrences of a year as 'MM-DD HH:MM/MM-DD HH:MM' in UTC."""
    return busy_in([event], year)


def busy_in(events: Iterable[ImportedEvent], year: int = 2026) -> list[str]:
    """As `busy`, of several events together."""
    start, end = (int(datetime(when, 1, 1, tzinfo=UTC).timestamp()) for when in (year, year + 1))
    found = [it for event in events for it in expand(event.series, start, end) if it.busy]
    return [
        "/".join(
            datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M")
            for moment in (it.starts_at, it.ends_at)
        )
        for it in sorted(found, key=lambda it: (it.starts_at, it.ends_at))
    ]


def days(event: ImportedEvent) -> list[str]:
    return [found[:5] for found in busy(event)]
