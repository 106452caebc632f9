# SPDX-License-Identifier: GPL-3.0-or-later
"""A VTIMEZONE gives other programs the offsets that the zone really has."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject

from scheduling.ical.timezones import vtimezone

YEAR = 2026
ZONES = [
    *("UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "America/New_York"),
    *("America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "America/Santiago", "America/Nuuk"),
    *("America/Havana", "Africa/Casablanca", "Africa/Cairo", "Africa/Johannesburg", "Asia/Kathmandu"),
    *("Asia/Kolkata", "Asia/Jerusalem", "Asia/Gaza", "Asia/Tokyo", "Asia/Beirut", "Australia/Sydney"),
    *("Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Norfolk"),
]


def read_with_icalendar(component: str) -> tzinfo:
    parsed = icalendar.Timezone.from_ical(component)
    assert isinstance(parsed, icalendar.Timezone)
    return parsed.to_tz(lookup_tzid=False)


def read_with_vobject(component: str) -> tzinfo:
    calendar = vobject.readOne(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{component}END:VCALENDAR\r\n")
    zone = calendar.vtimezone.tzinfo
    assert isinstance(zone, tzinfo)
    return zone


def offset(zone: tzinfo, wall: datetime) -> timedelta | None:
    # icalendar's tzinfo is pytz-like where pytz is its provider, ordinary otherwise.
    return wall.replace(tzinfo=zone).utcoffset()


@pytest.mark.parametrize("read", [read_with_icalendar, read_with_vobject])
@pytest.mark.parametrize("tzid", ZONES)
def test_offsets_read_back_equal_the_zone(tzid: str, read: Callable[[str], tzinfo]) -> None:
    # Under a made-up name, so that the reader cannot take its own rules for the zone.
    name = f"Test/{tzid.replace('/', '-')}"
    zone = read(vtimezone(tzid, YEAR).replace(f"TZID:{tzid}", f"TZID:{name}"))
    for year, month, day in itertools.product(range(YEAR, YEAR + 3), range(1, 13), (1, 15)):
        noon = datetime(year, month, day, 12, tzinfo=UTC).replace(tzinfo=None)
        assert offset(zone, noon) == offset(ZoneInfo(tzid), noon), noon


@pytest.mark.parametrize("tzid", ZONES)
def test_days_beside_each_clock_change_are_right(tzid: str) -> None:
    zone = read_with_icalendar(vtimezone(tzid, YEAR).replace(f"TZID:{tzid}", "TZID:Test/Changes"))
    truth = ZoneInfo(tzid)
    day = datetime(YEAR, 1, 2, 12, tzinfo=UTC).replace(tzinfo=None)
    while day.year <= YEAR + 1:
        if offset(truth, day) != offset(truth, day + timedelta(days=1)):
            assert offset(zone, day) == offset(truth, day)
            assert offset(zone, day + timedelta(days=1)) == offset(truth, day + timedelta(days=1))
        day += timedelta(days=1)


def test_a_zone_with_yearly_rules_is_compact() -> None:
    assert vtimezone("Europe/Berlin", YEAR).split("\r\n") == [
        *("BEGIN:VTIMEZONE", "TZID:Europe/Berlin", "BEGIN:DAYLIGHT", "DTSTART:19700329T020000"),
        *("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "TZNAME:CEST"),
        *("END:DAYLIGHT", "BEGIN:STANDARD", "DTSTART:19701025T030000"),
        *("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "TZNAME:CET"),
        *("END:STANDARD", "END:VTIMEZONE", ""),
    ]


def test_the_larger_offset_is_daylight_where_winter_time_is_the_exception() -> None:
    assert "BEGIN:DAYLIGHT\r\nDTSTART:19700329T010000" in vtimezone("Europe/Dublin", YEAR)


def test_a_zone_without_clock_changes_is_one_observance() -> None:
    written = vtimezone("Asia/Kathmandu", YEAR)
    assert written.count("BEGIN:") == 2
    assert "DTSTART:19700101T000000\r\n" in written
    assert "TZOFFSETTO:+0545\r\n" in written


def test_a_zone_without_a_yearly_rule_lists_its_changes() -> None:
    written = vtimezone("Africa/Casablanca", YEAR)
    assert "RRULE" not in written
    assert "RDATE" not in written
    onsets = [line[8:12] for line in written.split("\r\n") if line.startswith("DTSTART:")]
    assert onsets[0] == "1970"
    assert {str(year) for year in range(YEAR - 1, YEAR + 11)} <= set(onsets)


def test_a_rule_by_weekday_of_the_month_is_written_as_such() -> None:
    written = vtimezone("America/New_York", YEAR)
    assert "DTSTART:19700308T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\n" in written
    assert "DTSTART:19701101T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\n" in written
