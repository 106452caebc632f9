# SPDX-License-Identifier: GPL-3.0-or-later
"""From a row that the dispatch application writes to the event, by way of catching up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings import stored
from scheduling.settings.stored import view
from scheduling.upkeep import orphans
from scheduling.webhooks.watch import JobWatch
from tests.factories import Dispatch

if TYPE_CHECKING:
    from tests.scheduling.webhooks.conftest import Webhooks

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC; jobs are at 09:00
HOUR = 3600


class Schedule:
    """Users with calendars that are up to date."""

    def __init__(self, database: Database, dispatch: Dispatch) -> None:
        self.database = database
        self.dispatch = dispatch
        self.users = [dispatch.user(name) for name in ("anna", "ben", "carl")]
        with database.write() as connection:
            for user in self.users:
                ensure_calendars(connection, user, NOW)
        self.catch_up()

    def catch_up(self, now: int = NOW) -> None:
        with self.database.write() as connection:
            shown = view(connection, Config())
            for user in self.users:
                catch_up(connection, user, "jobs", shown, now, followers=FOLLOWERS)


@pytest.fixture
def schedule(database: Database, dispatch: Dispatch) -> Iterator[Schedule]:
    return Schedule(database, dispatch)


def look(webhooks: Webhooks) -> None:
    JobWatch(webhooks.database, Config(), followers=FOLLOWERS).turn(NOW)


def jobs(webhooks: Webhooks, number: int = 1) -> list[Any]:
    return [it["job"] for it in webhooks.data(number)]


def test_a_job_of_three_people_is_one_event(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    webhooks.add()
    number = dispatch.job(*schedule.users, reference="J-77", job_type="Repair", organisation="Acme")
    schedule.catch_up()
    assert jobs(webhooks) == [
        {
            "id": number,
            "deleted": False,
            "reference": "J-77",
            "job_type": "Repair",
            "organisation": "Acme",
            "status": "confirmed",
            "time_zone": None,
            "starts_at": "2026-03-10T09:00:00Z",
            "ends_at": "2026-03-10T11:00:00Z",
            "start_date": None,
            "end_date": None,
            "assignees": ["anna", "ben", "carl"],
        }
    ]
    schedule.catch_up()
    assert len(jobs(webhooks)) == 1


def test_every_further_change_is_one_event_even_back_to_what_was(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    webhooks.add()
    number = dispatch.job(*schedule.users[:2], notes="one")
    for notes in ("one", "two", "one"):
        dispatch.update("jobs", number, notes=notes)
        schedule.catch_up()
    assert len(jobs(webhooks)) == 3


def test_only_jobs_within_the_hours_of_a_webhook_are_told_of(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    near, far = webhooks.add(within_hours=8), webhooks.add(within_hours=9)
    number = dispatch.job(schedule.users[0])
    schedule.catch_up()
    assert (len(jobs(webhooks, near)), len(jobs(webhooks, far))) == (0, 1)
    dispatch.update("jobs", number, notes="later")
    schedule.catch_up(NOW + HOUR)
    assert (len(jobs(webhooks, near)), len(jobs(webhooks, far))) == (1, 2)


def test_a_running_job_is_told_of_and_a_finished_one_is_not(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    webhooks.add()
    number = dispatch.job(schedule.users[0])
    schedule.catch_up(NOW + 10 * HOUR)
    assert len(jobs(webhooks)) == 1
    dispatch.update("jobs", number, notes="done")
    schedule.catch_up(NOW + 11 * HOUR)
    assert len(jobs(webhooks)) == 1


def test_a_job_moved_out_of_the_hours_is_told_of(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    number = dispatch.job(schedule.users[0])
    schedule.catch_up()
    webhooks.add(within_hours=12)
    dispatch.update(
        "jobs", number, starts_at="2026-05-10 09:00:00+00:00", ends_at="2026-05-10 10:00:00+00:00"
    )
    schedule.catch_up()
    assert [job["starts_at"] for job in jobs(webhooks)] == ["2026-05-10T09:00:00Z"]


def test_jobs_cancelled_given_to_somebody_else_and_deleted_are_told_of(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    anna, ben, _ = schedule.users
    cancelled, moved, deleted = (dispatch.job(anna) for _ in range(3))
    schedule.catch_up()
    webhooks.add()
    dispatch.update("jobs", cancelled, status="cancelled")
    dispatch.withdraw(moved, anna)
    dispatch.assign(moved, ben)
    dispatch.delete("jobs", deleted)
    schedule.catch_up()
    found = {job["id"]: job for job in jobs(webhooks)}
    assert len(jobs(webhooks)) == 3
    assert found[cancelled]["status"] == "cancelled"
    assert found[moved]["assignees"] == ["ben"]
    assert found[deleted] == {"id": deleted, "deleted": True}


def test_what_no_calendar_shows_is_no_event(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    webhooks.add()
    dispatch.job(schedule.users[0], status="offered")
    dispatch.job()
    schedule.catch_up()
    assert jobs(webhooks) == []


def test_another_look_of_the_same_jobs_is_no_event(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    number = dispatch.job(schedule.users[0])
    other = dispatch.job(schedule.users[0])
    schedule.catch_up()
    webhooks.add()
    with schedule.database.write() as connection:
        stored.change(connection, "templates.job_summary", "Job {reference}", config=Config(), actor=SYSTEM)
    dispatch.update("users", schedule.users[0], time_zone="Asia/Tokyo")
    dispatch.update("jobs", other, notes="changed as well")
    schedule.catch_up()
    assert [job["id"] for job in jobs(webhooks)] == [other]
    assert number != other


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_read_stops_neither_the_calendar_nor_other_events(
    schedule: Schedule, dispatch: Dispatch, webhooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = dispatch.job(schedule.users[0]), dispatch.job(schedule.users[0])
    schedule.catch_up()
    webhooks.add()
    dispatch.execute("UPDATE jobs SET notes = CAST(x'ff' AS TEXT) WHERE id = :id", id=bad)
    dispatch.update("jobs", good, notes="changed")
    schedule.catch_up()
    assert [job["id"] for job in jobs(webhooks)] == [good]
    assert f"no event for job {bad}" in caplog.text


def test_changes_are_found_although_nobody_reads_the_calendar(dispatch: Dispatch, webhooks: Webhooks) -> None:
    dora = dispatch.user("dora")
    dispatch.job(dora, reference="before")
    look(webhooks)
    assert webhooks.bodies() == []
    webhooks.add()
    dispatch.job(dora, reference="after")
    look(webhooks)
    look(webhooks)
    assert {job["reference"] for job in jobs(webhooks)} == {"before", "after"}
    assert len(jobs(webhooks)) == 2


def test_calendars_are_left_alone_without_a_webhook_for_jobs(dispatch: Dispatch, webhooks: Webhooks) -> None:
    webhooks.add(events=["feed.regenerated"])
    dispatch.job(dispatch.user("dora"))
    look(webhooks)
    assert dispatch.execute("SELECT count(*) FROM calendars") == [(0,)]
    assert dispatch.execute("SELECT count(*) FROM schedule_changes") != [(0,)]


def test_maintenance_does_not_drop_changes_that_are_to_be_told_of(
    database: Database, dispatch: Dispatch, webhooks: Webhooks
) -> None:
    webhooks.add()
    dispatch.job(dispatch.user("dora"))
    orphans.drop_changes(database)
    look(webhooks)
    assert len(jobs(webhooks)) == 1
