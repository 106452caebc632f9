# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk below the SQLite file is full: writers are told to come later, readers go on, and afterwards all is well."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduling.database.connection import Database
from tests.server import fixtures
from tests.server.api.conftest import api_of
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving

database = fixtures.sqlite_alone
POLL = b'<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>'


def answer(served: Served, request: bytes) -> tuple[int, bytes]:
    """Status and head of what comes back."""
    with served.connect(timeout=PATIENCE) as client:
        client.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            part = client.recv(4096)
            assert part, "the server hung up"
            received += part
    return int(received.split()[1]), received.partition(b"\r\n\r\n")[0].lower()


def write(served: Served, key: str, title: str) -> tuple[int, bytes]:
    period = {"starts_at": "2030-01-01T08:00:00Z", "ends_at": "2030-01-01T09:00:00Z"}
    body = json.dumps({"user": "anna", "title": title, **period}).encode()
    lines = (f"Authorization: Bearer {key}\r\n", "Content-Type: application/json\r\n")
    return answer(served, head("POST", "/api/v1/blockers", *lines, f"Content-Length: {len(body)}\r\n") + body)


def poll(served: Served) -> int:
    lines = (served.login("anna"), "Depth: 0\r\n", f"Content-Length: {len(POLL)}\r\n")
    return answer(served, head("PROPFIND", "/dav/anna/jobs/", *lines) + POLL)[0]


def processes(served: Served) -> list[int]:
    return [served.child.pid, *served.workers()]


def fill(served: Served, size: int) -> None:
    """Let no file of the server grow beyond `size`, as a disk without space does."""
    for pid in processes(served):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


def empty(served: Served) -> None:
    for pid in processes(served):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.usefixtures("people")
def test_a_full_disk_stops_writers_only_and_harms_nothing(
    configured: Callable[[Sections], Running], database: Database, tmp_path: Path
) -> None:
    running = configured({"server": {"threads": "4"}})
    key = str(api_of(running).secret)
    running.password("anna")
    written = []
    with serving(running, tmp_path) as served:
        assert write(served, key, "before")[0] == 201
        written.append("before")
        assert poll(served) == 207
        fill(served, 1)
        for number in range(5):
            status, told = write(served, key, f"full {number}")
            assert status == 503, told
            assert b"retry-after: " in told
            assert b"ok" in served.get("/healthz")
            assert poll(served) == 207
        empty(served)
        for number in range(3):
            assert write(served, key, f"after {number}")[0] == 201
            written.append(f"after {number}")
        assert poll(served) == 207
    with database.read() as connection:
        assert list(connection.scalars(text("SELECT title FROM blockers ORDER BY id"))) == written
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert "Traceback" not in served.log.read_text()
