# SPDX-License-Identifier: GPL-3.0-or-later
"""While somebody holds the database's lock, writers and readers of calendars that are behind are refused, and everybody
else goes on.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import text

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.api.conftest import api_of
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving, status

database = fixtures.sqlite_alone
THREADS = 6
POLL = b'<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>'


def _write(served: Served, key: str) -> socket.socket:
    """A connection on which somebody has asked for a change."""
    body = json.dumps(
        {"user": "anna", "title": "x", "starts_at": "2030-01-01T08:00:00Z", "ends_at": "2030-01-01T09:00:00Z"}
    ).encode()
    lines = (f"Authorization: Bearer {key}\r\n", "Content-Type: application/json\r\n")
    connection = served.connect()
    connection.sendall(head("POST", "/api/v1/blockers", *lines, f"Content-Length: {len(body)}\r\n") + body)
    return connection


def _ask(served: Served, calendar: str) -> socket.socket:
    """A connection on which a client polls a calendar of anna's."""
    length = f"Content-Length: {len(POLL)}\r\n"
    lines = (served.login("anna"), "Depth: 0\r\n", length)
    connection = served.connect(timeout=PATIENCE)
    connection.sendall(head("PROPFIND", f"/dav/anna/{calendar}/", *lines) + POLL)
    return connection


def _poll(served: Served, calendar: str = "jobs") -> int:
    with _ask(served, calendar) as client:
        return status(client)


def test_a_locked_database_stops_no_reader(
    configured: Callable[[Sections], Running], people: dict[str, int], database: Database, tmp_path: Path
) -> None:
    running = configured({"server": {"threads": str(THREADS)}, "database": {"busy_timeout": "30s"}})
    key = str(api_of(running).secret)
    with ExitStack() as stack:
        served = stack.enter_context(serving(running, tmp_path))
        with _write(served, key) as client:
            assert status(client) == 201
        assert _poll(served) == 207
        lock = stack.enter_context(database.engine.connect())
        lock.execute(text("UPDATE users SET display_name = 'locked' WHERE username = 'bo'"))
        began = time.monotonic()
        writers = [stack.enter_context(_write(served, key)) for _ in range(4 * THREADS)]
        for _ in range(5):
            assert b"ok" in served.get("/healthz")
            assert b"ready" in served.get("/readyz")
            assert _poll(served) == 207
        refused = writers[THREADS // 2 :]
        answers = [it.recv(4096) for it in refused if _answered(it)]
        assert len(answers) >= 3 * THREADS, "the rest do not wait for the lock"
        assert all(it.startswith(b"HTTP/1.1 503") and b"retry-after: " in it.lower() for it in answers)
        assert time.monotonic() - began < 2 * PATIENCE
        lock.rollback()
        assert _written_at_last(served, key)


def test_readers_of_a_calendar_that_is_behind_stop_nobody_else(
    configured: Callable[[Sections], Running], people: dict[str, int], database: Database, tmp_path: Path
) -> None:
    running = configured({"server": {"threads": str(THREADS)}, "database": {"busy_timeout": "30s"}})
    with ExitStack() as stack:
        served = stack.enter_context(serving(running, tmp_path))
        assert (_poll(served, "jobs"), _poll(served, "blockers")) == (207, 207)
        with Dispatch.connect(database.url) as dispatch:
            dispatch.job(people["anna"])
        lock = stack.enter_context(database.engine.connect())
        lock.execute(text("UPDATE users SET display_name = 'locked' WHERE username = 'bo'"))
        began = time.monotonic()
        readers = [stack.enter_context(_ask(served, "jobs")) for _ in range(4 * THREADS)]
        for _ in range(5):
            assert b"ok" in served.get("/healthz")
            assert b"ready" in served.get("/readyz")
            assert _poll(served, "blockers") == 207
        held = 1 + THREADS // 4
        answers = [it.recv(4096) for it in readers if _answered(it)]
        assert len(answers) == len(readers) - held, "one is at it, and so many wait for the one"
        assert all(it.startswith(b"HTTP/1.1 503") and b"retry-after: " in it.lower() for it in answers)
        assert time.monotonic() - began < 2 * PATIENCE
        lock.rollback()
        assert _poll_at_last(served) == 207


def _poll_at_last(served: Served) -> int:
    """What a reader gets that comes again as long as it is told to."""
    for _ in range(50):
        found = _poll(served)
        if found != 503:
            break
        time.sleep(0.2)
    return found


def _written_at_last(served: Served, key: str) -> bool:
    """Whether a writer that does as Retry-After says gets in: SQLite looks at the lock again every 0.1 seconds."""
    for _ in range(50):
        with _write(served, key) as client:
            found = status(client)
        if found == 201:
            return True
        assert found == 503
        time.sleep(0.2)
    return False


def _answered(client: socket.socket) -> bool:
    client.settimeout(1)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        client.settimeout(60)
