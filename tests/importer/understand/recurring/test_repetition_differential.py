# SPDX-License-Identifier: GPL-3.0-or-later
"""What the importer makes of generated series, clock changes of both hemispheres included, against
recurring-ical-events, which expands rules with dateutil: the starts are theirs, the ends those of RFC 5545.

That library is wrong where
- an instance lasts through a clock change: its end has the wall clock time of the first, while RFC 5545 section 3.8.5.3
  gives all instances of a DTEND the exact duration of the first, and of a DURATION the nominal one. So only ends of
  overrides are compared;
- an RDATE lies on a day of a clock change whose other instance is overridden: it is lost, though section 3.8.4.4 names
  an instance by its whole date-time. No RDATE is generated on the day of an instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.understand.meaning import understand
from importer.understand.split import split
from scheduling.ical.series import expand

ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Australia/Lord_Howe"),
    *("Africa/Casablanca", "Asia/Kolkata", "UTC"),
)
LOW, HIGH = datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHANGES = [date(2026, *day) for day in ((3, 8), (3, 29), (4, 5), (9, 6), (10, 4), (10, 25), (11, 1))]
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A series as text; `offset` is how far into it a change of one instance lies."""

    zone: str
    form: str
    nominal: bool
    start: datetime
    length: timedelta
    rule: str
    excluded: tuple[int, ...]
    added: tuple[int, ...]
    changed: tuple[tuple[int, int, int], ...]

    def moment(self, name: str, *values: datetime) -> str:
        if self.form == "all-day":
            return f"{name};VALUE=DATE:" + ",".join(f"{value:%Y%m%d}" for value in values)
        zone = f";TZID={self.zone}" if self.form == "zoned" else ""
        return f"{name}{zone}:" + ",".join(f"{value:%Y%m%dT%H%M%S}" for value in values)

    def text(self, instances: list[datetime]) -> str:
        lines = [f"RRULE:{self.rule}"]
        chosen = sorted({instances[n % len(instances)] for n in self.excluded} - {self.start})
        if chosen:
            lines.append(self.moment("EXDATE", *chosen))
        days = {instance.date() for instance in instances}
        added = {self.start + timedelta(days=n, hours=5) for n in self.added}
        more = sorted(moment for moment in added if moment.date() not in days)
        if more:
            lines.append(self.moment("RDATE", *more))
        body = self.master(*lines)
        moved = {instances[n % len(instances)]: (by, hours) for n, by, hours in self.changed}
        for instance, (by, hours) in moved.items():
            if instance not in chosen:
                start = instance + timedelta(days=by // 24, hours=by % 24)
                length = timedelta(days=hours) if self.form == "all-day" else timedelta(hours=hours)
                body += self.event(start, length, self.moment("RECURRENCE-ID", instance))
        return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n"

    def master(self, *lines: str) -> str:
        """As `event`, of the first instance, with a DURATION where days and hours are to be told apart."""
        if not self.nominal:
            return self.event(self.start, self.length, *lines)
        days, seconds = self.length.days, self.length.seconds
        duration = f"DURATION:P{days}DT{seconds // 3600}H"
        return self.event(self.start, self.length, duration, *lines).replace(
            self.moment("DTEND", self.start + self.length) + "\r\n", ""
        )

    def lasts(self, start: datetime) -> int:
        """The end of the instance at a wall clock time (RFC 5545, sections 3.3.6 and 3.8.5.3)."""
        if self.nominal:
            return self.instant(start + timedelta(days=self.length.days)) + self.length.seconds
        return self.instant(start) + self.instant(self.start + self.length) - self.instant(self.start)

    def event(self, start: datetime, length: timedelta, *lines: str) -> str:
        found = [
            "BEGIN:VEVENT",
            "UID:a",
            "DTSTAMP:20260101T000000Z",
            self.moment("DTSTART", start),
            self.moment("DTEND", start + length),
            *lines,
            "END:VEVENT",
            "",
        ]
        return "\r\n".join(found)

    def instant(self, value: date) -> int:
        """RFC 5545 section 3.3.5: a skipped time counts with the offset before the gap, a doubled one is the first."""
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 (of the zone below)
        if value.tzinfo is None:
            value = value.replace(tzinfo=ZoneInfo(self.zone))
        return int(value.timestamp())


@st.composite
def cases(draw: st.DrawFn) -> Case:
    form = draw(st.sampled_from(["zoned", "zoned", "all-day", "floating"]))
    near = draw(st.sampled_from(CHANGES)) - timedelta(days=draw(st.integers(0, 45)))
    minutes = 0 if form == "all-day" else draw(st.integers(0, 95)) * 15
    start = datetime(near.year, near.month, near.day) + timedelta(minutes=minutes)  # noqa: DTZ001
    frequency = draw(st.sampled_from(["DAILY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    rule = f"FREQ={frequency};INTERVAL={draw(st.integers(1, 3))}"
    if frequency in ("WEEKLY", "DAILY") and draw(st.booleans()):
        others = draw(st.lists(st.sampled_from(DAYS), max_size=3))
        rule += ";BYDAY=" + ",".join(sorted({DAYS[start.weekday()], *others}))
    count = draw(st.integers(1, 40))
    if draw(st.booleans()):
        rule += f";COUNT={count}"
    else:
        until = start + timedelta(days=count * 7)
        rule += f";UNTIL={until:%Y%m%d}" if form == "all-day" else f";UNTIL={until:%Y%m%dT%H%M%S}"
        rule += "Z" if form == "zoned" else ""
    length = draw(st.integers(1, 3) if form == "all-day" else st.integers(1, 80))
    numbers = st.integers(0, 39)
    return Case(
        zone=draw(st.sampled_from(ZONES)),
        form=form,
        nominal=form != "all-day" and draw(st.booleans()),
        start=start,
        length=timedelta(days=length) if form == "all-day" else timedelta(hours=length),
        rule=rule,
        excluded=tuple(draw(st.lists(numbers, max_size=3))),
        added=tuple(draw(st.lists(numbers, max_size=2))),
        changed=tuple(
            draw(st.lists(st.tuples(numbers, st.integers(-30, 30), st.integers(1, 20)), max_size=2))
        ),
    )


def theirs(text: str) -> list[icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(text)
    return list(recurring_ical_events.of(calendar).between(LOW, HIGH))


def naive(value: date) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001


def expected(case: Case, events: list[icalendar.Event], changed: set[datetime]) -> list[tuple[int, int]]:
    found = []
    for event in events:
        start = case.instant(event["DTSTART"].dt)
        if case.form == "all-day" or (
            "RECURRENCE-ID" in event and naive(event["RECURRENCE-ID"].dt) in changed
        ):
            found.append((start, case.instant(event["DTEND"].dt)))
        else:
            found.append((start, case.lasts(naive(event["DTSTART"].dt))))
    return sorted(found)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(cases())
def test_series_take_place_when_other_programs_say(case: Case) -> None:
    plain = theirs(
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{case.master(f'RRULE:{case.rule}')}END:VCALENDAR\r\n"
    )
    text = case.text(sorted(naive(event["DTSTART"].dt) for event in plain))
    result = understand(split(text), default_zone=case.zone, stored={}, now=NOW)
    (event,) = result.events
    ours = expand(event.series, int(LOW.timestamp()), int(HIGH.timestamp()))
    changed = {
        naive(it["RECURRENCE-ID"].dt)
        for it in icalendar.Calendar.from_ical(text).walk("VEVENT")
        if "RECURRENCE-ID" in it
    }
    assert [(it.starts_at, max(it.ends_at, it.starts_at + 1)) for it in ours] == expected(
        case, theirs(text), changed
    )
    assert not result.skipped
