# SPDX-License-Identifier: GPL-3.0-or-later
"""Daysheet as a peer, over either database, as `daysheet serve` runs it when nothing is configured but the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.schedules.schedule import SLUG, USER, Row, write
from benchmarks.servers import process
from benchmarks.servers.peers import ROOT, Peer
from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.database import schema
from scheduling.snapshot import Snapshot
from server.settings import Settings, load


def install(folder: Path, url: str, rows: Sequence[Row]) -> tuple[Settings, str]:
    """Fill the database at `url`, a SQLite path or a libpq URL; returns its settings and an app password."""
    settings = load(None, environment(folder, url))
    database = settings.database()
    schema.upgrade(database)
    write(url, rows)
    with database.write() as connection:
        user = users.get(connection, USER)
        _, password = credentials.create_app_password(
            connection, settings.keyring(), user.id, "benchmark", actor=SYSTEM
        )
    with Snapshot(database, settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.calendars(USER)
    return settings, password


def texts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name and iCalendar text of every object in the calendar."""
    with Snapshot(settings.database(), settings.config, followers=FOLLOWERS) as snapshot:
        state = snapshot.calendar(USER, SLUG)
        assert state is not None
        for stored in objects.all_objects(snapshot.connection, state.id, state.cutoff):
            yield stored.name, stored.calendar


@contextmanager
def running(
    name: str, folder: Path, url: str, password: str, database_pids: Sequence[int] = ()
) -> Iterator[Peer]:
    """The server over the database at `url`."""
    with server(folder, url) as started:
        yield Peer(
            name=name,
            server=started,
            home=f"/dav/{USER}/",
            database_pids=database_pids,
            password=password,
        )


def server(folder: Path, url: str, *options: str) -> process.Server:
    """`daysheet serve` with `options`; it is not started yet."""
    return serving(environment(folder, url), folder / "output", *options)


def serving(given: Mapping[str, str], output: Path, *options: str) -> process.Server:
    """As `server`, with other settings."""
    port = process.free_port()
    return process.Server(
        command("serve", *options),
        port=port,
        environment={**inherited(), **given, "DAYSHEET_SERVER_PORT": str(port)},
        output=output,
    )


def command(*arguments: str) -> tuple[str, ...]:
    """`daysheet` with `arguments`, from this checkout."""
    return sys.executable, "-m", "server.cli", *arguments


def environment(folder: Path, url: str) -> Mapping[str, str]:
    """The settings as environment variables."""
    return {
        "DAYSHEET_DATABASE_URL": url if url.startswith("postgresql") else f"sqlite:///{url}",
        "DAYSHEET_SECURITY_KEY_FILE": str(folder / "daysheet.key"),
        "DAYSHEET_CALENDARS_HISTORY_MONTHS": "all",
        "DAYSHEET_SERVER_LOG_LEVEL": "warning",
    }


def inherited() -> Mapping[str, str]:
    """The environment without settings of ours, and with this checkout as the place of Python's modules."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("DAYSHEET_")}
    return {**own, "PYTHONPATH": str(ROOT)}
