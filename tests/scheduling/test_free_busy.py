# SPDX-License-Identifier: GPL-3.0-or-later
"""Free-busy: what of a schedule is busy and how, coalescing as properties, and the VFREEBUSY text."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import icalendar
import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.calendars import CalendarState, list_calendars
from scheduling.catch_up import catch_up, ensure_calendars
from scheduling.config import Config
from scheduling.database import Database
from scheduling.free_busy import STRENGTH, Period, coalesce, periods, vfreebusy
from scheduling.settings import change, view
from scheduling.view import today
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
HOUR, DAY = 3600, 86400
Span = tuple[int, int, str]

PERIODS = st.lists(
    st.builds(
        lambda start, length, fbtype: Period(start=start, end=start + length, fbtype=fbtype),
        st.integers(0, 60),
        st.integers(0, 20),
        st.sampled_from(STRENGTH),
    ),
    max_size=12,
)


def strongest(found: list[Period], second: int) -> str | None:
    covering = [it.fbtype for it in found if it.start <= second < it.end]
    return min(covering, key=STRENGTH.index) if covering else None


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(found=PERIODS)
def test_coalescing_keeps_the_strongest_type_of_every_second(found: list[Period]) -> None:
    result = coalesce(found)
    for second in range(85):
        assert strongest(result, second) == strongest(found, second)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(found=PERIODS)
def test_coalesced_periods_are_ordered_apart_and_as_few_as_possible(found: list[Period]) -> None:
    result = coalesce(found)
    assert all(it.start < it.end for it in result)
    for before, after in pairwise(result):
        assert before.end <= after.start
        assert before.end < after.start or before.fbtype != after.fbtype
    assert coalesce(result) == result
    assert coalesce(list(reversed(found))) == result


def states(database: Database, config: Config, user: int, username: str) -> list[CalendarState]:
    with database.write() as connection:
        ensure_calendars(connection, user, NOW)
        shown = view(connection, config)
        for slug in ("jobs", "blockers", "time-off"):
            catch_up(connection, user, slug, shown, NOW)
        found = list_calendars(connection, username, shown, today(NOW))
    assert found is not None
    return found[1]


def busy(database: Database, calendars: list[CalendarState], start: int, end: int) -> list[Span]:
    """Busy periods as hours from NOW."""
    with database.read() as connection:
        found = periods(connection, calendars, NOW + start * HOUR, NOW + end * HOUR)
    return [((it.start - NOW) // HOUR, (it.end - NOW) // HOUR, it.fbtype) for it in found]


def at(hour: int) -> str:
    return datetime.fromtimestamp(NOW + hour * HOUR, UTC).isoformat(" ")


def test_schedule_of_a_day(database: Database, config: Config, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    with database.write() as connection:
        change(connection, "calendars.job_statuses", "offered,confirmed,cancelled")
    dispatch.job(ann, status="confirmed", starts_at=at(9), ends_at=at(11))
    dispatch.job(ann, status="offered", starts_at=at(10), ends_at=at(13))
    dispatch.job(ann, status="cancelled", starts_at=at(14), ends_at=at(15))
    dispatch.blocker(ann, starts_at=at(11), ends_at=at(12), rrule="FREQ=DAILY")
    dispatch.time_off(ann, starts_at=at(16), ends_at=at(20))
    dispatch.time_off(ann, status="requested", starts_at=at(21), ends_at=at(22))
    calendars = states(database, config, ann, "ann")
    assert busy(database, calendars, 0, 24) == [
        (9, 12, "BUSY"),
        (12, 13, "BUSY-TENTATIVE"),
        (16, 20, "BUSY-UNAVAILABLE"),
    ]
    assert busy(database, calendars, 10, 17) == [
        (10, 12, "BUSY"),
        (12, 13, "BUSY-TENTATIVE"),
        (16, 17, "BUSY-UNAVAILABLE"),
    ]
    assert busy(database, calendars, 13, 16) == []
    assert busy(database, calendars[:1], 11, 24) == [(11, 13, "BUSY-TENTATIVE")]
    assert busy(database, [], 0, 24) == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_recurring_blockers_beyond_the_horizon_are_expanded_on_demand(
    database: Database, config: Config, dispatch: Dispatch, zone: str
) -> None:
    ann = dispatch.user("ann", time_zone=zone)
    dispatch.blocker(ann, starts_at=at(11), ends_at=at(12), rrule="FREQ=WEEKLY;INTERVAL=52")
    calendars = states(database, config, ann, "ann")
    years = 10 * 52 * 7 * 24
    found = busy(database, calendars, years, years + 24)
    assert [end - start for start, end, _ in found] == [1]
    assert abs(found[0][0] - years - 11) <= 1
    assert busy(database, calendars, years + 48, years + 7 * 24) == []
    horizon = (calendars[1].expanded.end - NOW) // HOUR
    across = busy(database, calendars, horizon - 53 * 7 * 24, horizon + 53 * 7 * 24)
    assert len(across) in (2, 3)


def test_all_day_leave_covers_the_days_of_the_user(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann = dispatch.user("ann", time_zone="America/New_York")
    dispatch.time_off(ann, start_date="2026-03-10", end_date="2026-03-12")
    calendars = states(database, config, ann, "ann")
    assert busy(database, calendars, -48, 96) == [(4, 52, "BUSY-UNAVAILABLE")]


def test_vfreebusy_is_read_alike_by_both_libraries() -> None:
    found = [
        Period(start=NOW, end=NOW + HOUR, fbtype="BUSY"),
        Period(start=NOW + HOUR, end=NOW + 2 * HOUR, fbtype="BUSY-TENTATIVE"),
    ]
    text = vfreebusy(found, NOW, NOW + DAY, NOW)
    assert text == (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Daysheet//Daysheet//EN\r\nCALSCALE:GREGORIAN\r\n"
        "BEGIN:VFREEBUSY\r\nDTSTAMP:20260310T000000Z\r\nDTSTART:20260310T000000Z\r\nDTEND:20260311T000000Z\r\n"
        "FREEBUSY;FBTYPE=BUSY:20260310T000000Z/20260310T010000Z\r\n"
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260310T010000Z/20260310T020000Z\r\n"
        "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
    assert len(vobject.readOne(text).vfreebusy.freebusy_list) == 2
    [component] = icalendar.Calendar.from_ical(text).walk("VFREEBUSY")
    assert [it.params["FBTYPE"] for it in component["FREEBUSY"]] == ["BUSY", "BUSY-TENTATIVE"]
