# SPDX-License-Identifier: GPL-3.0-or-later
"""Zone names as calendar programs write them, and wall clock times as instants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from scheduling.ical.errors import UnknownTimeZone
from scheduling.ical.timezones import from_epoch, is_zone, resolve, to_epoch, vtimezone

HOSTILE = ["", "../etc/passwd", "/etc/passwd", "Europe/../UTC", "a\x00b", "x" * 5000, "\ud800", "Europe", "."]


@pytest.mark.parametrize("name", [*HOSTILE, "localtime", "posixrules", "Factory", "europe/berlin"])
def test_what_is_no_zone_is_no_zone(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(UnknownTimeZone) as raised:
        to_epoch(datetime.fromisoformat("2026-01-01T00:00:00"), name)
    assert raised.value.tzid == name
    with pytest.raises(UnknownTimeZone):
        vtimezone(name, 2026)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST5EDT"])
def test_iana_names_are_zones(name: str) -> None:
    assert is_zone(name)
    assert resolve(name) == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        (' "America/New_York" ', "America/New_York"),
        ("America/New York", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe standard time  ", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("Eastern Standard Time", "America/New_York"),
        ("Eastern Time", "America/New_York"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("/citadel.org/20210210_1/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/softwarestudio.org/Tzfile/America/Indiana/Knox", "America/Indiana/Knox"),
        ("/freeassociation.sourceforge.net/UTC", "UTC"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("(GMT+01.00) Amsterdam, Berlin", None),
        ("(GMT+01:00) Amsterdam / Berlin / Bern", None),
        ('"Brussels, Copenhagen, Madrid, Paris"', "Europe/Brussels"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/London"),
        ("(GMT) Greenwich Mean Time : Dublin, Edinburgh, Lisbon, London", "Europe/London"),
        ("(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "Asia/Kolkata"),
        ("(UTC+10:00) Canberra, Melbourne, Sydney", "Australia/Sydney"),
        ("(UTC) Coordinated Universal Time", "UTC"),
        ("(UTC+01:00) W. Europe Standard Time", "Europe/Berlin"),
        ("Z", "UTC"),
        ("GMT", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Customized Time Zone", None),
        ("tzone://Microsoft/Custom", None),
        ("Berlinish", None),
        *((name, None) for name in HOSTILE if name != "Europe/../UTC"),
    ],
)
def test_names_are_resolved(written: str, meant: str | None) -> None:
    assert resolve(written) == meant


def test_every_resolved_windows_name_is_a_zone() -> None:
    resolved = [resolve(name) for name in WINDOWS_TO_OLSON]
    assert all(name is not None and is_zone(name) for name in resolved)


@pytest.mark.parametrize(
    ("tzid", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00"),
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00"),  # skipped: counts as +01:00
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00"),  # shown twice: the first
        ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00"),
        ("Africa/Cairo", "2026-04-24T00:00:00", "2026-04-23T22:00:00"),  # midnight itself is skipped
        ("Asia/Kathmandu", "2026-01-01T00:00:00", "2025-12-31T18:15:00"),
    ],
)
def test_wall_clock_to_instant(tzid: str, wall: str, instant: str) -> None:
    expected = int(datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp())
    assert to_epoch(datetime.fromisoformat(wall), tzid) == expected


def test_instant_to_wall_clock_is_naive_and_forgets_the_fold() -> None:
    second_pass = int(datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp())
    wall = from_epoch(second_pass, "Europe/Berlin")
    assert (wall.isoformat(), wall.tzinfo, wall.fold) == ("2026-10-25T02:30:00", None, 0)


def test_the_edges_of_the_calendar_can_be_converted() -> None:
    for wall in ("0001-01-01T00:00:00", "9999-12-31T23:59:59"):
        for tzid in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
            assert isinstance(to_epoch(datetime.fromisoformat(wall), tzid), int)
