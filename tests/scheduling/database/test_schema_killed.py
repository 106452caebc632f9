# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of an upgrade, after any statement: the database is as before, and the next one succeeds."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from scheduling.database import schema
from scheduling.database.connection import Database
from tests.scheduling.database.test_schema import described

KILLED = """
import os, signal, sys
from sqlalchemy import event
from scheduling.database import schema
from scheduling.database.connection import Database

database, most, seen = Database(sys.argv[1]), int(sys.argv[2]), 0

@event.listens_for(database.engine, "after_cursor_execute")
def note(*_):
    global seen
    seen += 1
    if seen == most:
        os.kill(os.getpid(), signal.SIGKILL)

schema.upgrade(database)
print(seen)
"""
BEFORE = "0009"


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of an earlier version with somebody in it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'daysheet.db'}")
        assert database.file is not None
        database.file.create()
    else:
        server = request.getfixturevalue("postgresql")
        database = Database(server.url(name := server.create()))
    with database.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        connection.execute(text("INSERT INTO users (username) VALUES ('ann')"))
    yield database
    database.dispose()
    if not database.is_sqlite:
        server.drop(name)


def upgraded(database: Database, killed_after: int) -> subprocess.CompletedProcess[str]:
    """What became of an upgrade in a process of its own; after none it is not killed."""
    database.dispose()
    url = database.url.render_as_string(hide_password=False)
    return subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-c", KILLED, url, str(killed_after)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def state(database: Database) -> tuple[str | None, dict[str, list[str]], list[str]]:
    with database.read() as connection:
        names = list(connection.scalars(text("SELECT username FROM users")))
        return schema.current(connection), described(connection), names


def test_an_upgrade_that_is_killed_leaves_what_was_and_the_next_succeeds(older: Database) -> None:
    before = state(older)
    assert before[0] == BEFORE
    after = 1
    kills = 0
    # Statements of an upgrade are well over a hundred; the steps reach its beginning, its middle and its end.
    while (ended := upgraded(older, after)).returncode == -signal.SIGKILL:
        assert state(older) == before
        kills += 1
        after = after * 2 + 3
    assert ended.returncode == 0, ended.stderr
    assert kills >= 4
    assert int(ended.stdout) < after
    found = state(older)
    assert (found[0], found[2]) == (schema.head(), ["ann"])
    if older.is_sqlite:
        with older.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert schema.upgrade(older) == (schema.head(), schema.head())
