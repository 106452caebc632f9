# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of vCalendar 1.0 files: TZ and DAYLIGHT decide where times without a zone are."""

from __future__ import annotations

import pytest

from importer.understand.vcalendar_zone import UNSAID, definition
from tests.importer.understand.calendars import busy_in, calendar, read, vevent

SUMMER = vevent("DTSTART:20260715T093000", "DTEND:20260715T103000", uid="summer")
WINTER = vevent("DTSTART:20260115T093000", "DTEND:20260115T103000", uid="winter")
LATER = vevent("DTSTART:20290815T093000", "DTEND:20290815T103000", "RRULE:D1 #2", uid="later")


def times(*head: str, zone: str = "Europe/Berlin", year: int = 2026) -> list[str]:
    found = read(calendar("VERSION:1.0", *head, SUMMER, WINTER, LATER), zone=zone)
    assert (found.skipped, found.gaps) == ((), ())
    return [it[6:11] for it in busy_in(found.events, year)]


@pytest.mark.parametrize(
    ("standard", "rules", "winter", "summer"),
    [
        ("-06:00", ["TRUE;-05:00;20260308T020000;20261101T020000;CST;CDT"], "15:30", "14:30"),
        ("-0600", ["TRUE;-0500;20260308T080000Z;20261101T070000Z;;"], "15:30", "14:30"),
        ("+02", ["TRUE;+03;20260329T030000;20261025T040000;EET;EEST"], "07:30", "06:30"),
        ("+12", ["TRUE;+13;20250928T020000;20260405T030000;;", "TRUE;+13;20260927T020000;20270404T030000;;"],
         "20:30", "21:30"),
        ("+05:30", ["FALSE"], "04:00", "04:00"),
        ("-3", ["FALSE"], "12:30", "12:30"),
    ],
)  # fmt: skip
def test_the_file_says_which_clock_it_has(standard: str, rules: list[str], winter: str, summer: str) -> None:
    head = [f"TZ:{standard}", *(f"DAYLIGHT:{rule}" for rule in rules)]
    for zone in ("Europe/Berlin", "UTC"):
        assert times(*head, zone=zone) == [winter, summer]
    # August is winter in New Zealand too.
    assert times(*head, year=2029) == [summer, summer]


def test_a_year_of_its_own_counts_as_it_stands() -> None:
    """A change of the clock that no zone has, so nothing but the file tells."""
    odd = ("TZ:+01", "DAYLIGHT:TRUE;+02;20260710T020000;20260720T030000;;")
    assert times(*odd) == ["08:30", "07:30"]
    assert times("TZ:+01", "DAYLIGHT:TRUE;+02;20260720T020000;20260810T030000;;") == ["08:30", "08:30"]


def test_where_nothing_is_said_of_daylight_saving_the_clock_is_the_users_if_it_may_be() -> None:
    assert times("TZ:+01") == ["08:30", "07:30"]
    assert times("TZ:+01", "DAYLIGHT:FALSE") == ["08:30", "08:30"]
    assert times("TZ:+09") == ["00:30", "00:30"]
    assert UNSAID in definition("+09", ["TRUE;soon;later"])


def test_other_names_of_the_calendars_zone_come_first_and_what_is_no_offset_says_nothing() -> None:
    assert times("TZ:-05", "X-WR-TIMEZONE:Asia/Tokyo") == ["00:30", "00:30"]
    assert times("TZ:nowhere", "DAYLIGHT:TRUE") == ["08:30", "07:30"]
    assert definition(None, ["TRUE;+02;20260329T020000;20261025T030000"]) == ()
