# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the server at any moment: nothing committed is lost, and the next start serves the schedule as it is."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.config.sections import Config, SecuritySettings
from scheduling.database.connection import Database
from tests.factories import Dispatch

ROUNDS = 4
_ATTEMPTS = 20
"""How often a client asks again that is told to come back later (503)."""
_LISTING = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Client:
    """A CalDAV client that keeps what it has synchronised, as calendar apps do."""

    def __init__(self, port: int, username: str, password: str) -> None:
        self._port = port
        self._auth = (username, password)
        self.token = ""
        self.held: dict[str, str] = {}

    def request(self, method: str, path: str, body: str = "", depth: str = "0") -> tuple[int, str]:
        with httpx.Client(auth=self._auth, trust_env=False, timeout=30) as client:
            url = f"http://127.0.0.1:{self._port}{path}"
            for _ in range(_ATTEMPTS):
                answer = client.request(method, url, content=body, headers={"Depth": depth})
                if answer.status_code != 503:
                    break
                assert answer.headers["Retry-After"].isdecimal()
                time.sleep(1)  # sooner than it says
            return answer.status_code, answer.text

    def synchronise(self) -> None:
        body = (
            f'<sync-collection xmlns="DAV:"><sync-token>{self.token}</sync-token><sync-level>1</sync-level>'
            "<prop><getetag/></prop></sync-collection>"
        )
        status, answer = self.request("REPORT", "/dav/anna/jobs/", body)
        assert status == 207, answer
        for href, etag in re.findall(
            r"<response><href>([^<]*)</href>(?:<propstat><prop><getetag>([^<]*)|<status>)", answer
        ):
            self.held.pop(href, None) if not etag else self.held.__setitem__(href, etag)
        found = re.search(r"<sync-token>([^<]*)", answer)
        assert found is not None
        self.token = found[1]

    def listing(self) -> dict[str, str]:
        status, answer = self.request("PROPFIND", "/dav/anna/jobs/", _LISTING, depth="1")
        assert status == 207, answer
        return dict(
            re.findall(r"<response><href>([^<]*\.ics)</href><propstat><prop><getetag>([^<]*)", answer)
        )


@contextmanager
def _server(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(  # noqa: S603
        command,
        env={**os.environ, **environment},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield process
    finally:
        with _gone():
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _gone() -> Iterator[None]:
    with suppress(ProcessLookupError):
        yield


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the server did not become ready")


def _change(url: Database, stop: threading.Event, seed: int, user: int) -> None:
    """The dispatch application at work: inserts, moves, cancellations and deletions until told to stop."""
    chance = random.Random(seed)  # noqa: S311
    with Dispatch.connect(url.url) as dispatch:
        while not stop.is_set():
            action = chance.random()
            if action < 0.5:
                number = chance.randrange(10**9)
                dispatch.job(user, reference=f"J-{seed}-{number}", **_ahead(number))
            elif action < 0.8:
                dispatch.execute(
                    "UPDATE jobs SET notes = :notes WHERE id % 7 = :rest",
                    notes=str(chance.random()),
                    rest=chance.randrange(7),
                )
            elif action < 0.9:
                dispatch.execute(
                    "UPDATE jobs SET status = 'cancelled' WHERE id % 11 = :rest", rest=chance.randrange(11)
                )
            else:
                dispatch.execute("DELETE FROM jobs WHERE id % 13 = :rest", rest=chance.randrange(13))


def _ahead(number: int) -> dict[str, str]:
    """A period in the coming year, inside every history window."""
    start = datetime.now(UTC) + timedelta(hours=number % 8000)
    return {
        name: f"{moment:%Y-%m-%d %H:%M:%S}+00:00"
        for name, moment in (("starts_at", start), ("ends_at", start + timedelta(hours=1)))
    }


def test_kill_9_of_the_server_loses_nothing(database: Database, tmp_path: Path) -> None:
    config = Config(security=SecuritySettings(key_file=tmp_path / "key"))
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        _, password = credentials.create_app_password(
            connection, Keyring.open(config), user.id, "test", actor=SYSTEM
        )
    environment = {
        "DAYSHEET_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "DAYSHEET_SECURITY_KEY_FILE": str(tmp_path / "key"),
    }
    chance = random.Random(7)  # noqa: S311
    client: Client | None = None
    for number in range(ROUNDS):
        port = _free_port()
        with _server(environment, port) as process:
            previous, client = client, Client(port, "anna", password)
            if previous is not None:
                client.token, client.held = previous.token, previous.held
            client.synchronise()
            stop = threading.Event()
            writer = threading.Thread(target=_change, args=(database, stop, number, user.id))
            killer = threading.Timer(0.2 + chance.random(), os.killpg, (process.pid, signal.SIGKILL))
            writer.start()
            killer.start()
            try:
                while True:
                    client.synchronise()
            except httpx.HTTPError:
                pass  # killed in the middle of an answer: what was held before still counts
            killer.join()
            stop.set()
            writer.join()
    assert client is not None
    port = _free_port()
    with _server(environment, port):
        survivor = Client(port, "anna", password)
        survivor.token, survivor.held = client.token, client.held
        survivor.synchronise()
        listing = survivor.listing()
    assert survivor.held == listing
    with database.read() as connection:
        shown = "SELECT count(*) FROM jobs j JOIN job_assignments a ON a.job_id = j.id WHERE j.status = 'confirmed'"
        assert len(listing) == connection.scalar(text(shown)) > 0
        if database.is_sqlite:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"


def test_nothing_is_left_behind_by_a_killed_server(sqlite_database: Database, tmp_path: Path) -> None:
    """Neither workers, which would hold the port, nor the importer."""
    environment = {
        "DAYSHEET_DATABASE_URL": sqlite_database.url.render_as_string(hide_password=False),
        "DAYSHEET_SECURITY_KEY_FILE": str(tmp_path / "key"),
    }
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "server.cli",
        "serve",
        "--port",
        str(port),
        "--workers",
        "2",
        "--importer",
    ]
    with subprocess.Popen(  # noqa: S603
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        _wait(port, process)
        os.kill(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        # Ends when the last process that holds the other end has ended; the importer says what it did first.
        assert b"0 imported" in process.stdout.read()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=5)


def test_an_importer_whose_server_was_killed_before_it_watched_it_ends(
    sqlite_database: Database, tmp_path: Path
) -> None:
    ended = subprocess.Popen(["true"])  # noqa: S607
    ended.wait()
    environment = {
        "DAYSHEET_DATABASE_URL": sqlite_database.url.render_as_string(hide_password=False),
        "DAYSHEET_SECURITY_KEY_FILE": str(tmp_path / "key"),
        "DAYSHEET_SUPERVISOR": str(ended.pid),
    }
    run = subprocess.run(
        [sys.executable, "-m", "server.cli", "importer"],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"0 imported" in run.stdout
