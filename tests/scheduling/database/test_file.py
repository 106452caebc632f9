# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite file that is removed or replaced while it is open: noticed, not written to in vain, and taken again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.database import file, schema
from scheduling.database.backup import backup
from scheduling.database.connection import Database
from scheduling.errors import DatabaseReplaced, DatabaseUnavailable, WouldWait

NAMES = ("SELECT username FROM users ORDER BY 1", ())


@pytest.fixture(autouse=True)
def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "INTERVAL", 0.0)


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """With `anna` in it, which only the log holds, and connections of each sort."""
    schema.require_current(sqlite_database)
    add(sqlite_database, "anna")
    assert names(sqlite_database) == ["anna"]
    with sqlite_database.prompt():
        sqlite_database.rows(*NAMES)
    assert path_of(sqlite_database).with_name("daysheet.db-wal").stat().st_size > 0
    return sqlite_database


def path_of(database: Database) -> Path:
    assert database.path is not None
    return database.path


def add(database: Database, username: str) -> None:
    with database.write() as connection:
        users.create(connection, username=username, actor=SYSTEM)


def names(database: Database) -> list[str]:
    """As one statement and as a transaction, which must agree."""
    single = [row[0] for row in database.rows(*NAMES)]
    with database.read() as connection:
        assert list(connection.scalars(text(NAMES[0]))) == single
    return single


def names_in(path: Path) -> list[str]:
    """What a program finds that opens the file anew."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in connection.execute(NAMES[0])]


def refusal(database: Database) -> str:
    """The same at every door; nothing is made at the path."""
    there = path_of(database).exists()
    told = set()
    with pytest.raises(DatabaseUnavailable) as refused:
        database.rows(*NAMES)
    told.add(str(refused.value))
    with pytest.raises(DatabaseUnavailable) as refused, database.read():
        pass
    told.add(str(refused.value))
    with pytest.raises(DatabaseUnavailable) as refused, database.write():
        pass
    told.add(str(refused.value))
    with database.prompt(), pytest.raises(WouldWait):
        database.rows(*NAMES)
    assert path_of(database).exists() is there
    assert len(told) == 1
    return told.pop()


def spare(database: Database, *usernames: str) -> Path:
    """Another database, made from this one's backup, that holds these users and nobody else."""
    target = path_of(database).with_name("spare.db")
    backup(database, target)
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("DELETE FROM users")
        connection.executemany("INSERT INTO users (username) VALUES (?)", [(it,) for it in usernames])
        connection.commit()
    return target


def test_another_file_takes_the_place_of_the_first(database: Database) -> None:
    spare(database, "bo", "cleo").replace(path_of(database))
    assert names(database) == ["bo", "cleo"]
    with database.prompt():
        assert len(database.rows(*NAMES)) == 2
    add(database, "dora")
    assert names(database) == names_in(path_of(database)) == ["bo", "cleo", "dora"]


def test_the_log_of_the_old_file_goes_into_the_old_file_and_not_into_the_new_one(database: Database) -> None:
    path = path_of(database)
    new, old = spare(database, "bo"), path.with_name("old.db")
    path.rename(old)
    new.rename(path)
    assert path.with_name("daysheet.db-wal").stat().st_size > 0, "it would be read as the log of the new file"
    assert names(database) == ["bo"]
    database.dispose()
    assert names_in(path) == ["bo"]
    assert names_in(old) == ["anna"]


def test_a_file_that_is_gone_is_said_to_be_and_not_made_anew(database: Database) -> None:
    path = path_of(database)
    new = spare(database, "bo")
    path.unlink()
    assert refusal(database) == f"There is no database {path}."
    new.rename(path)
    assert names(database) == ["bo"]


def test_a_file_that_comes_back_has_lost_nothing(database: Database) -> None:
    path = path_of(database)
    path.rename(path.with_name("away.db"))
    refusal(database)
    path.with_name("away.db").rename(path)
    assert names(database) == ["anna"]
    add(database, "bo")
    database.dispose()
    assert names_in(path) == ["anna", "bo"]


def test_a_file_that_comes_back_while_somebody_reads_it_has_lost_nothing(database: Database) -> None:
    path = path_of(database)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute(NAMES[0]).fetchall()
        add(database, "bo")  # which cannot leave the log while the other one reads
        path.rename(path.with_name("away.db"))
        refusal(database)
        path.with_name("away.db").rename(path)
        assert names(database) == ["anna", "bo"]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)


def empty(path: Path) -> None:
    path.touch()


def another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")


def at_revision(number: str) -> Any:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (number,))
            connection.commit()

    return make


def half(path: Path) -> None:
    whole = path.with_name("spare.db").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (not_a_database, "is not a SQLite database"),
        (empty, "has no Daysheet tables"),
        (another_program, "has no Daysheet tables"),
        (at_revision("0001"), "is at revision 0001"),
        (at_revision("9999"), "a newer Daysheet made it"),
        (half, "is damaged"),
        (Path.mkdir, "is a folder"),
    ],
)
def test_what_is_no_database_of_this_version_is_not_taken(database: Database, make: Any, told: str) -> None:
    path, new = path_of(database), spare(database, "bo")
    path.unlink()
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    assert told in refusal(database)
    assert (path.read_bytes() if path.is_file() else b"") == before
    path.rmdir() if path.is_dir() else path.unlink()
    new.rename(path)
    assert names(database) == ["bo"]


def test_what_is_written_to_a_lost_file_is_not_said_to_be_written(database: Database) -> None:
    new = spare(database, "bo")

    def write() -> None:
        with database.write() as connection:
            users.create(connection, username="lost", actor=SYSTEM)
            new.replace(path_of(database))

    with pytest.raises(DatabaseReplaced):
        write()
    add(database, "kept")
    assert names(database) == names_in(path_of(database)) == ["bo", "kept"]


def test_a_snapshot_stays_what_it_is(database: Database) -> None:
    with database.read() as connection:
        before = list(connection.scalars(text(NAMES[0])))
        spare(database, "bo").replace(path_of(database))
        assert names(database) == ["bo"]
        assert list(connection.scalars(text(NAMES[0]))) == before == ["anna"]
    database.dispose()
    assert names_in(path_of(database)) == ["bo"]


def test_any_number_of_threads_change_over_together(database: Database) -> None:
    new, found = spare(database, "bo"), []
    ready = threading.Barrier(9)

    def poll() -> None:
        ready.wait()
        found.extend(tuple(row[0] for row in database.rows(*NAMES)) for _ in range(50))

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    ready.wait()
    new.replace(path_of(database))
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert set(found) <= {("anna",), ("bo",)}
    assert names(database) == ["bo"]


_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM users").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program has the database open."""
    child = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()
        yield
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="locks of others can be seen on Linux only")
def test_a_program_that_starts_does_not_read_the_log_of_the_old_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_WAITS", 0.2)
    path, new = path_of(database), spare(database, "bo")
    with held(path):
        database.dispose()
        assert path.with_name("daysheet.db-wal").stat().st_size > 0
        new.replace(path)
        other = Database(f"sqlite:///{path}")
        with pytest.raises(DatabaseReplaced, match=r"move .*-wal and .*-shm away"), other.read():
            pass
        for side in file.SIDES:
            Path(f"{path}{side}").rename(path.with_name(f"aside{side}"))
        assert names(other) == ["bo"]
        other.dispose()
    assert names_in(path) == ["bo"]


def test_a_process_that_nobody_asks_anything_takes_its_log_away(database: Database) -> None:
    path, new = path_of(database), spare(database, "bo")
    assert database.file is not None
    database.file.watch()
    log = file.identity(path.with_name("daysheet.db-wal"))
    new.replace(path)
    deadline = time.monotonic() + 10
    while file.identity(path.with_name("daysheet.db-wal")) == log:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert names_in(path) == ["bo"]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files that are looked at (stat(2))."""
    seen: list[str] = []
    stat = os.stat

    def counting(path: Any, *given: Any, **named: Any) -> os.stat_result:
        seen.append(str(path))
        return stat(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", counting)
        yield seen


def test_a_poll_looks_at_the_file_once_in_an_interval_and_a_write_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "INTERVAL", 3600.0)
    names(database)  # connections of each sort are open now
    with counted(monkeypatch) as seen:
        for _ in range(100):
            database.rows(*NAMES)
            with database.read() as connection:
                connection.execute(text(NAMES[0]))
            with database.prompt():
                database.rows(*NAMES)
    assert seen == []
    with counted(monkeypatch) as seen:
        for _ in range(10):
            with database.write():
                pass
    assert seen == [str(path_of(database))] * 20, "before and after"


def test_the_file_and_what_is_beside_it_are_for_their_owner_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/daysheet.db")
    before = os.umask(0)
    try:
        schema.upgrade(database)
        add(database, "anna")
        backup(database, tmp_path / "new" / "copy.db")
        found = {it.name: it.stat().st_mode & 0o777 for it in (tmp_path / "new").iterdir()}
    finally:
        os.umask(before)
        database.dispose()
    assert found.keys() == {"daysheet.db", "daysheet.db-wal", "daysheet.db-shm", "copy.db"}
    assert set(found.values()) == {0o600}


def test_what_others_were_permitted_before_stays(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "daysheet.db"
    shutil.copyfile(sqlite_template, path)
    path.chmod(0o660)
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    add(database, "anna")
    assert {it.stat().st_mode & 0o777 for it in tmp_path.iterdir()} == {0o660}
    database.dispose()


def test_a_path_may_hold_what_addresses_give_a_meaning_to(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/50% of #1 & more/a.db")
    schema.upgrade(database)
    add(database, "anna")
    assert names(database) == ["anna"]
    assert (tmp_path / "50% of #1 & more" / "a.db").exists()
    database.dispose()
