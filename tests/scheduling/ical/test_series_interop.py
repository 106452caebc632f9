# SPDX-License-Identifier: GPL-3.0-or-later
"""Expansion agrees with recurring-ical-events on files such as calendar programs write.

Left out: an instance that lasts through a clock change, where that library keeps the end's wall clock time
and RFC 5545 section 3.8.5.3 the exact duration.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from scheduling.ical.recurrence import Wall, parse_rule
from scheduling.ical.series import Override, Series, expand

TZID = "Europe/Berlin"
AFTER, BEFORE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)

MASTER = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T103000\n"
MOVED = "DTSTART;TZID=Europe/Berlin:{start}\nDTEND;TZID=Europe/Berlin:{end}\n"
FILES = {
    "weekly": [MASTER + "RRULE:FREQ=WEEKLY;BYDAY=MO"],
    "single": [MASTER],
    "workdays until": [MASTER + "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261023T070000Z"],
    "every other week": [MASTER + "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=40"],
    "last workday": [MASTER + "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"],
    "excluded and added": [
        MASTER + "RRULE:FREQ=DAILY;COUNT=10\nEXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000\n"
        "RDATE;TZID=Europe/Berlin:20260301T120000\n"
    ],
    "moved and shortened": [
        MASTER + "RRULE:FREQ=WEEKLY;COUNT=5",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260112T090000\n"
        + MOVED.format(start="20260113T140000", end="20260113T141500"),
        "RECURRENCE-ID;TZID=Europe/Berlin:20260119T090000\n"
        + MOVED.format(start="20260119T090000", end="20260119T093000"),
    ],
    "through the autumn change": [
        MOVED.format(start="20261023T003000", end="20261023T013000") + "RRULE:FREQ=DAILY;COUNT=5"
    ],
    "all-day yearly": [
        "DTSTART;VALUE=DATE:20240229\nDTEND;VALUE=DATE:20240301\nRRULE:FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=2"
    ],
    "all-day, three days": [
        "DTSTART;VALUE=DATE:20260327\nDTEND;VALUE=DATE:20260330\nRRULE:FREQ=MONTHLY;BYDAY=4FR\nEXDATE;VALUE=DATE:20260424"
    ],
    "all-day until": [
        "DTSTART;VALUE=DATE:20260601\nDTEND;VALUE=DATE:20260602\nRRULE:FREQ=DAILY;UNTIL=20260610"
    ],
}


def read(name: str) -> icalendar.Calendar:
    events = "".join(
        f"BEGIN:VEVENT\nUID:{name}\nDTSTAMP:20260101T000000Z\n{body.strip()}\nEND:VEVENT\n"
        for body in FILES[name]
    )
    calendar = icalendar.Calendar.from_ical(
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{events}END:VCALENDAR\n"
    )
    assert isinstance(calendar, icalendar.Calendar)
    return calendar


def naive(value: Wall) -> Wall:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def listed(event: icalendar.Event, name: str) -> tuple[Wall, ...]:
    return tuple(naive(value.dt) for value in event[name].dts) if name in event else ()


def to_series(calendar: icalendar.Calendar) -> Series:
    master, *changed = calendar.walk("VEVENT")
    return Series(
        start=naive(master["DTSTART"].dt),
        end=naive(master["DTEND"].dt),
        tzid=TZID,
        rule=parse_rule(master["RRULE"].to_ical().decode()) if "RRULE" in master else None,
        rdates=listed(master, "RDATE"),
        exdates=listed(master, "EXDATE"),
        overrides={
            naive(event["RECURRENCE-ID"].dt): Override(
                start=naive(event["DTSTART"].dt), end=naive(event["DTEND"].dt), busy="BUSY"
            )
            for event in changed
        },
        busy="BUSY",
    )


def instant(value: date) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(TZID))
    return int(value.timestamp())


@pytest.mark.parametrize("name", FILES)
def test_occurrences_are_those_of_recurring_ical_events(name: str) -> None:
    calendar = read(name)
    expected = sorted(
        (instant(event["DTSTART"].dt), instant(event["DTEND"].dt))
        for event in recurring_ical_events.of(calendar).between(AFTER, BEFORE)
    )
    found = expand(to_series(calendar), int(AFTER.timestamp()), int(BEFORE.timestamp()))
    assert expected
    assert [(each.starts_at, each.ends_at) for each in found] == expected
