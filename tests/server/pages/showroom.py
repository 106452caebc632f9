# SPDX-License-Identifier: GPL-3.0-or-later
"""A demo schedule that is served over real HTTP for as long as the tests last: tests that only look share it.

What a test changes here, others see: it gives itself a user of its own (`Showroom.user`), or uses `running`.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from server.cli.operation.demo import create
from tests.scheduling.actors_of import BUILT_IN
from tests.server.pages.people import begin
from tests.server.running import Running, free_port, process, start

PASSWORD = "correct horse battery"


@dataclass
class Showroom:
    """Where it is. Each role has a user called like it, with the password `PASSWORD`; members of the demo have jobs."""

    url: str
    running: Running
    people: list[str]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self, username: str) -> str:
        """A session of the user."""
        return begin(self.running, username)

    def user(self, role: str = "member") -> str:
        """A new user with the password `PASSWORD`, in Berlin."""
        name = f"{role}-{next(self.numbers)}"
        _add(self.running, name, role)
        return name


def _add(running: Running, name: str, role: str) -> None:
    with running.database.write() as connection:
        users.create(
            connection,
            username=name,
            display_name=name.title(),
            time_zone="Europe/Berlin",
            role=role,
            actor=SYSTEM,
        )
        user = users.get(connection, name)
        credentials.set_password(connection, user.id, PASSWORD, actor=SYSTEM)


@contextmanager
def _open(database: Database, folder: Path) -> Iterator[Showroom]:
    port = free_port()
    running = start(folder, database, {"server": {"public_url": f"http://127.0.0.1:{port}"}})
    made = create(running.settings, users_wanted=5, jobs=20, seed=1, progress=lambda _: None, actor=SYSTEM)
    for role in BUILT_IN:
        _add(running, role, role)
    command = ["-m", "server.cli", "serve", "--port", str(port), "--threads", "4"]
    environ = {"DAYSHEET_CONFIG": str(running.settings.source)}
    with process(command, f"http://127.0.0.1:{port}/healthz", folder / "serve.log", environ):
        yield Showroom(f"http://127.0.0.1:{port}", running, [it.username for it in made])
    running.database.dispose()


@pytest.fixture(scope="session")
def sqlite_showroom(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    """On SQLite."""
    folder = tmp_path_factory.mktemp("showroom")
    shutil.copyfile(sqlite_template, folder / "daysheet.db")
    with _open(Database(f"sqlite:///{folder / 'daysheet.db'}"), folder) as room:
        yield room


@pytest.fixture(scope="session")
def postgresql_showroom(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Showroom]:
    """On PostgreSQL."""
    server = request.getfixturevalue("postgresql")
    name = server.create(request.getfixturevalue("postgresql_template"))
    with _open(Database(server.url(name)), tmp_path_factory.mktemp("showroom-pg")) as room:
        yield room
    server.drop(name)


@pytest.fixture(params=["sqlite"])
def showroom(request: pytest.FixtureRequest) -> Showroom:
    """On SQLite; the main ways say `@pytest.mark.parametrize("showroom", BOTH, indirect=True)`."""
    found: Showroom = request.getfixturevalue(f"{request.param}_showroom")
    return found


BOTH = ["sqlite", "postgresql"]
