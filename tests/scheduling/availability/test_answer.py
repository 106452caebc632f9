# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes time busy, tentative, unavailable or unknown, and what the answer is made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import update

from scheduling.access.permissions import SYSTEM
from scheduling.availability import busy_time
from scheduling.availability.answer import question_of, version
from scheduling.availability.question import Question
from scheduling.calendars.catch_up import create_calendar
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import Invalid, NotFound
from scheduling.models import CalendarObject, Subscription
from scheduling.settings.stored import change
from scheduling.snapshot import Snapshot
from scheduling.subscriptions.record import slug_of
from tests.factories import Dispatch
from tests.scheduling.availability.asking import DAY, HOUR, NOW, answers, ask, at, states, subscribe


def test_schedule_of_a_day(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    with database.write() as connection:
        change(connection, "calendars.job_statuses", "offered,confirmed,cancelled", actor=SYSTEM)
    dispatch.job(ann, status="confirmed", starts_at=at(9), ends_at=at(11))
    dispatch.job(ann, status="offered", starts_at=at(10), ends_at=at(13))
    dispatch.job(ann, status="cancelled", starts_at=at(14), ends_at=at(15))
    dispatch.blocker(ann, starts_at=at(11), ends_at=at(12), rrule="FREQ=DAILY")
    dispatch.time_off(ann, starts_at=at(16), ends_at=at(20))
    dispatch.time_off(ann, status="requested", starts_at=at(21), ends_at=at(22))
    assert states(database, "ann", 0, 24) == [
        (9, 12, "BUSY"),
        (12, 13, "BUSY-TENTATIVE"),
        (16, 20, "BUSY-UNAVAILABLE"),
    ]
    assert states(database, "ann", 10, 17) == [
        (10, 12, "BUSY"),
        (12, 13, "BUSY-TENTATIVE"),
        (16, 17, "BUSY-UNAVAILABLE"),
    ]
    assert states(database, "ann", 13, 16) == []


def test_committed_rows_of_the_dispatch_application_count_at_once(
    database: Database, dispatch: Dispatch
) -> None:
    ann = dispatch.user("ann")
    assert states(database, "ann", 0, 24) == []
    job = dispatch.job(ann, starts_at=at(9), ends_at=at(11))
    assert states(database, "ann", 0, 24) == [(9, 11, "BUSY")]
    dispatch.update("jobs", job, starts_at=at(10), ends_at=at(12))
    assert states(database, "ann", 0, 24) == [(10, 12, "BUSY")]
    dispatch.withdraw(job, ann)
    assert states(database, "ann", 0, 24) == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_recurring_blockers_beyond_the_horizon_are_expanded_on_demand(
    database: Database, dispatch: Dispatch, zone: str
) -> None:
    ann = dispatch.user("ann", time_zone=zone)
    dispatch.blocker(ann, starts_at=at(11), ends_at=at(12), rrule="FREQ=WEEKLY;INTERVAL=52")
    years = 10 * 52 * 7 * 24
    found = states(database, "ann", years, years + 24)
    assert [end - start for start, end, _ in found] == [1]
    assert abs(found[0][0] - years - 11) <= 1
    assert states(database, "ann", years + 48, years + 7 * 24) == []
    across = states(database, "ann", 52 * 7 * 24, 4 * 52 * 7 * 24)
    assert len(across) == 3


def test_all_day_leave_covers_the_days_of_the_user(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann", time_zone="America/New_York")
    dispatch.time_off(ann, start_date="2026-03-10", end_date="2026-03-12")
    assert states(database, "ann", -48, 96) == [(4, 52, "BUSY-UNAVAILABLE")]


def test_what_left_the_history_window_was_busy_all_the_same(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    dispatch.job(ann, starts_at=at(-24 * 90), ends_at=at(-24 * 90 + 2))
    assert states(database, "ann", -24 * 91, -24 * 89) == [(-24 * 90, -24 * 90 + 2, "BUSY")]


def test_who_has_no_calendar_access_has_an_availability_but_who_is_inactive_has_none(
    database: Database, dispatch: Dispatch
) -> None:
    ann, bo = dispatch.user("ann", calendar_access=False), dispatch.user("bo")
    dispatch.job(ann, starts_at=at(9), ends_at=at(11))
    assert states(database, "ann", 0, 24) == [(9, 11, "BUSY")]
    dispatch.update("users", bo, active=False)
    for name in ("bo", "nobody"):
        with pytest.raises(NotFound, match="no active user"):
            ask(database, [name], 0, 1)


@pytest.mark.parametrize(("age", "known"), [(None, False), (HOUR, True), (HOUR + 1, False)])
@pytest.mark.parametrize("status", ["active", "error", "paused"])
def test_time_is_unknown_and_never_free_while_a_source_is_stale(
    database: Database, dispatch: Dispatch, age: int | None, known: bool, status: str
) -> None:
    ann = dispatch.user("ann")
    dispatch.job(ann, starts_at=at(9), ends_at=at(11))
    subscribe(database, ann, read_at=None if age is None else NOW - age, status=status)
    with database.write() as connection:
        create_calendar(connection, user_id=ann, slug=slug_of(1), kind="external", now=NOW)
    (found,) = ask(database, ["ann"], 8, 12, max_staleness=HOUR)
    if known:
        assert found.free == [(NOW + 8 * HOUR, NOW + 9 * HOUR), (NOW + 11 * HOUR, NOW + 12 * HOUR)]
    else:
        assert [it.fbtype for it in found.periods] == ["UNKNOWN", "BUSY", "UNKNOWN"]
        assert found.free == []


def test_a_subscription_without_a_calendar_is_unknown_too(database: Database, dispatch: Dispatch) -> None:
    subscribe(database, dispatch.user("ann"), read_at=NOW)
    assert states(database, "ann", 0, 1, max_staleness=HOUR) == [(0, 1, "UNKNOWN")]


def test_an_entry_that_cannot_be_read_makes_time_unknown(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    blocker = dispatch.blocker(ann, rrule="FREQ=SOMETIMES")
    assert states(database, "ann", 0, 24) == [(0, 24, "UNKNOWN")]
    dispatch.delete("blockers", blocker)
    assert states(database, "ann", 0, 24) == []


def test_calendars_that_only_show_something_take_no_time(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    dispatch.job(ann, starts_at=at(9), ends_at=at(11))
    assert states(database, "ann", 0, 24) == [(9, 11, "BUSY")]
    with database.write() as connection:
        connection.execute(
            update(CalendarObject).values(busy="")  # as transparent events have it
        )
    assert states(database, "ann", 0, 24) == []


def test_buffers_lie_around_jobs_only_and_block_as_they_do(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    with database.write() as connection:
        change(connection, "calendars.job_statuses", "offered,confirmed", actor=SYSTEM)
    dispatch.job(ann, starts_at=at(9), ends_at=at(11))
    dispatch.job(ann, status="offered", starts_at=at(13), ends_at=at(14))
    dispatch.blocker(ann, starts_at=at(17), ends_at=at(18))
    found = states(database, "ann", 0, 24, before=HOUR // 2, after=HOUR)
    assert found == [(8.5, 12, "BUSY"), (12.5, 15, "BUSY-TENTATIVE"), (17, 18, "BUSY")]
    # Buffers reach into a range that the job itself does not touch.
    assert states(database, "ann", 11, 12, after=HOUR) == [(11, 12, "BUSY")]
    assert states(database, "ann", 8, 9, before=HOUR // 2) == [(8.5, 9, "BUSY")]


def test_granularity_rounds_what_is_not_free_outward(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    dispatch.job(ann, starts_at=at(9.1), ends_at=at(9.6))
    assert states(database, "ann", 0, 24, granularity=30) == [(9, 10, "BUSY")]
    assert states(database, "ann", 0.25, 24, granularity=60) == [(8.25, 10.25, "BUSY")]
    assert states(database, "ann", 9, 9.75, granularity=60) == [(9, 9.75, "BUSY")]


def test_each_busy_period_names_what_lies_in_it(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    jobs = [dispatch.job(ann, starts_at=at(hour), ends_at=at(hour + 1)) for hour in (9, 10, 14)]
    leave = dispatch.time_off(ann, starts_at=at(8), ends_at=at(9.5))
    (found,) = ask(database, ["ann"], 0, 24)
    named = [(it.fbtype, [(s.kind, s.source_id) for s in spans]) for it, spans in found.causes()]
    assert named == [
        ("BUSY-UNAVAILABLE", [("jobs", jobs[0]), ("time-off", leave)]),
        ("BUSY", [("jobs", jobs[0]), ("jobs", jobs[1])]),
        ("BUSY", [("jobs", jobs[2])]),
    ]


def test_the_version_changes_with_the_time_asked_about_only(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    dispatch.job(ann, starts_at=at(9), ends_at=at(11))

    def now() -> str:
        return version(ask(database, ["ann"], 8, 12))

    first = now()
    assert question_of(first) == Question(start=NOW + 8 * HOUR, end=NOW + 12 * HOUR)
    later = dispatch.job(ann, starts_at=at(14), ends_at=at(15))
    assert now() == first
    dispatch.update("jobs", later, starts_at=at(11.5), ends_at=at(15))
    second = now()
    assert second != first
    dispatch.update("jobs", later, ends_at=at(16))  # beyond the range
    assert now() == second
    subscribe(database, ann, read_at=NOW)
    with database.write() as connection:
        create_calendar(connection, user_id=ann, slug=slug_of(1), kind="external", now=NOW)
    assert now() == second
    with database.write() as connection:
        connection.execute(update(Subscription).values(last_success_at=None))
    assert now() not in (first, second)


@pytest.mark.parametrize("text", ["", "*", '"x"', '"1_2.ab"', '"1_2_3_4_5_6_x.' + "0" * 32 + '"'])
def test_what_is_no_version_of_availability_has_no_question(text: str) -> None:
    assert question_of(text) is None


@pytest.mark.parametrize(
    ("question", "people", "sentence"),
    [
        (Question(start=NOW, end=NOW), 1, "later than the start"),
        (Question(start=-(10**14), end=NOW), 1, "years 1 to 9999"),
        (Question(start=NOW, end=NOW + 1831 * DAY), 1, "longer than 1830 days"),
        (Question(start=NOW, end=NOW + DAY), 201, "1 to 200 users"),
        (Question(start=NOW, end=NOW + 61 * DAY), 200, "12,000"),
        (Question(start=NOW, end=NOW + DAY, before=-1), 1, "buffer"),
        (Question(start=NOW, end=NOW + DAY, granularity=1441), 1, "granularity"),
        (Question(start=NOW, end=NOW + DAY, max_staleness=-1), 1, "staleness"),
    ],
)
def test_questions_have_bounds(question: Question, people: int, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        question.check(people)


def test_an_instance_of_a_fortnight_is_busy_on_its_last_day(database: Database, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    dispatch.blocker(ann, starts_at=at(0), ends_at=at(14 * 24), rrule="FREQ=MONTHLY")
    assert states(database, "ann", 13 * 24, 15 * 24) == [(13 * 24, 14 * 24, "BUSY")]


def test_two_hundred_people_take_as_many_statements_as_two(
    database: Database,
    dispatch: Dispatch,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    names = [f"user{number}" for number in range(200)]
    for name in names:
        user = dispatch.user(name)
        dispatch.job(user, starts_at=at(9), ends_at=at(11))
    dispatch.blocker(user, starts_at=at(12), ends_at=at(13), rrule="FREQ=WEEKLY")
    ask(database, names, 0, 1)  # catches up
    counts = []
    for some in (names[:2], names):
        with statements(database) as seen:
            found = answers(database, some, 0, 28 * 24)
        counts.append(len(seen))
        assert len(found) == len(some)
        assert all(it.of_type("BUSY") for it in found)
    assert counts == [5, 5], seen  # settings, people, subscriptions, spans, working hours
    with (
        statements(database) as seen,
        Snapshot(database, Config(), clock=lambda: NOW, followers=FOLLOWERS) as snapshot,
    ):
        assert busy_time.of_user(snapshot, names[0], NOW, NOW + 28 * DAY).of_type("BUSY")
    assert len(seen) == 5, seen
