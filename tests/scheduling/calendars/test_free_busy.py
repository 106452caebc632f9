# SPDX-License-Identifier: GPL-3.0-or-later
"""Free-busy: coalescing as properties, and the VFREEBUSY text."""

from __future__ import annotations

from itertools import pairwise

import icalendar
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.calendars.free_busy import STRENGTH, UNKNOWN, Period, coalesce, free, vfreebusy

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
HOUR, DAY = 3600, 86400

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


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(found=PERIODS)
def test_what_no_period_covers_is_free(found: list[Period]) -> None:
    result = coalesce(found)
    spaces = free(result, 0, 85)
    for second in range(85):
        assert any(low <= second < high for low, high in spaces) == (strongest(result, second) is None)


def test_what_clients_have_no_word_for_is_unavailable_to_them() -> None:
    text = vfreebusy([Period(start=NOW, end=NOW + HOUR, fbtype=UNKNOWN)], NOW, NOW + DAY, NOW)
    [component] = icalendar.Calendar.from_ical(text).walk("VFREEBUSY")
    assert component["FREEBUSY"].params == {"FBTYPE": "BUSY-UNAVAILABLE", "X-DAYSHEET-STATE": "UNKNOWN"}
    assert vobject.readOne(text).vfreebusy.freebusy.params["FBTYPE"] == ["BUSY-UNAVAILABLE"]


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
