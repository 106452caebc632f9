# SPDX-License-Identifier: GPL-3.0-or-later
"""What finding conflicts costs, how many there are at most, and that two daemons open one once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.conflicts import checks, listing, overlaps
from scheduling.conflicts.acknowledge import acknowledge
from scheduling.conflicts.comparison import MOST, MOST_OF_USER, Comparison, compare
from scheduling.conflicts.rules import Rules
from scheduling.conflicts.watch import Watch
from scheduling.database.connection import Database
from scheduling.database.steps import ROWS
from scheduling.settings.stored import change, view
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch
from tests.watching import after_each_write, rows_written

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
START = datetime(2026, 3, 11, tzinfo=UTC)
Statements = Callable[[Database], AbstractContextManager[list[str]]]


def fill(dispatch: Dispatch, user: int, count: int, step: timedelta) -> None:
    dispatch.execute_many(
        "INSERT INTO jobs (reference, status, starts_at, ends_at) VALUES (:name, 'confirmed', :start, :end)",
        [
            {
                "name": f"F-{number}",
                "start": str(START + step * number),
                "end": str(START + step * number + timedelta(hours=1)),
            }
            for number in range(count)
        ],
    )
    dispatch.execute(
        "INSERT INTO job_assignments (job_id, user_id) SELECT id, :person FROM jobs", person=user
    )


def open_ones(database: Database) -> list[listing.Conflict]:
    with database.read() as connection:
        return listing.page(connection, listing.Filter(statuses=("open",)), limit=10_000)


def test_one_change_costs_the_same_however_many_jobs_there_are(
    database: Database, dispatch: Dispatch, statements: Statements
) -> None:
    costs = []
    watch = Watch(database, Config(), followers=FOLLOWERS)
    for count in (10, 1_000):
        user = dispatch.user()
        fill(dispatch, user, 0, timedelta(hours=2))
        dispatch.execute("DELETE FROM jobs")
        fill(dispatch, user, count, timedelta(hours=2))
        dispatch.delete("blockers", dispatch.blocker(user))  # so that the calendar is not a new one
        watch.turn(NOW)
        dispatch.blocker(user, starts_at=str(START), ends_at=str(START + timedelta(minutes=30)))
        with statements(database) as seen:
            watch.turn(NOW)
        assert len(open_ones(database)) == 1
        costs.append(len(seen))
    assert max(costs) <= 45
    assert costs[1] <= costs[0]


def test_a_job_meets_the_last_day_of_an_instance_of_a_fortnight(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    watch = Watch(database, Config(), followers=FOLLOWERS)
    dispatch.blocker(
        user, starts_at=str(START), ends_at=str(START + timedelta(days=14)), rrule="FREQ=MONTHLY"
    )
    watch.turn(NOW)
    assert open_ones(database) == []
    fill(dispatch, user, 2, timedelta(days=13))
    watch.turn(NOW)
    assert len(open_ones(database)) == 2


def test_an_event_without_length_is_in_no_conflict(database: Database, dispatch: Dispatch) -> None:
    user = dispatch.user()
    watch = Watch(database, Config(), followers=FOLLOWERS)
    with database.write() as connection:
        for name in ("buffer_before_minutes", "buffer_after_minutes"):
            change(connection, f"availability.{name}", "30", actor=SYSTEM)
    within = str(START + timedelta(minutes=20))
    fill(dispatch, user, 1, timedelta(hours=2))
    dispatch.blocker(user, starts_at=within, ends_at=within)
    dispatch.blocker(user, starts_at=within, ends_at=within, rrule="FREQ=DAILY;COUNT=3")
    dispatch.job(user, status="confirmed", starts_at=within, ends_at=within)
    watch.turn(NOW)
    assert open_ones(database) == []
    dispatch.blocker(user, starts_at=within, ends_at=str(START + timedelta(minutes=21)))
    watch.turn(NOW)
    assert len(open_ones(database)) == 1, "of the job that takes time"


def test_nothing_to_do_costs_a_few_lookups(
    database: Database, dispatch: Dispatch, statements: Statements
) -> None:
    fill(dispatch, dispatch.user(), 100, timedelta(hours=2))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    watch.turn(NOW)
    with statements(database) as seen:
        watch.turn(NOW)
    assert len(seen) <= 4, seen


def test_readers_do_not_ask_about_everybody_each_time(
    database: Database, dispatch: Dispatch, statements: Statements
) -> None:
    fill(dispatch, dispatch.user(), 2, timedelta(minutes=30))
    counts = []
    for _ in range(3):
        with (
            statements(database) as seen,
            Snapshot(database, Config(), lambda: NOW, followers=FOLLOWERS) as snapshot,
        ):
            snapshot.settle("conflicts")
        counts.append(len(seen))
        assert len(open_ones(database)) == 1
    assert counts[2] <= 4, seen


def test_only_who_may_have_the_calendar_brings_conflicts_up_to_date(
    database: Database, dispatch: Dispatch
) -> None:
    fill(dispatch, dispatch.user("ann"), 2, timedelta(minutes=30))
    dispatch.user("dana", role="dispatcher")
    with Snapshot(database, Config(), lambda: NOW, followers=FOLLOWERS) as snapshot:
        for name in ("ann", "nobody"):
            assert snapshot.calendar(name, "conflicts") is None
        assert open_ones(database) == []
        assert snapshot.calendar("dana", "conflicts") is not None
    assert len(open_ones(database)) == 1


def test_a_job_has_so_many_conflicts_at_most_and_the_rest_follow(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    job = dispatch.job(user, starts_at=str(START), ends_at=str(START + timedelta(hours=1)))
    for _ in range(MOST + 5):
        dispatch.blocker(user, starts_at=str(START), ends_at=str(START + timedelta(hours=1)))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    found = open_ones(database)
    assert len(found) == MOST
    assert {it.job_id for it in found} == {job}
    for it in found[:10]:
        dispatch.delete("blockers", it.other_id)
    watch.turn(NOW)
    assert len(open_ones(database)) == MOST + 5 - 10


def test_two_daemons_open_a_conflict_once(database: Database, dispatch: Dispatch) -> None:
    user = dispatch.user()
    fill(dispatch, user, 30, timedelta(minutes=30))
    barrier = threading.Barrier(3)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait()
            for _ in range(3):
                Watch(database, Config(), followers=FOLLOWERS).turn(NOW)
        except BaseException as error:  # noqa: BLE001 (for the test to see)
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = open_ones(database)
    assert len(found) == 29
    assert {it.version for it in found} == {1}


def test_what_is_over_is_resolved_by_time_alone(database: Database, dispatch: Dispatch) -> None:
    user = dispatch.user()
    fill(dispatch, user, 2, timedelta(minutes=30))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    (one,) = open_ones(database)
    watch.turn(one.ends_at - 1)
    assert len(open_ones(database)) == 1
    watch.turn(one.ends_at)
    with database.read() as connection:
        found = listing.get(connection, one.id)
    assert (found.status, found.reason) == ("resolved", "past")


def test_conflicts_of_who_is_gone_are_resolved_when_conflicts_are_switched_off(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    fill(dispatch, user, 2, timedelta(minutes=30))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    dispatch.delete("users", user)
    with database.write() as connection:
        change(connection, "conflicts.enabled", "no", actor=SYSTEM)
    watch.turn(NOW)
    assert dispatch.execute("SELECT status, reason FROM conflicts") == [("resolved", "off")]


def test_rules_that_are_changed_there_and_back_are_followed(database: Database, dispatch: Dispatch) -> None:
    user = dispatch.user()
    dispatch.job(user, status="offered", starts_at=str(START), ends_at=str(START + timedelta(hours=1)))
    dispatch.blocker(user, starts_at=str(START), ends_at=str(START + timedelta(hours=1)))
    watch, other = (
        Watch(database, Config(), followers=FOLLOWERS),
        Watch(database, Config(), followers=FOLLOWERS),
    )

    def count_offered(value: str) -> None:
        with database.write() as connection:
            change(connection, "conflicts.offered_jobs", value, actor=SYSTEM)

    with database.write() as connection:
        change(connection, "calendars.job_statuses", "offered,confirmed", actor=SYSTEM)
    for _ in range(2):  # the second finds that everybody was compared by these rules
        watch.turn(NOW)
    for value, count in (("yes", 1), ("no", 0)):
        count_offered(value)
        watch.turn(NOW)
        assert len(open_ones(database)) == count
    watch.turn(NOW)
    # Another process follows both changes that this one does not see, but the second only in part.
    count_offered("yes")
    other.turn(NOW)
    count_offered("no")
    watch.turn(NOW + 1800)
    assert open_ones(database) == []


def settle(watch: Watch) -> None:
    for _ in range(200):
        if not watch.turn(NOW):
            return
    pytest.fail("comparing does not end")


def test_very_many_overlapping_jobs_are_compared_in_steps_and_the_user_is_named(
    database: Database, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlaps, "ROWS", 400)
    monkeypatch.setattr(overlaps, "_ALL", overlaps._Meetings.make(named=False))
    user = dispatch.user("ann")
    fill(dispatch, user, 150, timedelta(seconds=1))
    jobs = [row[0] for row in dispatch.execute("SELECT id FROM jobs ORDER BY id")]
    watch = Watch(database, Config(), followers=FOLLOWERS)
    settle(watch)
    with database.read() as connection:
        assert listing.crowded(connection) == ["ann"]
        assert listing.crowded(connection, user + 1) == []
    assert len(open_ones(database)) == MOST_OF_USER
    for job in jobs[:100]:
        dispatch.delete("jobs", job)
    settle(watch)  # half of them have ended, so the others are looked for: 1,225 pairs are left
    assert len(open_ones(database)) == MOST_OF_USER
    for job in jobs[100:125]:
        dispatch.delete("jobs", job)
    settle(watch)
    assert len(open_ones(database)) == 25 * 24 // 2
    with database.read() as connection:
        assert listing.crowded(connection) == []


def test_an_event_that_meets_more_than_one_statement_reads_keeps_its_conflicts(
    database: Database, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlaps, "ROWS", 20)
    monkeypatch.setattr(overlaps, "_ALL", overlaps._Meetings.make(named=False))
    user = dispatch.user()
    fill(dispatch, user, 60, timedelta(hours=1))
    leave = dispatch.blocker(user, starts_at=str(START), ends_at=str(START + timedelta(hours=60)))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    settle(watch)
    found = open_ones(database)
    assert {(one.other_kind, one.other_id) for one in found} == {("blocker", leave)}
    assert len(found) == 60
    dispatch.execute("UPDATE blockers SET notes = 'the same time' WHERE id = :id", id=leave)
    settle(watch)
    assert [(one.id, one.version) for one in open_ones(database)] == [(one.id, 1) for one in found]
    dispatch.execute("UPDATE blockers SET ends_at = :end", end=str(START + timedelta(hours=10)))
    settle(watch)
    assert len(open_ones(database)) == 10


def test_a_comparison_is_void_when_a_calendar_or_a_conflict_has_changed(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    fill(dispatch, user, 2, timedelta(minutes=30))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    (one,) = open_ones(database)

    def compared() -> Comparison:
        with database.write() as connection:
            checks.mark_page(connection, user, NOW, "")
        with database.read() as connection:
            found = compare(connection, user, Rules.of(view(connection, Config())), NOW)
        assert found is not None
        return found[0]

    def is_current(comparison: Comparison) -> bool:
        with database.write() as connection:
            return comparison.is_current(connection, user)

    comparison = compared()
    assert is_current(comparison)
    with database.write() as connection:
        acknowledge(connection, one.id, "known", NOW + 5, actor=SYSTEM)
    assert not is_current(comparison)
    comparison = compared()
    dispatch.blocker(user)
    assert is_current(comparison)  # nobody has caught up yet
    with database.write() as connection:
        catch_up(connection, user, "blockers", view(connection, Config()), NOW, followers=FOLLOWERS)
    assert not is_current(comparison)


def test_everything_is_marked_for_other_rules_in_steps_of_a_bounded_number_of_rows(
    database: Database, dispatch: Dispatch
) -> None:
    user, several = dispatch.user(), 5 * ROWS
    fill(dispatch, user, several, timedelta(hours=2))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    while watch.turn(NOW):
        pass
    with database.write() as connection:
        change(connection, "availability.buffer_before_minutes", "30", actor=SYSTEM)
    with rows_written(database) as rows:
        while watch.turn(NOW):
            pass
    assert sum(rows) >= 2 * several, "each was marked and compared"
    assert max(rows) <= 2 * ROWS + 10
    with database.read() as connection:
        assert checks.waiting(connection, 1) == []


def test_marking_for_other_rules_that_was_interrupted_is_done_again(
    database: Database, dispatch: Dispatch
) -> None:
    user, several = dispatch.user(), 3 * ROWS
    fill(dispatch, user, several, timedelta(minutes=75))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    while watch.turn(NOW):
        pass
    with database.write() as connection:
        change(connection, "availability.buffer_before_minutes", "30", actor=SYSTEM)
    writes = iter(range(1000))

    def interrupt() -> None:
        if next(writes) == 3:
            raise InterruptedError

    with after_each_write(database, interrupt), pytest.raises(InterruptedError):
        watch.turn(NOW)
    again = Watch(database, Config(), followers=FOLLOWERS)
    while again.turn(NOW):
        pass
    with database.read() as connection:
        assert len(listing.page(connection, limit=1000)) == several - 1
