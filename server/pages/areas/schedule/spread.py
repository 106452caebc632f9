# SPDX-License-Identifier: GPL-3.0-or-later
"""Events laid out on days of the person's time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from scheduling.calendars.events import Event
from server.pages.areas.schedule.clashes import Clashes
from server.pages.words.languages import gettext
from server.pages.words.moments import Clock

ONE_DAY = timedelta(days=1)


class Part(Enum):
    """The rows of a week: where in the day an entry begins."""

    WHOLE = "whole"
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


_BEGINS = ((12, Part.MORNING), (17, Part.AFTERNOON), (24, Part.EVENING))


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One event on one day. `starts_at` is its start in epoch seconds, `when` the time of that day in words, `day` the
    name of the day.
    """

    event: Event
    starts_at: int
    part: Part
    when: str
    day: str
    calendar: str
    in_conflict: bool

    @property
    def path(self) -> str:
        """Where its details are; of a repeating event those of this time."""
        at = f"?at={self.starts_at}" if self.event.recurring else ""
        return f"/schedule/{self.event.id}{at}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day and what is on it, by time; whole days first."""

    date: date
    name: str
    number: str
    is_today: bool
    entries: tuple[Entry, ...]

    def of(self, part: Part) -> list[Entry]:
        """The entries of one part of the day."""
        return [it for it in self.entries if it.part is part]


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """How calendars are called by slug, and what is in conflict."""

    names: Mapping[str, str]
    clashes: Clashes


def bounds(first: date, count: int, clock: Clock) -> tuple[int, int]:
    """The epoch seconds at which `count` days of the zone begin and end."""
    start, end = (datetime.combine(day, time(), clock.zone) for day in (first, first + count * ONE_DAY))
    return int(start.timestamp()), int(end.timestamp())


def days(events: Iterable[Event], first: date, count: int, clock: Clock, looks: Looks) -> Sequence[Day]:
    """Every day, with the part of each event that is on it."""
    found: dict[date, list[tuple[bool, int, str, Entry]]] = {first + n * ONE_DAY: [] for n in range(count)}
    for event in events:
        for starts_at, ends_at in event.instances or ((event.starts_at, event.ends_at),):
            _place(found, event, starts_at, ends_at, clock, looks)
    return [
        Day(
            date=day,
            name=clock.day(day),
            number=clock.day_number(day),
            is_today=day == clock.today,
            entries=tuple(it[-1] for it in sorted(placed, key=lambda it: it[:3])),
        )
        for day, placed in found.items()
    ]


def _place(
    found: dict[date, list[tuple[bool, int, str, Entry]]],
    event: Event,
    starts_at: int,
    ends_at: int,
    clock: Clock,
    looks: Looks,
) -> None:
    start, end = (clock.local(datetime.fromtimestamp(it, UTC)) for it in (starts_at, ends_at))
    last = end.date() if end.time() != time() or end == start else end.date() - ONE_DAY
    day = max(start.date(), min(found))
    while day <= min(last, max(found)):
        part, when = _on(day, event, start, end, last, clock)
        entry = Entry(
            event=event,
            starts_at=starts_at,
            part=part,
            when=when,
            day=clock.day(day),
            calendar=looks.names.get(event.calendar, event.calendar),
            in_conflict=looks.clashes.has(event.id, starts_at, ends_at),
        )
        found[day].append((part is not Part.WHOLE, starts_at, event.id, entry))
        day += ONE_DAY


def _on(
    day: date, event: Event, start: datetime, end: datetime, last: date, clock: Clock
) -> tuple[Part, str]:
    """The part of the day and the time in words of an event on one of its days."""
    begins, ends = start.date() == day, last == day
    ends_at_midnight = end.time() == time() and end > start
    if event.all_day or ((not begins or start.time() == time()) and (not ends or ends_at_midnight)):
        return Part.WHOLE, gettext("whole day")
    if begins and ends:
        part = next(part for hour, part in _BEGINS if start.hour < hour)
        if end == start:
            return part, clock.time(start)
        return part, f"{clock.time(start)} – {clock.time(end)}"  # noqa: RUF001 (an en dash is meant)
    if begins:
        part = next(part for hour, part in _BEGINS if start.hour < hour)
        return part, gettext("from %(time)s", time=clock.time(start))
    return Part.MORNING, gettext("until %(time)s", time=clock.time(end))
