# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers who come while a calendar is caught up share the next catch-up, and nobody waits for ever."""

from __future__ import annotations

import math
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from scheduling.calendars.flights import Flights
from scheduling.errors import DatabaseUnavailable, StillCatchingUp, TooManyReaders

WAIT = 30
"""Seconds after which a test gives up."""


def test_those_who_wait_share_one_catch_up_that_begins_after_they_came() -> None:
    flights, first, go = Flights(), threading.Event(), threading.Event()
    begun: list[int] = []

    def catch_up() -> None:
        begun.append(len(begun))
        first.set()
        assert go.wait(WAIT)

    with ThreadPoolExecutor(20) as readers:
        one = readers.submit(flights.join, "jobs", catch_up, WAIT)
        assert first.wait(WAIT)
        others = [readers.submit(flights.join, "jobs", catch_up, WAIT) for _ in range(19)]
        while flights._calendars["jobs"].waiting < 20:
            assert not one.done()
        go.set()
        for reader in (one, *others):
            reader.result(WAIT)
    assert begun == [0, 1]


def test_other_calendars_do_not_wait() -> None:
    flights, go = Flights(), threading.Event()
    with ThreadPoolExecutor(1) as readers:
        slow = readers.submit(flights.join, "jobs", lambda: go.wait(WAIT), WAIT)
        flights.join("blockers", lambda: None, WAIT)
        assert not slow.done()
        go.set()
        slow.result(WAIT)


def test_a_failure_is_everybodys_and_the_next_one_tries_again() -> None:
    flights = Flights()

    def fail() -> None:
        raise DatabaseUnavailable("The disk is full.")

    with pytest.raises(DatabaseUnavailable, match="The disk is full"):
        flights.join("jobs", fail, WAIT)
    flights.join("jobs", lambda: None, WAIT)


def test_who_waits_too_long_is_told_to_come_again() -> None:
    flights, first, go = Flights(), threading.Event(), threading.Event()

    def catch_up() -> None:
        first.set()
        go.wait(WAIT)

    with ThreadPoolExecutor(1) as readers:
        slow = readers.submit(flights.join, "jobs", catch_up, WAIT)
        assert first.wait(WAIT)
        with pytest.raises(StillCatchingUp):
            flights.join("jobs", catch_up, 0.05)
        go.set()
        slow.result(WAIT)


def test_a_crowd_is_served_by_what_was_caught_up_just_now_and_who_reads_alone_is_not() -> None:
    flights, first, go = Flights(), threading.Event(), threading.Event()
    begun: list[int] = []

    def catch_up() -> None:
        begun.append(len(begun))
        first.set()
        assert go.wait(WAIT)

    for _ in range(3):
        go.set()
        flights.join("jobs", catch_up, WAIT)
        assert not flights.is_fresh("jobs")
    assert begun == [0, 1, 2]
    go.clear()
    first.clear()
    with ThreadPoolExecutor(8) as readers:
        crowd = [readers.submit(flights.join, "jobs", catch_up, WAIT) for _ in range(8)]
        assert first.wait(WAIT)
        while flights._calendars["jobs"].waiting < 8:
            assert not any(reader.done() for reader in crowd)
        go.set()
        for reader in crowd:
            reader.result(WAIT)
    done = len(begun)
    assert done in (4, 5)
    flights._calendars["jobs"].fresh_until = math.inf
    assert flights.is_fresh("jobs")
    flights.join("jobs", catch_up, WAIT)
    assert len(begun) == done
    flights._calendars["jobs"].fresh_until = 0
    flights.join("jobs", catch_up, WAIT)  # two have come since the last one: no crowd
    assert len(begun) == done + 1
    assert not flights.is_fresh("jobs")


def test_calendars_nobody_waits_for_are_forgotten() -> None:
    flights = Flights()
    for number in range(1_500):
        flights.join(number, lambda: None, WAIT)
    assert len(flights._calendars) <= 1_001


class _Over(BaseException):
    """The end of a thread's request, which is no error of the catch-up."""


def test_who_has_to_end_does_not_end_the_others() -> None:
    flights, begun, waits, done = Flights(), threading.Event(), threading.Event(), threading.Event()

    def ends() -> None:
        begun.set()
        assert waits.wait(60)
        raise _Over

    def first() -> None:
        with pytest.raises(_Over):
            flights.join("calendar", ends, 60)

    def second() -> None:
        flights.join("calendar", done.set, 60)

    threads = [threading.Thread(target=it) for it in (first, second)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    waits.set()
    for thread in threads:
        thread.join(60)
    assert done.is_set()
    flights.join("calendar", done.set, 60)


def test_only_so_many_wait_for_a_catch_up_that_takes_long() -> None:
    flights, begun, go = Flights(), threading.Event(), threading.Event()
    flights.limit(2)

    def catch_up() -> None:
        begun.set()
        assert go.wait(WAIT)

    with ThreadPoolExecutor(13) as readers:
        one = readers.submit(flights.join, "jobs", catch_up, WAIT)
        assert begun.wait(WAIT)
        others = [readers.submit(flights.join, "jobs", catch_up, WAIT) for _ in range(12)]
        refused, waiting = [], set(others)
        while len(refused) < 10:
            done, waiting = wait(waiting, WAIT, FIRST_COMPLETED)
            assert done
            refused += [type(it.exception()) for it in done]
        with pytest.raises(TooManyReaders):  # at once, now that it is known to take long
            flights.join("jobs", catch_up, WAIT)
        assert len(waiting) == 2
        assert not one.done()
        flights.join("blockers", lambda: None, WAIT)
        go.set()
        for reader in (one, *waiting):
            reader.result(WAIT)
    assert refused == [TooManyReaders] * 10
