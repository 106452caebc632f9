# SPDX-License-Identifier: GPL-3.0-or-later
"""The work for clients that have hung up ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving, status

database = fixtures.sqlite_alone
THREADS = 4
ITEMS = 2000
# Radicale answers it, object by object, since partial data is none of the fast answers with this filter.
SLOW = (
    b'<calendar-query xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><calendar-data/></D:prop>'
    b'<filter><comp-filter name="VCALENDAR"><comp-filter name="VEVENT"><prop-filter name="SUMMARY">'
    b"<text-match>nothing of the kind</text-match></prop-filter></comp-filter></comp-filter></filter></calendar-query>"
)


@pytest.fixture
def large(sqlite_database: Database, people: dict[str, int]) -> None:
    with Dispatch.connect(sqlite_database.url) as dispatch, dispatch.transaction():
        for number in range(ITEMS):
            dispatch.blocker(people["anna"], title=f"Visit {number}")


def _cpu(served: Served) -> float:
    """Seconds that its workers have worked (proc(5))."""
    ticks = 0
    for pid in served.workers():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


@pytest.mark.usefixtures("large")
def test_the_work_for_clients_that_are_gone_ends(
    configured: Callable[[Sections], Running], tmp_path: Path
) -> None:
    with serving(configured({"server": {"threads": str(THREADS)}}), tmp_path) as served:
        request = head(
            "REPORT",
            "/dav/anna/blockers/",
            served.login("anna"),
            "Depth: 1\r\n",
            f"Content-Length: {len(SLOW)}\r\n",
        )
        while True:  # until it is caught up
            with served.connect() as client:
                client.sendall(request + SLOW)
                if status(client) == 207:
                    break
        before = _cpu(served)
        with served.connect() as client:
            client.sendall(request + SLOW)
            assert status(client) == 207
        one = _cpu(served) - before
        for _ in range(20 * THREADS):
            with served.connect() as client:
                client.sendall(request + SLOW)
        before = _cpu(served)
        assert b"ready" in served.get("/readyz", timeout=3 * PATIENCE)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            now = _cpu(served)
            time.sleep(1.5)
            if _cpu(served) - now < 0.1:
                break
        spent = _cpu(served) - before
        assert spent < 20 * THREADS * one / 2, (spent, one)
