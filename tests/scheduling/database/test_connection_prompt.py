# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread that must not wait is never made to."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import text

from scheduling.database.connection import Database
from scheduling.errors import WouldWait

ONE = ("SELECT 1", ())


def test_single_rows_are_there_at_once_and_everything_else_would_wait(sqlite_database: Database) -> None:
    with sqlite_database.prompt():
        assert sqlite_database.rows(*ONE) == [(1,)]
        with pytest.raises(WouldWait), sqlite_database.read():
            pass
        with pytest.raises(WouldWait), sqlite_database.write():
            pass
    with sqlite_database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_rows_of_another_machine_would_wait(database: Database) -> None:
    with database.prompt():
        if database.is_sqlite:
            assert database.rows(*ONE) == [(1,)]
        else:
            with pytest.raises(WouldWait):
                database.rows(*ONE)


def test_a_writer_is_not_waited_for(sqlite_database: Database) -> None:
    path = sqlite_database.path
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with sqlite_database.prompt():
            assert sqlite_database.rows("SELECT count(*) FROM users", ()) == [(0,)]
            assert sqlite_database.rows("PRAGMA busy_timeout", ()) == [(0,)], "nor is anybody else"
        assert sqlite_database.rows("PRAGMA busy_timeout", ()) != [(0,)]
    finally:
        other.close()
