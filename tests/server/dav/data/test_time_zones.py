# SPDX-License-Identifier: GPL-3.0-or-later
"""The same wall clock in several zones, all the way to the wire and in the readers that clients use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client, during
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
BLOCKERS, TIME_OFF = "/dav/anna/blockers/", "/dav/anna/time-off/"
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
]
YEAR = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))


@pytest.fixture(params=["all", "1"])
def client(
    request: pytest.FixtureRequest, configured: Callable[[Sections], Running], people: dict[str, int]
) -> Client:
    """With all of history, and with little of it: zones are written out differently."""
    return configured({"calendars": {"history_months": request.param}}).client("anna")


@pytest.mark.parametrize("zone", ZONES)
def test_a_weekly_blocker_is_at_the_same_time_on_the_clock_all_year(
    client: Client, dispatch: Dispatch, people: dict[str, int], zone: str
) -> None:
    dispatch.update("users", people["anna"], time_zone=zone)
    begin = datetime(2027, 1, 5, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    dispatch.blocker(
        people["anna"], rrule="FREQ=WEEKLY", starts_at=str(begin), ends_at=str(begin.replace(minute=59))
    )
    text = client.get(BLOCKERS).text
    read = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(*YEAR)
    expand = '<C:calendar-data><C:expand start="20270101T000000Z" end="20280101T000000Z"/></C:calendar-data>'
    (found,) = client.query(
        BLOCKERS, during("20270101T000000Z", "20280101T000000Z"), expand
    ).resources.values()
    expanded = icalendar.Calendar.from_ical(found.text(f"{C}calendar-data")).walk("VEVENT")
    for events in (read, expanded):
        clocks = {it.start.astimezone(ZoneInfo(zone)).strftime("%A %H:%M") for it in events}
        assert clocks == {"Tuesday 09:00"}
    assert len(read) == len(expanded) == 52


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_off_is_a_day_of_the_users_own(
    client: Client, dispatch: Dispatch, people: dict[str, int], zone: str
) -> None:
    dispatch.update("users", people["anna"], time_zone=zone)
    dispatch.time_off(people["anna"], start_date="2027-03-28", end_date="2027-03-29")
    midnights = [datetime(2027, 3, day, tzinfo=ZoneInfo(zone)).astimezone(UTC) for day in (28, 29)]
    edges = [f"{it:%Y%m%dT%H%M%SZ}" for it in midnights]
    assert len(client.query(TIME_OFF, during(*edges)).resources) == 1
    assert client.query(TIME_OFF, during("20270320T000000Z", edges[0])).resources == {}
    assert client.query(TIME_OFF, during(edges[1], "20270405T000000Z")).resources == {}
