# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo schedule: the same for the same arguments, varied, and nothing in it that cannot be shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.demo import schedule
from scheduling.errors import Conflict, Invalid
from scheduling.schedule.items import SLUGS
from scheduling.settings.stored import view

TODAY = date(2026, 11, 20)
NOW = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
TABLES = ("users", "jobs", "job_assignments", "blockers", "time_off")


def fill(database: Database, users: int = 5, jobs: int = 40, seed: int = 1) -> list[int]:
    with database.write() as connection:
        return schedule.fill(
            connection, users=users, jobs_per_user=jobs, seed=seed, today=TODAY, progress=lambda _: None
        )


def rows(database: Database, table: str) -> list[dict[str, Any]]:
    """Everything but the time at which a user was added."""
    with database.read() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()  # noqa: S608
        return [
            {name: value for name, value in row.items() if table != "users" or name != "created_at"}
            for row in found
        ]


def moment(row: dict[str, Any], name: str) -> datetime | None:
    value = row[name]
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return None if value is None else value.astimezone(UTC)


def first_day(row: dict[str, Any]) -> date:
    start = moment(row, "starts_at")
    return start.date() if start else date.fromisoformat(str(row["start_date"]))


def test_the_same_arguments_give_the_same_rows(sqlite_database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path}/other.db")
    schema.upgrade(other)
    fill(sqlite_database)
    fill(other)
    for table in TABLES:
        assert rows(sqlite_database, table) == rows(other, table)
        assert rows(other, table)
    other.dispose()


def test_another_seed_gives_other_jobs(sqlite_database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path}/other.db")
    schema.upgrade(other)
    fill(sqlite_database)
    fill(other, seed=2)
    assert rows(sqlite_database, "jobs") != rows(other, "jobs")
    other.dispose()


def test_ids_jobs_and_progress_add_up(database: Database) -> None:
    told: list[int] = []
    with database.write() as connection:
        ids = schedule.fill(
            connection, users=3, jobs_per_user=1100, seed=7, today=TODAY, progress=told.append
        )
    assert ids == [row["id"] for row in rows(database, "users")]
    assert sum(told) == len(rows(database, "jobs")) == 3300
    assert len(told) > 1
    assert [row["role"] for row in rows(database, "users")].count("dispatcher") == 1
    own = [row["reference"].split("-")[1] for row in rows(database, "jobs")]
    assert {own.count(number) for number in set(own)} == {1100}


@pytest.mark.parametrize(
    ("users", "roles"),
    [
        (1, ["dispatcher"]),
        (4, ["member", "dispatcher", "member", "member"]),
        (6, ["member", "dispatcher", "member", "member", "admin", "member"]),
    ],
)
def test_there_is_somebody_of_each_role(sqlite_database: Database, users: int, roles: list[str]) -> None:
    fill(sqlite_database, users=users, jobs=1)
    assert [row["role"] for row in rows(sqlite_database, "users")] == roles


def test_half_of_the_jobs_lie_before_today_and_most_near_it(sqlite_database: Database) -> None:
    fill(sqlite_database)
    days = [first_day(row) for row in rows(sqlite_database, "jobs")]
    near = [day for day in days if abs(day - TODAY) <= timedelta(weeks=8)]
    assert len(days) == 200
    assert 95 <= sum(day < TODAY for day in days) <= 105
    assert len(near) > 170


def test_the_schedule_is_varied(sqlite_database: Database) -> None:
    fill(sqlite_database)
    jobs = rows(sqlite_database, "jobs")
    assert {row["status"] for row in jobs} == {
        *("offered", "confirmed", "delivered", "invoiced", "paid", "cancelled"),
    }
    assert {row["status"] for row in rows(sqlite_database, "time_off")} == {
        *("approved", "requested", "declined", "cancelled"),
    }
    assert len({row["time_zone"] for row in rows(sqlite_database, "users")}) >= 4
    assert any(row["start_date"] for row in jobs)
    assert any(not row["organisation"].isascii() for row in jobs)
    assert any(row["notes"] is None for row in jobs)
    assert any(row["notes"] and len(row["notes"]) > 500 for row in jobs)
    assert any(row["rate"] and row["currency"] for row in jobs)
    assert all(row["latitude"] and row["longitude"] for row in jobs)
    assigned = [row["job_id"] for row in rows(sqlite_database, "job_assignments")]
    assert {assigned.count(job_id) for job_id in set(assigned)} == {1, 2, 3}
    blockers = rows(sqlite_database, "blockers")
    assert any(row["exdate"] for row in blockers)
    assert any(row["rdate"] for row in blockers)
    assert any("INTERVAL=2" in (row["rrule"] or "") for row in blockers)


def test_jobs_cross_midnight_and_a_change_of_the_clock(sqlite_database: Database) -> None:
    fill(sqlite_database)
    midnight = clock_change = 0
    for row in rows(sqlite_database, "jobs"):
        start, end = moment(row, "starts_at"), moment(row, "ends_at")
        if start is not None and end is not None:
            zone = ZoneInfo(row["time_zone"])
            local = start.astimezone(zone), end.astimezone(zone)
            midnight += local[0].date() != local[1].date()
            clock_change += local[0].utcoffset() != local[1].utcoffset()
    assert midnight > 5
    assert clock_change >= 4


def test_everything_in_it_can_be_rendered(database: Database, config: Config) -> None:
    ids = fill(database, users=13, jobs=20)
    shown = 0
    for user_id in ids:
        with database.write() as connection:
            ensure_calendars(connection, user_id, NOW)
            current = view(connection, config)
            shown += sum(
                catch_up(connection, user_id, slug, current, NOW, followers=FOLLOWERS)
                for slug in SLUGS.values()
            )
    assert rows(database, "unrendered_sources") == []
    assert shown > 13 * 15


def test_a_second_demo_schedule_is_refused_and_changes_nothing(database: Database) -> None:
    fill(database, users=2, jobs=3)
    before = {table: rows(database, table) for table in TABLES}
    with pytest.raises(Conflict, match="demo schedule already"):
        fill(database, users=2, jobs=3, seed=9)
    assert {table: rows(database, table) for table in TABLES} == before


def test_a_username_in_use_is_named(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO users (username) VALUES ('anna')"))
    with pytest.raises(Conflict, match="'anna', which is in use"):
        fill(database)


@pytest.mark.parametrize(("users", "jobs"), [(0, 1), (1, -1), (1, 15_001)])
def test_impossible_sizes_are_refused(sqlite_database: Database, users: int, jobs: int) -> None:
    with pytest.raises(Invalid, match="1 to 100000 users"):
        fill(sqlite_database, users=users, jobs=jobs)


def test_the_largest_list_of_jobs_keeps_to_three_a_day(sqlite_database: Database) -> None:
    fill(sqlite_database, users=1, jobs=15_000)
    days = [first_day(row) for row in rows(sqlite_database, "jobs")]
    assert len(days) == 15_000
    assert max(days.count(day) for day in days[:300]) <= 4  # the one over the change of the clock is extra
