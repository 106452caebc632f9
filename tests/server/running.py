# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole application over a test's database, in this process or under granian on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.feeds.options import FeedOptions
from server import wsgi
from server.settings import Settings, load
from tests.server.client import Client, basic

ROOT = Path(__file__).parents[2]
KEY = "bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4="
Sections = Mapping[str, Mapping[str, str]]


def ini(database: Database, sections: Sections | None = None) -> str:
    """An ini file for `database`: every item is in the calendars, however old it is."""
    url = database.url.render_as_string(hide_password=False)
    found: dict[str, dict[str, str]] = {
        "database": {"url": url},
        "security": {"key": KEY},
        "calendars": {"history_months": "all"},
    }
    for name, options in (sections or {}).items():
        found.setdefault(name, {}).update(options)
    return "".join(
        f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        for name, options in found.items()
    )


@dataclass
class Running:
    """The application, who uses it, and its database."""

    settings: Settings
    passwords: dict[str, str] = field(default_factory=dict)

    @cached_property
    def application(self) -> wsgi.Server:
        return wsgi.create(self.settings)

    @property
    def database(self) -> Database:
        return self.settings.database()

    def password(self, username: str) -> str:
        """An app password of the user, made when first asked for."""
        if username not in self.passwords:
            with self.database.write() as connection:
                user = users.get(connection, username)
                _, text = credentials.create_app_password(
                    connection, self.settings.keyring(), user.id, "Test", actor=SYSTEM
                )
            self.passwords[username] = text
        return self.passwords[username]

    def client(self, username: str | None = None, address: str = "127.0.0.1") -> Client:
        """A client that says it is `username`, or nobody."""
        authorization = None if username is None else basic(username, self.password(username))
        return Client(self.application, authorization, address)

    def set_password(self, username: str, password: str) -> None:
        with self.database.write() as connection:
            credentials.set_password(connection, users.get(connection, username).id, password, actor=SYSTEM)

    def feed(
        self, username: str, label: str = "Phone", options: FeedOptions | None = None
    ) -> tuple[int, str]:
        """A new feed: its id and token."""
        with self.database.write() as connection:
            user = users.get(connection, username)
            feed, token = feeds.create(
                connection, self.settings.keyring(), user.id, label, options, actor=SYSTEM
            )
        return feed.id, token


def start(folder: Path, database: Database, sections: Sections | None = None) -> Running:
    """The application with its ini file in `folder`."""
    file = folder / "daysheet.ini"
    file.write_text(ini(database, sections), encoding="utf-8")
    return Running(load(file, {}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(
    command: list[str], url: str, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it is there once `url` answers anything."""
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, *command],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
            start_new_session=True,
        )
    try:
        _await(url, child, log)
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _await(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 (our own URL)
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.05)
                break
    raise AssertionError(log.read_text(errors="replace"))


@contextmanager
def granian(running: Running, log: Path) -> Iterator[str]:
    """The application over real HTTP: its base URL."""
    port = free_port()
    command = [
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--factory",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--blocking-threads",
        "4",
        "server.wsgi:from_environment",
    ]
    url = f"http://127.0.0.1:{port}"
    with process(command, f"{url}/healthz", log, {"DAYSHEET_CONFIG": str(running.settings.source)}):
        yield url
