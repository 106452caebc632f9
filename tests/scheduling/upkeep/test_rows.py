# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that mean nothing are all found."""

from __future__ import annotations

from sqlalchemy import Connection, text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import view
from scheduling.upkeep import rows
from scheduling.upkeep.finding import Level


def add(connection: Connection, *names: str) -> list[int]:
    return [users.create(connection, username=name, actor=SYSTEM).id for name in names]


def test_every_row_that_is_left_out_is_named(database: Database) -> None:
    with database.write() as connection:
        for user in add(connection, "anna", "bo"):
            for _ in range(30):
                connection.execute(
                    text(
                        "INSERT INTO blockers (user_id, title, start_date, end_date, rrule)"
                        " VALUES (:user, 'x', '2026-01-01', '2026-01-02', 'FREQ=NEVER')"
                    ),
                    {"user": user},
                )
            ensure_calendars(connection, user)
            catch_up(connection, user, "blockers", view(connection, Config()), followers=FOLLOWERS)
    with database.read() as connection:
        level, words, *told = rows.left_out(connection)
    assert level is Level.WARNING
    assert words.startswith("60 rows are left out of calendars because of what they hold; blockers 1: ")
    assert [line.partition(": ")[0] for line in told] == [
        f"blockers {number} ({'anna' if number <= 30 else 'bo'})" for number in range(1, 61)
    ]


def test_every_time_zone_that_is_none_is_named(database: Database) -> None:
    with database.write() as connection:
        add(connection, "anna", "bo", "cleo")
        connection.execute(text("UPDATE users SET time_zone = 'Mars/Base' WHERE username <> 'bo'"))
        for zone in ("Europe/Berlin", "Nowhere", None):
            connection.execute(
                text(
                    "INSERT INTO jobs (reference, start_date, end_date, time_zone)"
                    " VALUES (:reference, '2026-01-01', '2026-01-02', :zone)"
                ),
                {"reference": str(zone), "zone": zone},
            )
    with database.read() as connection:
        level, words, *told = rows.unusable_zones(connection)
    assert level is Level.WARNING
    assert words.startswith("3 rows name a time zone that does not exist")
    assert told == ["users 1 (anna): 'Mars/Base'", "users 3 (cleo): 'Mars/Base'", "jobs 2: 'Nowhere'"]


def test_every_role_that_is_none_is_named(database: Database) -> None:
    """PostgreSQL refuses such a user; SQLite only those who ask it to."""
    with database.write() as connection:
        add(connection, "anna", "bo")
        connection.execute(text("INSERT INTO role_permissions (role, permission) VALUES ('member', 'fly')"))
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("UPDATE users SET role = 'emperor' WHERE username = 'bo'")
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            connection.exec_driver_sql("BEGIN")
    with database.read() as connection:
        level, words, *told = rows.unusable_roles(connection)
    assert level is Level.WARNING
    assert "that does not exist" in words
    assert told == [*(["users 2 (bo): 'emperor'"] if database.is_sqlite else []), "role member: 'fly'"]


def test_a_good_schedule_has_none_of_them(database: Database) -> None:
    with database.write() as connection:
        add(connection, "anna")
    with database.read() as connection:
        for check in (rows.left_out, rows.unusable_zones, rows.unusable_roles):
            level, _, *told = check(connection)
            assert (level, told) == (Level.OK, [])
