# SPDX-License-Identifier: GPL-3.0-or-later
"""Our engine against dateutil on generated rules.

Left out, because the two differ on purpose: BYWEEKNO without BYDAY (seven days a week there), plain and
ordinal weekdays in one BYDAY (both required there), BYSETPOS in a first week that DTSTART cuts (a partial
set there), negative BYWEEKNO that reaches week 1 of the next year. A DTSTART that does not match is no
instance there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice

import dateutil.rrule
import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduling.ical.recurrence import occurrences, parse_rule
from scheduling.ical.rules import Frequency, Rule

WINDOW_DAYS = {
    Frequency.YEARLY: 3000,
    Frequency.MONTHLY: 1500,
    Frequency.WEEKLY: 1000,
    Frequency.DAILY: 800,
    Frequency.HOURLY: 90,
}


class ShortCalendar:
    """The datetime module for dateutil with an earlier end: it goes on to MAXYEAR when nothing matches."""

    MAXYEAR = 9999

    def __getattr__(self, name: str) -> object:
        return getattr(dt, name)


@pytest.fixture(autouse=True, scope="module")
def short_calendar() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dateutil.rrule, "datetime", ShortCalendar())
        yield


def some(low: int, high: int, most: int = 4, *, signed: bool = False) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw an absent or short sorted list of numbers, negative ones too when signed."""
    numbers = st.integers(low, high)
    if signed:
        numbers = numbers | st.integers(-high, -low)
    return st.lists(numbers, max_size=most, unique=True).map(lambda values: tuple(sorted(values)))


def maybe(strategy: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.just(()) | strategy


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    freq = draw(st.sampled_from(list(Frequency)[:5]))
    yearly, monthly = freq is Frequency.YEARLY, freq is Frequency.MONTHLY
    byweekno = draw(maybe(some(1, 53) | some(-40, -1))) if yearly else ()
    plain = st.lists(st.integers(0, 6).map(lambda day: (0, day)), max_size=4, unique=True)
    ordinals = st.lists(
        st.tuples(st.sampled_from([-5, -2, -1, 1, 2, 3, 5, 20, 53]), st.integers(0, 6)),
        max_size=3,
        unique=True,
    )
    byday = draw(plain | ordinals if (yearly and not byweekno) or monthly else plain)
    assume(byday or not byweekno)
    bymonth = draw(maybe(some(1, 12)))
    # dateutil raises IndexError for such an ordinal within a month.
    assume(not (bymonth or monthly) or all(abs(ordinal) <= 5 for ordinal, _ in byday))
    parts = {
        "bymonth": bymonth,
        "byweekno": byweekno,
        "byyearday": draw(maybe(some(1, 366, signed=True))) if yearly or freq is Frequency.HOURLY else (),
        "bymonthday": draw(maybe(some(1, 31, signed=True))) if freq is not Frequency.WEEKLY else (),
        "byday": tuple(sorted(byday)),
        "byhour": draw(maybe(some(0, 23, 3))),
        "byminute": draw(maybe(some(0, 59, 2))) if freq is not Frequency.HOURLY else (),
        "bysecond": draw(maybe(some(0, 59, 2))) if freq is not Frequency.HOURLY else (),
    }
    rule = Rule(
        freq=freq,
        interval=draw(st.sampled_from([1, 1, 1, 2, 3, 5, 13])),
        count=draw(st.none() | st.integers(1, 60)),
        bysetpos=draw(maybe(some(1, 12, 3, signed=True))) if any(parts.values()) else (),
        wkst=draw(st.integers(0, 6)),
        **parts,
    )
    return parse_rule(rule.text())


def by_dateutil(rule: Rule, start: datetime, before: datetime) -> list[datetime]:
    """Return what RFC 5545 makes of dateutil's instances: DTSTART first, and counted."""
    endless = ";".join(part for part in rule.text().split(";") if not part.startswith("COUNT="))
    ShortCalendar.MAXYEAR = before.year
    bounded = rrulestr(f"{endless};UNTIL={before - timedelta(seconds=1):%Y%m%dT%H%M%S}", dtstart=start)
    return [
        start,
        *islice(
            (moment for moment in bounded if moment != start), None if rule.count is None else rule.count - 1
        ),
    ]


@settings(derandomize=True, deadline=None, max_examples=1000)
@given(
    rules(),
    st.datetimes(datetime.fromisoformat("2015-01-01"), datetime.fromisoformat("2030-01-01")),
    st.integers(0, 1400),
    st.integers(1, 400),
)
def test_instances_are_those_of_dateutil(rule: Rule, start: datetime, skip: int, length: int) -> None:
    start = start.replace(microsecond=0)
    if rule.freq is Frequency.WEEKLY and rule.bysetpos:
        start -= timedelta(days=(start.weekday() - rule.wkst) % 7)
    before = start + timedelta(days=WINDOW_DAYS[rule.freq])
    try:
        expected = by_dateutil(rule, start, before)
    except ValueError as refused:
        if "empty" not in str(refused):
            raise
        expected = [start]  # dateutil refuses some rules that never match
    assert occurrences(rule, start, start, before, limit=100_000) == expected
    after = start + timedelta(days=skip)
    window = after + timedelta(days=length)
    inside = [moment for moment in expected if after <= moment < min(window, before)]
    assert occurrences(rule, start, after, min(window, before), limit=100_000) == inside


@settings(derandomize=True, deadline=None, max_examples=200)
@given(rules().filter(lambda rule: not rule.within_day), st.dates(date(2015, 1, 1), date(2030, 1, 1)))
def test_all_day_instances_are_the_days_of_timed_ones(rule: Rule, start: date) -> None:
    rule = replace(rule, byhour=(), byminute=(), bysecond=())
    before = start + timedelta(days=WINDOW_DAYS[rule.freq])
    moments = occurrences(rule, midnight(start), midnight(start), midnight(before))
    assert occurrences(rule, start, start, before) == [datetime.date(moment) for moment in moments]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())
