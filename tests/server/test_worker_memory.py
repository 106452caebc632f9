# SPDX-License-Identifier: GPL-3.0-or-later
"""Long answers do not stay in a worker's memory, one for every thread that made or sent one."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from scheduling.database import Database
from tests.factories import Dispatch
from tests.server.running import free_port, process, start

MIB = 2**20
EVENTS, NOTES = 600, 10_000
THREADS = 8
MOST = 75 * MIB
"""The calendar (6 MiB) is kept, and some copies for a second; with one for every thread it was 105 and 170 MiB."""


def _resident(pid: int) -> int:
    """The resident octets of the largest child of the process: the worker (proc(5))."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    return max(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has")
def test_long_answers_leave_a_worker_small(database: Database, tmp_path: Path) -> None:
    with Dispatch.connect(database.url) as dispatch:
        user = dispatch.user("anna")
        for number in range(EVENTS):
            dispatch.blocker(user, title=f"Visit {number}", notes=f"{number} " * (NOTES // len(f"{number} ")))
    running = start(tmp_path, database)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "server.cli", "serve", "--port", str(port), "--workers", "1", "--threads", str(THREADS)]
    command.append("--no-importer")
    auth = ("anna", running.password("anna"))
    given = {"DAYSHEET_CONFIG": str(running.settings.source)}
    with process(command, f"{url}/healthz", tmp_path / "log", given) as server:

        def read(_number: int) -> int:
            answer = httpx.get(f"{url}/dav/anna/blockers/", auth=auth, trust_env=False, timeout=60)
            assert answer.text.count("BEGIN:VEVENT") == EVENTS
            return len(answer.content)

        size = read(0)
        assert size > EVENTS * NOTES
        before = _resident(server.pid)
        with ThreadPoolExecutor(THREADS) as clients:
            assert set(clients.map(read, range(6 * THREADS))) == {size}
        grown = _resident(server.pid) - before
        assert grown < MOST, f"{before / MIB:.0f} MiB, then {grown / MIB:.0f} more"
