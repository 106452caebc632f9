# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that do not take their answers hold no thread and little memory, and are dropped."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving

database = fixtures.sqlite_alone
THREADS = 4
ITEMS, NOTES = 300, 20_000
QUERY = (
    b'<calendar-query xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><calendar-data/></D:prop>'
    b'<filter><comp-filter name="VCALENDAR"/></filter></calendar-query>'
)


@pytest.fixture
def large(sqlite_database: Database, people: dict[str, int]) -> None:
    """A calendar of 6 MB."""
    with Dispatch.connect(sqlite_database.url) as dispatch:
        for number in range(ITEMS):
            dispatch.blocker(people["anna"], title=f"Visit {number}", notes="note " * (NOTES // 5))


def _memory(served: Served) -> int:
    """Octets that its workers hold (proc(5))."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in served.workers()]
    return sum(1024 * int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) for text in texts)


def _requests(served: Served) -> list[bytes]:
    login = served.login("anna")
    report = head("REPORT", "/dav/anna/blockers/", login, "Depth: 1\r\n", f"Content-Length: {len(QUERY)}\r\n")
    return [report + QUERY, head("GET", "/dav/anna/blockers/", login)]


@pytest.mark.parametrize("request_number", [0, 1], ids=["query", "whole"])
@pytest.mark.usefixtures("large")
def test_answers_that_are_not_taken_stop_nobody(
    configured: Callable[[Sections], Running], tmp_path: Path, request_number: int
) -> None:
    settings = {"server": {"threads": str(THREADS), "send_timeout": "4s", "waiting_memory": "16MB"}}
    with ExitStack() as stack:
        served = stack.enter_context(serving(configured(settings), tmp_path))
        wanted = _requests(served)[request_number]
        with served.connect() as client:  # the first catches up
            client.sendall(wanted)
            _whole(client)
        before = _memory(served)
        slow = [stack.enter_context(served.connect(receive_buffer=4096)) for _ in range(40)]
        for client in slow:
            client.sendall(wanted)
        for client in slow:
            assert client.recv(8).startswith(b"HTTP/1.1"), "it has begun, and is not taken further"
        assert b"ready" in served.get("/readyz")
        grown = _memory(served) - before
        assert grown < 40 * ITEMS * NOTES / 2, "what waits is in files, or in memory once for all"
        _dropped(slow)
        assert b"ready" in served.get("/readyz")


def test_who_reads_slowly_but_steadily_gets_everything(
    configured: Callable[[Sections], Running], tmp_path: Path, large: None
) -> None:
    with serving(configured({"server": {"send_timeout": "2s"}}), tmp_path) as served:
        for wanted in _requests(served):
            with served.connect(receive_buffer=2**16) as client:
                client.sendall(wanted)
                assert _whole(client, pause=0.02) > ITEMS * NOTES


def _dropped(slow: list[socket.socket]) -> None:
    """Wait until the server has hung up on all of them, which shows when what was on its way has been read."""
    deadline = time.monotonic() + 3 * PATIENCE
    left = list(slow)
    while left and time.monotonic() < deadline:
        time.sleep(0.2)
        left = [it for it in left if _established(it)]
    assert not left


def _established(client: socket.socket) -> bool:
    """Whether neither side has hung up, without reading anything (tcp(7), TCP_INFO: its first octet is the state)."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1


def _whole(client: socket.socket, pause: float = 0) -> int:
    """Octets of the answer, by its Content-Length."""
    received = 0
    wanted: int | None = None
    beginning = b""
    while wanted is None or received < wanted:
        part = client.recv(2**16)
        assert part, "hung up"
        received += len(part)
        if wanted is None:
            beginning += part
            if b"\r\n\r\n" in beginning:
                found = re.search(rb"content-length: (\d+)", beginning.lower())
                assert found is not None
                wanted = beginning.index(b"\r\n\r\n") + 4 + int(found[1])
        time.sleep(pause)
    return received
