# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that are compared: Daysheet on either database and vanilla Radicale, with the same calendar."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import process
from benchmarks.schedule import SLUG, USER, Row, write
from scheduling import credentials, objects, schema, users
from scheduling.snapshot import Snapshot
from server.settings import Settings, load

ROOT = Path(__file__).parent.parent
_PASSWORD = "bench-password"  # noqa: S105
_RADICALE = """\
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}/storage
[web]
type = none
[logging]
level = warning
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A running server.

    `collection` is the calendar's path, `roots` the processes whose time counts (a database server's too),
    `root` the one whose memory does.
    """

    name: str
    port: int
    collection: str
    root: int
    roots: Sequence[int]
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header (RFC 7617)."""
        return "Basic " + b64encode(f"{USER}:{self.password}".encode()).decode()


def install(folder: Path, url: str, rows: Sequence[Row]) -> tuple[Settings, str]:
    """Fill the database at `url`, a SQLite path or a libpq URL; returns its settings and an app password."""
    settings = load(None, _settings(folder, url))
    database = settings.database()
    schema.upgrade(database)
    write(url, rows)
    with database.write() as connection:
        user = users.get(connection, USER)
        _, password = credentials.create_app_password(connection, settings.keyring(), user.id, "benchmark")
    with Snapshot(database, settings.config) as snapshot:
        snapshot.calendar(USER, SLUG)
    return settings, password


def texts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name and iCalendar text of every object in the calendar."""
    with Snapshot(settings.database(), settings.config) as snapshot:
        state = snapshot.calendar(USER, SLUG)
        assert state is not None
        for stored in objects.all_objects(snapshot.connection, state.id, state.cutoff):
            yield stored.name, stored.calendar


@contextmanager
def daysheet(
    name: str, folder: Path, url: str, password: str, database_pids: Sequence[int] = ()
) -> Iterator[Peer]:
    """Daysheet over the database at `url`, as `daysheet serve` runs it."""
    port = process.free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DAYSHEET_")}
    environment = {
        **inherited,
        **_settings(folder, url),
        "DAYSHEET_SERVER_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    command = (sys.executable, "-m", "server.cli", "serve")
    with process.server(command, port=port, environment=environment, output=folder / "output") as pid:
        yield Peer(
            name=name,
            port=port,
            collection=f"/dav/{USER}/{SLUG}/",
            root=pid,
            roots=(pid, *database_pids),
            password=password,
        )


@contextmanager
def radicale(folder: Path, files: Iterable[tuple[str, str]]) -> Iterator[Peer]:
    """Radicale with its own storage, one file per object, and its own server."""
    port = process.free_port()
    collection = folder / "storage" / "collection-root" / USER / SLUG
    collection.mkdir(parents=True)
    (collection / ".Radicale.props").write_text(json.dumps({"tag": "VCALENDAR", "D:displayname": "Blocked"}))
    for file, text in files:
        (collection / file).write_bytes(text.encode())
    (folder / "users").write_text(f"{USER}:{_PASSWORD}\n")
    (folder / "config").write_text(_RADICALE.format(port=port, folder=folder))
    command = (sys.executable, "-m", "radicale", "--config", str(folder / "config"))
    with process.server(command, port=port, environment=os.environ, output=folder / "output") as pid:
        yield Peer(
            name="radicale",
            port=port,
            collection=f"/{USER}/{SLUG}/",
            root=pid,
            roots=(pid,),
            password=_PASSWORD,
        )


def _settings(folder: Path, url: str) -> Mapping[str, str]:
    return {
        "DAYSHEET_DATABASE_URL": url if url.startswith("postgresql") else f"sqlite:///{url}",
        "DAYSHEET_SECURITY_KEY_FILE": str(folder / "daysheet.key"),
        "DAYSHEET_CALENDARS_HISTORY_MONTHS": "all",
        "DAYSHEET_SERVER_LOG_LEVEL": "warning",
    }
