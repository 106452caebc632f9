# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from importer.errors import FetchFailed, NotACalendar
from importer.schedule import LONGEST_WAIT, Schedule, refresh_seconds


class Steady(random.Random):
    """Always the shortest wait."""

    def random(self) -> float:
        return 0.0


PLAIN = Schedule(interval=900, minimum_interval=300, chance=Steady())


def test_a_feed_may_ask_for_fewer_fetches_but_not_for_more() -> None:
    assert PLAIN.after_success(1000) == 1900
    assert PLAIN.after_success(1000, 43200) == 1000 + 43200
    assert PLAIN.after_success(1000, 60) == 1900


def test_the_minimum_interval_holds_against_a_shorter_interval() -> None:
    assert Schedule(interval=60, minimum_interval=300, chance=Steady()).after_success(0) == 300


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("PT15M", 900),
        ("p1d", 86400),
        ("-PT15M", 0),
        ("15", 0),
        ("P999999999W", 0),
        ("P52W", LONGEST_WAIT),
    ],
)
def test_a_refresh_interval_is_read_or_ignored(text: str | None, seconds: int) -> None:
    assert refresh_seconds(text) == seconds


def test_failures_wait_twice_as_long_each_time_up_to_a_day() -> None:
    assert [PLAIN.after_failure(0, failures) for failures in (0, 1, 2, 6, 7, 10_000)] == [
        900, 1800, 3600, 57600, LONGEST_WAIT, LONGEST_WAIT,
    ]  # fmt: skip
    assert PLAIN.after_failure(0, 0, NotACalendar("html", "No calendar.")) == 900


def test_a_server_is_left_alone_as_long_as_it_asked() -> None:
    assert PLAIN.after_failure(0, 0, FetchFailed("http-429", "", retry_after=7200)) == 7200
    assert PLAIN.after_failure(0, 0, FetchFailed("http-429", "", retry_after=1)) == 900


def test_what_only_a_person_can_mend_waits_a_day_at_once() -> None:
    assert PLAIN.after_failure(0, 0, FetchFailed("http-410", "", permanent=True)) == LONGEST_WAIT


def test_waits_are_spread_by_up_to_a_tenth() -> None:
    schedule = Schedule(interval=1000, minimum_interval=1, chance=random.Random(1))  # noqa: S311
    waits = {schedule.after_success(0) for _ in range(200)}
    assert min(waits) >= 1000
    assert max(waits) <= 1100
    assert len(waits) > 50


def test_a_calendar_is_given_up_after_the_configured_time_of_failing() -> None:
    schedule = Schedule(interval=900, give_up=3600)
    down = FetchFailed("http-5xx", "")
    assert not schedule.is_given_up(5000, None, down)
    assert not schedule.is_given_up(5000, 1401, down)
    assert schedule.is_given_up(5000, 1400, down)
    assert not Schedule(interval=900, give_up=0).is_given_up(10**9, 0, down)


def test_what_is_gone_for_good_is_given_up_at_once() -> None:
    assert Schedule(interval=900).is_given_up(0, None, FetchFailed("http-410", "", permanent=True, gone=True))
