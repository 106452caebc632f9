# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates and times by language, region and zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel import Locale

from server.pages.words.moments import Clock

NOW = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def clock(locale: str, zone: str = "Europe/Berlin") -> Clock:
    return Clock(locale=Locale.parse(locale), zone=ZoneInfo(zone), now=NOW)


def test_times_are_in_the_zone_of_the_person_and_say_which() -> None:
    berlin, york = clock("en_GB"), clock("en_US", "America/New_York")
    assert (berlin.time(NOW), berlin.today) == ("00:30", date(2026, 7, 2))
    assert (york.time(NOW).replace("\u202f", " "), york.today) == ("6:30 PM", date(2026, 7, 1))
    assert (berlin.zone_name, york.zone_name) == ("Berlin (GMT+02:00)", "New York (GMT-04:00)")


def test_days_and_weeks_are_those_of_the_language_and_region() -> None:
    assert clock("de").day(date(2026, 7, 2)) == "Donnerstag, 2. Juli 2026"
    assert clock("en_GB").day(NOW) == "Thursday, 2 July 2026"
    assert [clock(it).first_weekday for it in ("de", "en_GB", "en_US")] == [0, 0, 6]
    assert clock("de").number(1234.5) == "1.234,5"


def test_what_the_api_says_is_understood() -> None:
    for given in (NOW, int(NOW.timestamp()), "2026-07-01T22:30:00Z"):
        assert clock("de").machine(given) == "2026-07-01T22:30:00Z"
    assert clock("en").since(int(NOW.timestamp()) - 240) == "4 minutes ago"
