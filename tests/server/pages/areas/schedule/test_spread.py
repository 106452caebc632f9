# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on days: midnight, several days, whole days, clock changes, zones far away."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from scheduling.calendars.events import Event
from server.pages.areas.schedule.clashes import Clashes
from server.pages.areas.schedule.spread import Day, Looks, Part, bounds, days
from server.pages.words.moments import Clock

LOOKS = Looks(names={"jobs": "Jobs"}, clashes=Clashes(jobs={"job-1"}, overlaps={}))


def _clock(zone: str) -> Clock:
    return Clock(locale=Locale("en"), zone=ZoneInfo(zone), now=datetime(2027, 3, 10, 12, tzinfo=UTC))


def _event(zone: str, start: str, end: str, *, all_day: bool = False) -> Event:
    first, last = (
        int(datetime.fromisoformat(it).replace(tzinfo=ZoneInfo(zone)).timestamp()) for it in (start, end)
    )
    return Event(
        source="job",
        source_id=1,
        calendar="jobs",
        title="Repair",
        location="",
        all_day=all_day,
        starts_at=first,
        ends_at=last,
        recurring=False,
        instances=(),
        status="CONFIRMED",
        transparency="OPAQUE",
        busy="BUSY",
        busy_status="",
        declined=False,
        changed_at=0,
        etag="",
    )


def _found(zone: str, event: Event, first: str = "2027-03-08", count: int = 7) -> dict[str, tuple[Part, str]]:
    found: list[Day] = list(days([event], date.fromisoformat(first), count, _clock(zone), LOOKS))
    return {str(day.date): (it.part, it.when.replace("\u202f", " ")) for day in found for it in day.entries}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "UTC"])
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2027-03-09 08:00", "2027-03-09 10:00", {"2027-03-09": (Part.MORNING, "8:00 AM \u2013 10:00 AM")}),
        ("2027-03-09 12:00", "2027-03-09 13:00", {"2027-03-09": (Part.AFTERNOON, "12:00 PM \u2013 1:00 PM")}),
        ("2027-03-09 17:00", "2027-03-10 00:00", {"2027-03-09": (Part.EVENING, "5:00 PM \u2013 12:00 AM")}),
        ("2027-03-09 00:00", "2027-03-10 00:00", {"2027-03-09": (Part.WHOLE, "whole day")}),
        ("2027-03-09 09:00", "2027-03-09 09:00", {"2027-03-09": (Part.MORNING, "9:00 AM")}),
        (
            "2027-03-09 22:00",
            "2027-03-11 06:00",
            {
                "2027-03-09": (Part.EVENING, "from 10:00 PM"),
                "2027-03-10": (Part.WHOLE, "whole day"),
                "2027-03-11": (Part.MORNING, "until 6:00 AM"),
            },
        ),
        ("2027-03-01 22:00", "2027-03-08 06:00", {"2027-03-08": (Part.MORNING, "until 6:00 AM")}),
        ("2027-03-14 22:00", "2027-03-20 06:00", {"2027-03-14": (Part.EVENING, "from 10:00 PM")}),
    ],
)
def test_an_event_is_on_each_of_its_days(
    zone: str, start: str, end: str, expected: dict[str, tuple[Part, str]]
) -> None:
    assert _found(zone, _event(zone, start, end)) == expected


def test_a_day_has_the_hours_it_has_where_the_clock_changes() -> None:
    start, end = bounds(date(2027, 3, 28), 1, _clock("Europe/Berlin"))
    assert end - start == 23 * 3600
    start, end = bounds(date(2027, 10, 31), 1, _clock("Europe/Berlin"))
    assert end - start == 25 * 3600


def test_entries_know_their_calendar_and_whether_they_are_in_conflict() -> None:
    (day,) = days(
        [_event("UTC", "2027-03-09 08:00", "2027-03-09 09:00")], date(2027, 3, 9), 1, _clock("UTC"), LOOKS
    )
    (entry,) = day.entries
    assert (entry.calendar, entry.in_conflict) == ("Jobs", True)
    assert entry.day == "Tuesday, March 9, 2027"
    assert entry.path == "/schedule/job-1"
