# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a SQLite database that is in use."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.database import schema
from scheduling.database.backup import backup
from scheduling.database.connection import Database
from scheduling.errors import Conflict, Invalid, NotFound


def usernames(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT username FROM users ORDER BY 1")]


def test_a_copy_holds_what_is_committed_while_somebody_writes(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with sqlite_database.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
    target = tmp_path / "copy.db"
    with sqlite_database.write() as connection:
        users.create(connection, username="not-yet", actor=SYSTEM)
        size = backup(sqlite_database, target)
    assert usernames(target) == ["anna"]
    assert target.stat().st_size == size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]


def test_a_copy_is_a_database_to_go_on_with(sqlite_database: Database, tmp_path: Path) -> None:
    backup(sqlite_database, tmp_path / "copy.db")
    copy = Database(f"sqlite:///{tmp_path}/copy.db")
    schema.require_current(copy)
    with copy.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
        connection.execute(
            text(
                "INSERT INTO blockers (user_id, title, start_date, end_date)"
                " SELECT id, 'x', '2026-01-01', '2026-01-02' FROM users"
            )
        )
        assert connection.scalar(text("SELECT slug FROM schedule_changes")) == "blockers"
    copy.dispose()


def test_a_file_that_exists_is_only_replaced_on_demand(sqlite_database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(Conflict, match="exists already"):
        backup(sqlite_database, target)
    assert target.read_text() == "precious"
    backup(sqlite_database, target, replace=True)
    assert usernames(target) == []


def test_the_database_is_never_replaced_by_its_own_copy(sqlite_database: Database) -> None:
    assert sqlite_database.path is not None
    with pytest.raises(Conflict):
        backup(sqlite_database, sqlite_database.path, replace=True)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no database"):
        backup(Database(f"sqlite:///{tmp_path}/none.db"), tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_postgresql_is_left_to_its_own_tool(postgresql_database: Database, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="pg_dump"):
        backup(postgresql_database, tmp_path / "copy.db")
