# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the program beside a database, a key or settings that cannot be used: one sentence with what to do
about it, exit code 1, no traceback, no secret, and no file that was not there before.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import PostgreSQL
from tests.server.cli import walking
from tests.server.running import KEY

pytestmark = pytest.mark.early
SECRET = "hunter2"
NEEDLESS = {"secrets new-key"}
"""What works without a database."""
MAKING = {"start", "demo", "db upgrade"}
"""What makes a database, or brings one up to date."""
SERVING = {"start", "serve"}
"""What would go on until it is told to stop."""
PARTLY = {"db status"}
"""What prints what it can before it fails."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.json").write_text('{"jobs": []}')
    return tmp_path


def walk(folder: Path, environment: dict[str, str], leave: set[str], **how: Any) -> list[walking.Ended]:
    copy = folder / "copy.db"
    cases = walking.commands({"load": folder / "jobs.json", "db backup": copy})
    assert len(cases) > 60
    ended = walking.run(
        {name: it for name, it in cases.items() if name not in leave}, folder, environment, **how
    )
    assert not list(folder.glob("**/.*")), "no draft stays"
    return ended


def check(ended: list[walking.Ended], told: str, *, works: set[str] = NEEDLESS) -> None:
    """Every command says `told`, in its own place."""
    for it in ended:
        where = (it.command, it.code, it.stdout, it.stderr)
        assert SECRET not in it.stdout + it.stderr, where
        assert "Traceback" not in it.stderr, where
        assert "Unexpected" not in it.stderr, where
        if it.command in works:
            assert it.code == 0, where
            continue
        assert it.code == 1, where
        if it.command == "doctor":
            assert it.stderr == "", where
            problems = [line for line in it.stdout.splitlines() if line.startswith("problem ")]
            assert any(told in line for line in problems), where
            assert "time zones: " in it.stdout, "other checks go on"
            assert "public URL: " in it.stdout
            continue
        assert it.stdout == "" or it.command in PARTLY, where
        assert it.stderr.count("\n") == 1, where
        assert it.stderr.endswith(".\n"), where
        assert told in it.stderr, where


def stamped(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replaced(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


def other_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "told", "leave"),
    [
        (Path.unlink, "There is no database {path}; `daysheet db upgrade` makes it.", MAKING),
        (replaced(b""), "The database has no Daysheet tables", MAKING),
        (other_program, "The database has no Daysheet tables", MAKING),
        (lambda path: stamped(path, "0001"), "run `daysheet db upgrade`", MAKING),
        (lambda path: stamped(path, "9999"), "a newer Daysheet made it, so install that one", set()),
        (
            replaced(b"Dear diary, " * 999),
            "The file {path} is not a SQLite database: restore a backup",
            set(),
        ),
        (halved, "The database file {path} is damaged: restore a backup", set()),
        (a_folder, "{path} is a folder and not a database file: name a file", set()),
        (lambda path: path.chmod(0), "The database file {path} cannot be read: give the user", set()),
        (
            lambda path: path.parent.chmod(0),
            "The database file {path} cannot be ",
            set(),
        ),
    ],
)
def test_a_database_file_that_cannot_be_used(
    folder: Path, sqlite_template: Path, spoil: Callable[[Path], Any], told: str, leave: set[str]
) -> None:
    place = folder / "place"
    place.mkdir()
    path = place / "daysheet.db"
    shutil.copyfile(sqlite_template, path)
    (place / "daysheet.key").write_text(f"{KEY}\n")
    spoil(path)
    try:
        before = {it.name for it in place.iterdir()} if os.access(place, os.R_OK | os.X_OK) else set()
        mode = place.stat().st_mode
        # Whatever database there is can be copied, at any revision.
        if path.is_file() and ("Daysheet" in told or "upgrade" in told):
            leave = leave | {"db backup"}
        environment = {
            "DAYSHEET_DATABASE_URL": f"sqlite:///{path}",
            "DAYSHEET_SECURITY_KEY_FILE": str(folder / "daysheet.key"),
        }
        (folder / "daysheet.key").write_text(f"{KEY}\n")
        check(walk(folder, environment, leave), told.format(path=path))
        assert place.stat().st_mode == mode
    finally:
        place.chmod(0o700)
    after = {it.name for it in place.iterdir()}
    assert after <= {*before, "daysheet.db", "daysheet.key", "daysheet.db-wal", "daysheet.db-shm"}
    assert ("daysheet.db" in after) is (spoil is not Path.unlink)


def test_a_path_through_a_file_is_told_to_be_none(folder: Path) -> None:
    (folder / "file").touch()
    environment = {
        "DAYSHEET_DATABASE_URL": f"sqlite:///{folder}/file/daysheet.db",
        "DAYSHEET_SECURITY_KEY": KEY,
    }
    check(walk(folder, environment, MAKING), f"There is no database {folder}/file/daysheet.db;")
    ended = walking.run({"db upgrade": ["db", "upgrade"]}, folder, environment)
    check(ended, "cannot be made (File exists): name another one")


@pytest.mark.parametrize("shut", ["daysheet.db", "."])
def test_a_database_that_can_only_be_read_is_told_when_somebody_writes(
    folder: Path, sqlite_template: Path, shut: str
) -> None:
    place = folder / "place"
    place.mkdir()
    shutil.copyfile(sqlite_template, place / "daysheet.db")
    environment = {
        "DAYSHEET_DATABASE_URL": f"sqlite:///{place}/daysheet.db",
        "DAYSHEET_SECURITY_KEY": KEY,
    }
    (place / shut).chmod(0o500 if shut == "." else 0o400)
    try:
        ended = walk(folder, environment, SERVING)
    finally:
        place.chmod(0o700)
    writing = {"user add", "role add", "db maintain", "worker", "settings set", "api-key create", "demo"}
    check([it for it in ended if it.command in {*writing, "doctor"}], " cannot be ")
    for it in ended:
        assert it.code in (0, 1), it
        assert it.stderr.count("\n") == it.code or it.command == "doctor", it
        assert "Unexpected" not in it.stderr, it


def key_folder(path: Path) -> None:
    path.mkdir()


def key_shut(path: Path) -> None:
    path.write_text(SECRET)
    path.chmod(0)


def folder_shut(path: Path) -> None:
    path.parent.chmod(0)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_text(f"{SECRET}\n"), "The key file {path} holds no key"),
        (lambda path: path.write_text(""), "The key file {path} holds no key"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00" * 20), "The key file {path} holds no key"),
        (key_folder, "The key file {path} is a folder: name a file"),
        (key_shut, "The key file {path} cannot be read or made: give the user"),
        (folder_shut, "The key file {path} cannot be read or made: give the user"),
    ],
)
def test_a_key_file_that_cannot_be_used(
    folder: Path, sqlite_template: Path, spoil: Callable[[Path], Any], told: str
) -> None:
    shutil.copyfile(sqlite_template, folder / "daysheet.db")
    with closing(sqlite3.connect(folder / "daysheet.db")) as connection:
        connection.execute("INSERT INTO users (username) VALUES ('anna')")
        connection.commit()
    path = folder / "keys" / "daysheet.key"
    path.parent.mkdir()
    spoil(path)
    environment = {
        "DAYSHEET_DATABASE_URL": f"sqlite:///{folder}/daysheet.db",
        "DAYSHEET_SECURITY_KEY_FILE": str(path),
    }
    try:
        ended = walk(folder, environment, set())
    finally:
        path.parent.chmod(0o700)
    using = {
        "serve",
        "start",
        "worker",
        "feed create",
        "subscription add",
        "user app-password create",
        "doctor",
    }
    check([it for it in ended if it.command in using], told.format(path=path))
    for it in ended:
        assert it.code in (0, 1), it
        assert it.stderr.count("\n") == it.code or it.command == "doctor", it
        assert "Unexpected" not in it.stderr, it
        assert SECRET not in it.stdout + it.stderr, it


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DAYSHEET_CALENDARS_HISTORY_MONTH": "3"}, 'did you mean "history_months"?'),
        ({"DAYSHEET_CALENDAR_HISTORY_MONTHS": "3"}, 'did you mean "DAYSHEET_CALENDARS_HISTORY_MONTHS"?'),
        ({"DAYSHEET_SERVER_PORT": "many"}, "environment variable DAYSHEET_SERVER_PORT"),
        ({"DAYSHEET_CONFIG": "none.ini"}, "none.ini: there is no such file"),
        ({"DAYSHEET_CONFIG": "."}, "the file cannot be read: Is a directory"),
    ],
)
def test_settings_that_cannot_be_used(
    folder: Path, sqlite_template: Path, environment: dict[str, str], told: str
) -> None:
    shutil.copyfile(sqlite_template, folder / "daysheet.db")
    given = {"DAYSHEET_DATABASE_URL": f"sqlite:///{folder}/daysheet.db", **environment}
    ended = walk(folder, given, set())
    check(ended, told)
    doctor = next(it for it in ended if it.command == "doctor")
    assert "sqlite answers" in doctor.stdout, "the database is named and looked at all the same"


@pytest.fixture(scope="module")
def with_password(postgresql: PostgreSQL) -> Iterator[str]:
    """The URL of a database, as a role that needs a password."""
    data = Path(postgresql._server.pgdata)
    rules = data / "pg_hba.conf"
    before = rules.read_text()
    name = postgresql.create()
    with psycopg.connect(postgresql.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE guarded LOGIN PASSWORD {}").format(sql.Literal("right")))
        rules.write_text(f"local all guarded scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        yield postgresql.url(name)
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        postgresql.drop(name)
        connection.execute("DROP ROLE guarded")


def at(url: str, **changed: Any) -> str:
    """The URL with another user, password or database."""
    from sqlalchemy import make_url  # noqa: PLC0415 (only some tests have one)

    return make_url(url).set(**changed).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"host": "127.0.0.1", "port": 1, "query": {}}, "PostgreSQL cannot be reached ("),
        ({"username": "guarded", "password": SECRET}, "PostgreSQL refuses the user or the password"),
        ({"username": "nobody_of_that_name"}, "PostgreSQL refuses the user or the password"),
        ({"database": "not_there"}, 'PostgreSQL has no database "not_there": make it'),
        ({}, "The database has no Daysheet tables"),
    ],
)
def test_a_postgresql_that_cannot_be_used(
    folder: Path, with_password: str, changed: dict[str, Any], told: str
) -> None:
    environment = {"DAYSHEET_DATABASE_URL": at(with_password, **changed), "DAYSHEET_SECURITY_KEY": KEY}
    leave = {"db backup"} if changed else {"db backup", *MAKING}
    check(walk(folder, environment, leave, mortal=False), told)


def test_a_postgresql_whose_host_is_not_known(folder: Path) -> None:
    url = f"postgresql://me:{SECRET}@host.invalid/none"
    cases = {name: [*name.split()] for name in ("user list", "db upgrade", "serve", "worker", "doctor")}
    environment = {"DAYSHEET_DATABASE_URL": url, "DAYSHEET_SECURITY_KEY": KEY}
    check(walking.run(cases, folder, environment), "PostgreSQL cannot be reached (")


def test_a_postgresql_database_of_a_newer_version(
    folder: Path, postgresql: PostgreSQL, postgresql_template: str
) -> None:
    name = postgresql.create(postgresql_template)
    with psycopg.connect(postgresql.url(name), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    environment = {
        "DAYSHEET_DATABASE_URL": postgresql.url(name),
        "DAYSHEET_SECURITY_KEY": KEY,
    }
    check(
        walk(folder, environment, {"db backup"}, mortal=False),
        "a newer Daysheet made it, so install that one",
    )
    postgresql.drop(name)


def test_doctor_names_every_setting_that_cannot_be_used(folder: Path, sqlite_template: Path) -> None:
    shutil.copyfile(sqlite_template, folder / "daysheet.db")
    (folder / "my.ini").write_text(
        f"[database]\nurl = sqlite:///{folder}/daysheet.db\npool_size = none\n"
        "[calendar]\nenabled = yes\n[server]\nport = 1.5\n[templates]\njob_sumary = x\n"
    )
    environment = {"DAYSHEET_CONFIG": "my.ini", "DAYSHEET_DATABSE_URL": f"sqlite:///{SECRET}"}
    (ended,) = walking.run({"doctor": ["doctor", "--json"]}, folder, environment)
    assert (ended.code, ended.stderr) == (1, "")
    assert SECRET not in ended.stdout
    found = json.loads(ended.stdout)["findings"]
    told = [it["text"] for it in found if it["check"] == "settings"]
    assert len(told) == 5
    for words in ("pool_size", "[calendar]", "port", "job_sumary", 'did you mean "DAYSHEET_DATABASE_URL"?'):
        assert sum(words in it for it in told) >= 1, words
    assert {"database", "schema", "integrity", "key", "public URL"} <= {it["check"] for it in found}


def test_doctor_looks_at_no_other_database_than_the_one_meant(folder: Path) -> None:
    (folder / "my.ini").write_text("[database]\nurl = mysql://localhost/daysheet\n")
    (ended,) = walking.run({"doctor": ["doctor", "--json"]}, folder, {"DAYSHEET_CONFIG": "my.ini"})
    found = {it["check"]: it for it in json.loads(ended.stdout)["findings"]}
    assert found["database"]["level"] == "warning"
    assert "not looked at" in found["database"]["text"]
    assert not (folder / "var").exists()
