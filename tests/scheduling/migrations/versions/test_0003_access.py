# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrading a database in use to roles as rows: every row, reference and trigger survives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import inspect, text

from scheduling.access import roles
from scheduling.access.permissions import SYSTEM
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.errors import SchedulingError
from tests.factories import Dispatch

_TABLES = ("users", "jobs", "job_assignments", "blockers", "time_off", "schedule_changes", "app_passwords")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database at the revision before."""
    server = name = None
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.db'}")
        assert database.file is not None
        database.file.create()
    else:
        server = request.getfixturevalue("postgresql")
        name = server.create()
        database = Database(server.url(name))
    with database.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    yield database
    database.dispose()
    if server is not None:
        server.drop(name)


def columns(database: Database) -> dict[str, str]:
    return {
        table: ", ".join(column["name"] for column in inspect(database.engine).get_columns(table))
        for table in _TABLES
    }


def rows(database: Database, of: dict[str, str]) -> dict[str, list[str]]:
    with database.read() as connection:
        return {
            table: sorted(map(str, connection.execute(text(f"SELECT {names} FROM {table}")).all()))  # noqa: S608
            for table, names in of.items()
        }


def test_nothing_is_lost_and_the_contract_goes_on(old: Database) -> None:
    with Dispatch.connect(old.url) as dispatch:
        anna = dispatch.user("anna", role="dispatcher")
        bo = dispatch.user("bo", role="super-admin", calendar_access=False)
        dispatch.job(anna, bo)
        dispatch.blocker(anna)
        dispatch.time_off(bo)
    known = columns(old)  # later revisions add some
    before = rows(old, known)
    schema.upgrade(old)
    assert rows(old, known) == before
    assert all(before[table] for table in _TABLES if table != "app_passwords")
    with Dispatch.connect(old.url) as dispatch:
        dispatch.execute("DELETE FROM schedule_changes")
        dispatch.update("users", anna, time_zone="Europe/Berlin")
        assert {row[0] for row in dispatch.execute("SELECT user_id FROM schedule_changes")} == {anna}
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.ForeignKeyViolation)):
            dispatch.user("cara", role="boss")
    with old.write() as connection:
        roles.add(connection, "planner", (), actor=SYSTEM)
        connection.execute(text("UPDATE users SET role = 'planner' WHERE username = 'anna'"))
        assert roles.get(connection, "planner").users == 1
        if old.is_sqlite:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            assert connection.scalar(text("PRAGMA writable_schema")) == 0


@pytest.mark.parametrize("old", ["sqlite"], indirect=True)  # PostgreSQL names the constraint itself
def test_a_users_table_of_another_making_is_refused_and_left_alone(old: Database) -> None:
    with old.write() as connection:
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(
            text(
                "UPDATE sqlite_master SET sql = replace(sql, 'users_role_check', 'mine') WHERE name = 'users'"
            )
        )
        connection.execute(text("PRAGMA writable_schema = OFF"))
    with pytest.raises(SchedulingError, match="users_role_check"):
        schema.upgrade(old)
    with old.read() as connection:
        assert schema.current(connection) == "0002"
