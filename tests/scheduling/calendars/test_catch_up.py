# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up: which writes move a calendar's revision, what they leave behind, and what is never lost."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.calendars import CalendarState, behind, find_calendar
from scheduling.calendars.catch_up import (
    STEP,
    catch_up,
    catch_up_in_steps,
    catch_up_step,
    count_left_out,
    create_calendar,
    ensure_calendars,
)
from scheduling.calendars.objects import StoredObject, all_objects
from scheduling.calendars.spread import PAGE
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import change, view
from scheduling.settings.view import today
from tests.factories import Dispatch
from tests.watching import rows_written

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400


class Reader:
    """Reads one user's calendars as a client would: catches up, then looks."""

    def __init__(self, database: Database, config: Config, user: int, username: str) -> None:
        self.database, self.config, self.user, self.username = database, config, user, username
        with database.write() as connection:
            ensure_calendars(connection, user, NOW)

    def catch_up(self, slug: str, now: int = NOW) -> int:
        with self.database.write() as connection:
            return catch_up(
                connection, self.user, slug, view(connection, self.config), now, followers=FOLLOWERS
            )

    def state(self, slug: str, now: int = NOW) -> CalendarState:
        with self.database.read() as connection:
            found = find_calendar(connection, self.username, slug, view(connection, self.config), today(now))
        assert found is not None
        assert found[1] is not None
        return found[1]

    def objects(self, slug: str, now: int = NOW) -> list[StoredObject]:
        self.catch_up(slug, now)
        state = self.state(slug, now)
        with self.database.read() as connection:
            return list(all_objects(connection, state.id, state.cutoff))

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(text(query), parameters).all())


@pytest.fixture
def ann(database: Database, config: Config, dispatch: Dispatch) -> Reader:
    # The dispatch application's triggers use the real clock; what tests see must not depend on it.
    return Reader(database, config, dispatch.user("ann"), "ann")


def sequence(stored: StoredObject) -> int:
    found = re.search(r"^SEQUENCE:(\d+)\r$", stored.component, re.MULTILINE)
    assert found is not None
    return int(found[1])


def last_modified(stored: StoredObject) -> str:
    found = re.search(r"^LAST-MODIFIED:(\S+)\r$", stored.component, re.MULTILINE)
    assert found is not None
    return found[1]


def test_new_calendars_are_behind_until_caught_up(ann: Reader) -> None:
    assert ann.state("jobs").behind
    ann.catch_up("jobs")
    assert not ann.state("jobs").behind
    assert ann.state("blockers").behind


def test_creating_calendars_again_changes_nothing(ann: Reader) -> None:
    before = ann.rows("SELECT * FROM calendars ORDER BY id")
    with ann.database.write() as connection:
        ensure_calendars(connection, ann.user, NOW + DAY)
    assert ann.rows("SELECT * FROM calendars ORDER BY id") == before
    assert len(before) == 3


def test_change_moves_the_revision_of_its_calendar_only(ann: Reader, dispatch: Dispatch) -> None:
    for slug in ("jobs", "blockers"):
        ann.catch_up(slug)
    before = ann.state("jobs"), ann.state("blockers")
    dispatch.blocker(ann.user)
    assert ann.state("blockers").behind
    assert ann.catch_up("blockers", NOW + 60) == 1
    assert ann.state("jobs") == before[0]
    after = ann.state("blockers")
    assert after.revision > before[1].revision
    assert after.etag != before[1].etag
    assert after.changed_at > before[1].changed_at


@pytest.mark.parametrize(
    "columns",
    [{"title": "Dentist"}, {"reference": "B-1"}, {"created_at": None}],
    ids=["same", "not-shown", "no-columns"],
)
def test_write_that_shows_nowhere_moves_nothing(
    ann: Reader, dispatch: Dispatch, columns: dict[str, Any]
) -> None:
    blocker = dispatch.blocker(ann.user)
    ann.catch_up("blockers")
    before = ann.state("blockers"), ann.objects("blockers")
    if columns.get("created_at", "") is None:
        dispatch.execute("UPDATE blockers SET id = id")
    else:
        dispatch.update("blockers", blocker, **columns)
    assert ann.state("blockers").behind
    assert ann.catch_up("blockers", NOW + 60) == 0
    assert (ann.state("blockers"), ann.objects("blockers")) == before


def test_change_back_before_reading_moves_nothing(ann: Reader, dispatch: Dispatch) -> None:
    job = dispatch.job(ann.user)
    before = ann.objects("jobs")
    dispatch.update("jobs", job, notes="ring twice")
    dispatch.update("jobs", job, notes=None)
    assert ann.catch_up("jobs", NOW + 60) == 0
    assert ann.objects("jobs") == before


def test_invisible_statuses_show_nowhere(ann: Reader, dispatch: Dispatch) -> None:
    ann.catch_up("jobs")
    ann.catch_up("time-off")
    job = dispatch.job(ann.user, status="offered")
    leave = dispatch.time_off(ann.user, status="requested")
    dispatch.update("jobs", job, status="cancelled")
    dispatch.update("time_off", leave, status="declined")
    assert ann.catch_up("jobs") == 0
    assert ann.catch_up("time-off") == 0
    assert ann.rows("SELECT * FROM calendar_objects") == []


def test_object_that_becomes_invisible_leaves_a_tombstone(ann: Reader, dispatch: Dispatch) -> None:
    job = dispatch.job(ann.user)
    [shown] = ann.objects("jobs")
    dispatch.update("jobs", job, status="offered")
    assert ann.catch_up("jobs", NOW + 60) == 1
    [row] = ann.rows("SELECT name, deleted, component, revision FROM calendar_objects")
    assert (row.name, bool(row.deleted), row.component) == (shown.name, True, "")
    assert row.revision == ann.state("jobs").revision
    assert ann.objects("jobs") == []


def test_object_that_comes_back_keeps_its_name_and_goes_on_counting(ann: Reader, dispatch: Dispatch) -> None:
    job = dispatch.job(ann.user)
    [before] = ann.objects("jobs")
    dispatch.update("jobs", job, status="cancelled")
    ann.catch_up("jobs", NOW + 60)
    dispatch.update("jobs", job, status="confirmed")
    [after] = ann.objects("jobs", NOW + 120)
    assert (after.name, after.uid) == (before.name, before.uid)
    assert sequence(after) > sequence(before)
    assert last_modified(after) > last_modified(before)


def test_deleted_row_leaves_a_tombstone_and_no_occurrences(ann: Reader, dispatch: Dispatch) -> None:
    blocker = dispatch.blocker(ann.user, rrule="FREQ=WEEKLY")
    ann.catch_up("blockers")
    assert ann.rows("SELECT count(*) FROM occurrences")[0][0] > 50
    dispatch.delete("blockers", blocker)
    assert ann.catch_up("blockers") == 1
    assert ann.objects("blockers") == []
    assert ann.rows("SELECT count(*) FROM occurrences")[0][0] == 0


def test_stamps_come_from_the_change(ann: Reader, dispatch: Dispatch) -> None:
    blocker = dispatch.blocker(ann.user)
    dispatch.execute("UPDATE schedule_changes SET changed_at = :moment", moment=NOW - 3600)
    [stored] = ann.objects("blockers", NOW)
    assert "DTSTAMP:20260309T230000Z\r\n" in stored.component
    assert last_modified(stored) == "20260309T230000Z"
    assert (sequence(stored), stored.changed_at) == (0, NOW - 3600)
    dispatch.update("blockers", blocker, title="Doctor")
    dispatch.execute("UPDATE schedule_changes SET changed_at = :moment", moment=NOW + 1800)
    [stored] = ann.objects("blockers", NOW + DAY)
    assert last_modified(stored) == "20260310T003000Z"
    assert (sequence(stored), stored.changed_at) == (1, NOW + 1800)


def test_sequence_and_last_modified_rise_with_every_change_though_the_clock_goes_back(
    ann: Reader, dispatch: Dispatch
) -> None:
    blocker = dispatch.blocker(ann.user)
    seen = [ann.objects("blockers", NOW)[0]]
    states = [ann.state("blockers")]
    for step, now in enumerate((NOW + 5, NOW - 3600, NOW - 3600, NOW - 2 * DAY)):
        dispatch.update("blockers", blocker, title=f"Step {step}")
        seen.append(ann.objects("blockers", now)[0])
        states.append(ann.state("blockers"))
    assert [sequence(stored) for stored in seen] == [0, 1, 2, 3, 4]
    modified = [last_modified(stored) for stored in seen]
    assert modified == sorted(set(modified))
    revisions = [state.revision for state in states]
    assert revisions == sorted(set(revisions))
    moments = [state.changed_at for state in states]
    assert moments == sorted(set(moments))


def test_objects_are_the_same_bytes_whenever_they_are_read(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.blocker(ann.user, rrule="FREQ=WEEKLY;COUNT=3")
    dispatch.blocker(ann.user)
    before = [stored.calendar for stored in ann.objects("blockers", NOW)]
    assert [stored.calendar for stored in ann.objects("blockers", NOW + DAY)] == before


def test_changed_template_moves_only_what_it_changes(ann: Reader, dispatch: Dispatch) -> None:
    plain = dispatch.job(ann.user, organisation="ACME")
    dispatch.job(ann.user, organisation="ACME", notes="by the back door")
    before = {stored.name: stored for stored in ann.objects("jobs")}
    state = ann.state("jobs")
    with ann.database.write() as connection:
        change(connection, "templates.job_description", "{notes}", actor=SYSTEM)
        change(connection, "templates.job_summary", "{organisation}", actor=SYSTEM)
    assert ann.state("jobs").behind
    assert ann.catch_up("jobs", NOW + 60) == 2
    with ann.database.write() as connection:
        change(connection, "templates.job_location", "{address}{notes}", actor=SYSTEM)
    assert ann.catch_up("jobs", NOW + 120) == 1
    after = {stored.name: stored for stored in ann.objects("jobs", NOW + 120)}
    assert sorted(sequence(stored) for stored in after.values()) == [1, 2]
    assert after.keys() == before.keys()
    assert ann.state("jobs").revision > state.revision
    assert plain


def test_setting_with_no_effect_on_the_objects_moves_nothing(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.job(ann.user)
    ann.catch_up("jobs")
    before = ann.state("jobs")
    with ann.database.write() as connection:
        change(connection, "templates.time_off_summary", "Away: {kind}", actor=SYSTEM)
    assert ann.state("jobs").behind
    assert ann.catch_up("jobs", NOW + 60) == 0
    assert ann.state("jobs") == before


def test_visible_statuses_can_be_widened_and_narrowed(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.job(ann.user, status="offered")
    dispatch.job(ann.user, status="confirmed")
    assert len(ann.objects("jobs")) == 1
    with ann.database.write() as connection:
        change(connection, "calendars.job_statuses", "offered,confirmed,cancelled", actor=SYSTEM)
    assert len(ann.objects("jobs", NOW + 60)) == 2
    with ann.database.write() as connection:
        change(connection, "calendars.job_statuses", "offered", actor=SYSTEM)
    assert len(ann.objects("jobs", NOW + 120)) == 1


@pytest.mark.parametrize(
    "rrule", ["FREQ=SOMETIMES", "FREQ=SECONDLY", "FREQ=DAILY;BYSETPOS=1;BYDAY=XX", "DAILY"]
)
def test_row_that_cannot_be_rendered_is_left_out_and_comes_back(
    ann: Reader, dispatch: Dispatch, caplog: pytest.LogCaptureFixture, rrule: str
) -> None:
    good = dispatch.blocker(ann.user)
    bad = dispatch.blocker(ann.user, title="secret title", rrule=rrule)
    with caplog.at_level(logging.WARNING):
        assert len(ann.objects("blockers")) == 1
    assert f"left out blockers {bad} of user {ann.user}: " in caplog.text
    assert "secret title" not in caplog.text
    [row] = ann.rows("SELECT source_id, reason FROM unrendered_sources")
    assert row.source_id == bad
    assert row.reason
    with ann.database.read() as connection:
        assert count_left_out(connection) == 1
    dispatch.update("blockers", bad, rrule="FREQ=DAILY;COUNT=2")
    assert len(ann.objects("blockers", NOW + 60)) == 2
    assert ann.rows("SELECT * FROM unrendered_sources") == []
    dispatch.update("blockers", good, exdate="yesterday", rrule="FREQ=DAILY")
    assert len(ann.objects("blockers", NOW + 120)) == 1
    dispatch.delete("blockers", good)
    ann.catch_up("blockers", NOW + 180)
    assert ann.rows("SELECT * FROM unrendered_sources") == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", b"\xff\x00blob"),
        ("notes", b"blob"),
        ("created_at", b"blob"),
        ("starts_at", "2026-03-10T09:00:00 nonsense"),
        ("rdate", "2026-03-10T09:00:00Z"),
        ("rdate", 20260310),
    ],
)
def test_values_of_any_type_in_sqlite_take_no_calendar_down(
    sqlite_database: Database, config: Config, column: str, value: object
) -> None:
    with Dispatch.connect(sqlite_database.url) as dispatch:
        ann = Reader(sqlite_database, config, dispatch.user("ann"), "ann")
        dispatch.blocker(ann.user)
        odd = dispatch.blocker(ann.user)
        dispatch.execute("PRAGMA ignore_check_constraints = ON")
        dispatch.update("blockers", odd, **{column: value})
    assert 1 <= len(ann.objects("blockers")) <= 2
    assert len(ann.objects("blockers")) + len(ann.rows("SELECT * FROM unrendered_sources")) == 2


def test_text_that_is_not_utf_8_in_sqlite_takes_no_calendar_down(
    sqlite_database: Database, config: Config
) -> None:
    with Dispatch.connect(sqlite_database.url) as dispatch:
        ann = Reader(sqlite_database, config, dispatch.user("ann"), "ann")
        dispatch.blocker(ann.user)
        dispatch.execute("UPDATE blockers SET title = 'ok'")
        latin = dispatch.blocker(ann.user)
        dispatch.execute("UPDATE blockers SET title = CAST(x'4df66c6c' AS TEXT) WHERE id = :id", id=latin)
    assert len(ann.objects("blockers")) == 1
    assert [row.source_id for row in ann.rows("SELECT source_id FROM unrendered_sources")] == [latin]


def test_user_in_an_unknown_zone_still_gets_what_can_be_rendered(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.blocker(ann.user)
    dispatch.blocker(ann.user, rrule="FREQ=DAILY")
    dispatch.update("users", ann.user, time_zone="Mars/Olympus")
    assert len(ann.objects("blockers")) == 1
    dispatch.update("users", ann.user, time_zone="Europe/Berlin")
    assert len(ann.objects("blockers", NOW + 60)) == 2
    assert ann.rows("SELECT * FROM unrendered_sources") == []


def test_new_zone_of_a_user_moves_recurring_and_all_day_objects(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.blocker(ann.user, title="once")
    dispatch.blocker(ann.user, title="weekly", rrule="FREQ=WEEKLY")
    dispatch.blocker(ann.user, title="day", start_date="2026-03-12", end_date="2026-03-13")
    dispatch.blocker(
        ann.user, title="days", start_date="2026-03-12", end_date="2026-03-13", rrule="FREQ=DAILY"
    )
    before = {title(stored): stored for stored in ann.objects("blockers")}
    dispatch.update("users", ann.user, time_zone="America/New_York")
    after = {title(stored): stored for stored in ann.objects("blockers", NOW + 60)}
    assert after["once"] == before["once"]
    assert "DTSTART;TZID=America/New_York:20260310T050000" in after["weekly"].component
    assert after["day"].component == before["day"].component
    assert after["day"].starts_at == before["day"].starts_at + 4 * 3600
    assert after["days"].starts_at == before["days"].starts_at + 4 * 3600
    [row] = ann.rows("SELECT series FROM calendar_objects WHERE name = :name", name=after["days"].name)
    assert "America/New_York" in row.series
    starts = ann.rows("SELECT min(starts_at) FROM occurrences WHERE name = :name", name=after["days"].name)
    assert starts[0][0] == after["days"].starts_at


def title(stored: StoredObject) -> str:
    found = re.search(r"^SUMMARY:(.*)\r$", stored.component, re.MULTILINE)
    assert found is not None
    return found[1]


def test_job_with_three_assignees_is_in_three_calendars(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    readers = [Reader(database, config, dispatch.user(name), name) for name in ("ann", "bob", "cy")]
    job = dispatch.job(*(reader.user for reader in readers))
    shown = [reader.objects("jobs") for reader in readers]
    assert [len(objects) for objects in shown] == [1, 1, 1]
    assert len({objects[0].uid for objects in shown}) == 3
    dispatch.withdraw(job, readers[1].user)
    assert [len(reader.objects("jobs", NOW + 60)) for reader in readers] == [1, 0, 1]
    assert readers[0].objects("jobs", NOW + 120) == shown[0]


def test_reassigned_job_moves_between_calendars(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann = Reader(database, config, dispatch.user("ann"), "ann")
    bob = Reader(database, config, dispatch.user("bob"), "bob")
    job = dispatch.job(ann.user)
    assert [len(ann.objects("jobs")), len(bob.objects("jobs"))] == [1, 0]
    dispatch.execute("UPDATE job_assignments SET user_id = :bob WHERE job_id = :job", bob=bob.user, job=job)
    assert [len(ann.objects("jobs", NOW + 60)), len(bob.objects("jobs", NOW + 60))] == [0, 1]


def test_calendar_of_a_deleted_user_is_not_caught_up(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.job(ann.user)
    ann.catch_up("jobs")
    dispatch.delete("users", ann.user)
    assert ann.catch_up("jobs", NOW + 60) == 0
    with ann.database.read() as connection:
        assert find_calendar(connection, "ann", "jobs", view(connection, ann.config), today(NOW)) is None


def test_thousands_of_objects_at_once(ann: Reader, dispatch: Dispatch) -> None:
    period = {"starts": "2026-03-10 09:00:00+00:00", "ends": "2026-03-10 10:00:00+00:00"}
    dispatch.execute_many(
        "INSERT INTO blockers (user_id, title, starts_at, ends_at) VALUES (:person, :title, :starts, :ends)",
        [{"person": ann.user, "title": f"B{number}", **period} for number in range(2500)],
    )
    first = ann.state("blockers").revision
    assert ann.catch_up("blockers") == 2500
    objects = ann.objects("blockers")
    assert len({title(stored) for stored in objects}) == 2500
    revisions = [row[0] for row in ann.rows("SELECT revision FROM calendar_objects ORDER BY revision")]
    assert len(set(revisions)) == 2500
    assert revisions[0] > first
    assert revisions[-1] == ann.state("blockers").revision
    dispatch.execute("UPDATE blockers SET title = 'all' WHERE id % 2 = 0")
    dispatch.execute("DELETE FROM blockers WHERE id % 5 = 0")
    assert ann.catch_up("blockers", NOW + 60) == 1500
    assert len(ann.objects("blockers", NOW + 60)) == 2000


def test_writer_that_commits_during_catching_up_is_not_lost(
    postgresql_database: Database, config: Config
) -> None:
    with (
        Dispatch.connect(postgresql_database.url) as dispatch,
        Dispatch.connect(postgresql_database.url) as late,
    ):
        ann = Reader(postgresql_database, config, dispatch.user("ann"), "ann")
        blocker = dispatch.blocker(ann.user, title="before")
        ann.catch_up("blockers")
        late.execute("BEGIN")
        late.update("blockers", blocker, title="late")
        dispatch.blocker(ann.user, title="other")
        with postgresql_database.write() as connection:
            catch_up(
                connection, ann.user, "blockers", view(connection, config), NOW + 60, followers=FOLLOWERS
            )
            late.execute("COMMIT")
        assert ann.state("blockers").behind
        assert {title(stored) for stored in ann.objects("blockers", NOW + 60)} == {"late", "other"}


def test_readers_catching_up_at_once_give_out_each_revision_once(ann: Reader, dispatch: Dispatch) -> None:
    for _ in range(30):
        dispatch.blocker(ann.user)
    results: list[int] = []
    barrier = threading.Barrier(4)

    def read() -> None:
        barrier.wait()
        results.append(ann.catch_up("blockers"))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 0, 0, 30]


def test_recurring_objects_are_expanded_anew_when_the_horizon_moves(ann: Reader, dispatch: Dispatch) -> None:
    dispatch.blocker(ann.user, rrule="FREQ=MONTHLY")
    dispatch.blocker(ann.user)
    before = ann.objects("blockers")
    furthest = ann.rows("SELECT max(starts_at) FROM occurrences")[0][0]
    later = NOW + 40 * DAY
    assert ann.state("blockers", later).behind
    assert ann.catch_up("blockers", later) == 0
    state = ann.state("blockers", later)
    assert not state.behind
    assert ann.rows("SELECT max(starts_at) FROM occurrences")[0][0] > furthest
    assert [stored.etag for stored in ann.objects("blockers")] == [stored.etag for stored in before]


def test_calendars_behind_the_schedule_are_listed(ann: Reader, dispatch: Dispatch) -> None:
    for slug in ("jobs", "blockers", "time-off"):
        ann.catch_up(slug)
    with ann.database.read() as connection:
        shown = view(connection, ann.config)
        assert behind(connection, shown, today(NOW), 10) == []
    dispatch.job(ann.user)
    with ann.database.read() as connection:
        assert behind(connection, shown, today(NOW), 10) == [(ann.user, "jobs")]
        assert len(behind(connection, shown, today(NOW + 40 * DAY), 10)) == 3
        assert len(behind(connection, shown, today(NOW + 40 * DAY), 2)) == 2


def test_imported_event_that_comes_back_under_another_id_stays_one_object(
    ann: Reader, dispatch: Dispatch
) -> None:
    calendar = dispatch.insert(
        "subscriptions",
        user_id=ann.user,
        label="Home",
        host="example.com",
        encrypted_url=b"",
        created_at="2026-01-01 00:00:00+00:00",
        next_at=0,
    )
    slug = f"external-{calendar}"
    with ann.database.write() as connection:
        create_calendar(connection, user_id=ann.user, slug=slug, kind="external", now=NOW)

    def add(summary: str) -> int:
        return dispatch.insert(
            "external_events",
            subscription_id=calendar,
            user_id=ann.user,
            uid="u1",
            content_hash="",
            template=f"BEGIN:VEVENT\r\n\x01STAMP\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n",
            series='{"start": "2026-03-10T09:00:00", "end": "2026-03-10T10:00:00", "tzid": "UTC",'
            ' "rule": null, "rdates": [], "exdates": [], "overrides": {}, "busy": "BUSY"}',
            status="CONFIRMED",
            transparency="OPAQUE",
        )

    old = add("one")
    [before] = ann.objects(slug)
    dispatch.delete("external_events", old)
    add("two")
    [after] = ann.objects(slug, NOW + 60)
    assert (after.name, title(after), sequence(after)) == (before.name, "two", 1)
    dispatch.execute("DELETE FROM external_events")
    assert ann.objects(slug, NOW + 120) == []
    add("three")
    [again] = ann.objects(slug, NOW + 180)
    assert (again.name, sequence(again)) == (before.name, 2)


def test_everything_anew_and_another_horizon_are_steps_of_a_bounded_number_of_rows(
    ann: Reader, dispatch: Dispatch
) -> None:
    several = 2 * PAGE + 10
    dispatch.execute_many(
        "INSERT INTO blockers (user_id, title, starts_at, ends_at, rrule)"
        " VALUES (:user, 'Training', '2026-03-11 08:00:00+00:00', '2026-03-11 09:00:00+00:00', :rule)",
        [{"user": ann.user, "rule": "FREQ=YEARLY"}] * several,
    )

    def in_steps(now: int) -> tuple[int, list[int]]:
        with ann.database.read() as connection:
            shown = view(connection, ann.config)
        with rows_written(ann.database) as rows:
            changed = catch_up_in_steps(ann.database, ann.user, "blockers", shown, now, followers=FOLLOWERS)
        return changed, rows

    assert in_steps(NOW)[0] == several
    with ann.database.write() as connection:
        change(connection, "templates.blocker_summary", "Busy: {title}", actor=SYSTEM)
    changed, rows = in_steps(NOW + DAY)
    assert changed == several
    assert len(rows) >= several // STEP
    # The last page is made pending; some are taken, shown anew with their instances, and to be compared later.
    assert max(rows) <= PAGE + 10 * STEP
    furthest = ann.rows("SELECT min(m) FROM (SELECT max(starts_at) AS m FROM occurrences GROUP BY name) x")
    later = NOW + 370 * DAY
    changed, rows = in_steps(later)
    assert changed == 0
    assert len(rows) >= several // STEP
    assert max(rows) <= PAGE + 10 * STEP
    assert not ann.state("blockers", later).behind
    assert (
        ann.rows("SELECT min(m) FROM (SELECT max(starts_at) AS m FROM occurrences GROUP BY name) x")
        > furthest
    )


def test_a_horizon_that_moves_while_it_is_followed_is_followed_from_the_start(
    ann: Reader, dispatch: Dispatch
) -> None:
    for _ in range(PAGE + 10):
        dispatch.blocker(ann.user, rrule="FREQ=YEARLY")
    ann.catch_up("blockers")

    def step(now: int) -> bool:
        with ann.database.write() as connection:
            shown = view(connection, ann.config)
            return catch_up_step(connection, ann.user, "blockers", shown, now, followers=FOLLOWERS)[1]

    first, second = NOW + 370 * DAY, NOW + 800 * DAY
    assert step(first)
    assert ann.state("blockers", first).behind
    common = ann.state("blockers", first).expanded
    assert common.start < common.end
    while step(second):
        assert ann.state("blockers", second).behind
    assert not ann.state("blockers", second).behind
    latest = ann.rows("SELECT max(starts_at) FROM occurrences GROUP BY name")
    assert len(latest) == PAGE + 10
    assert len(set(latest)) == 1
