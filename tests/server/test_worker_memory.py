# SPDX-License-Identifier: GPL-3.0-or-later
"""Long answers do not stay in a worker's memory, one for every thread that made or sent one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.running import ROOT, free_port, process, start

THREADS = 8
ARENA = 2**26
"""Octets of address space that glibc reserves for an arena of a thread, at a multiple of it (malloc(3))."""
_MAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$", re.MULTILINE)


def _arenas(pid: int) -> int:
    """How many arenas of threads the children of a process have: the workers (proc(5))."""
    found = 0
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        maps = Path(f"/proc/{child}/maps").read_text()
        starts = [int(start, 16) for start, _ in _MAP.findall(maps)]
        found += sum(start % ARENA == 0 for start in starts)
    return found


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or "CS_GNU_LIBC_VERSION" not in os.confstr_names,
    reason="the arenas are glibc's, and read from /proc",
)
def test_the_threads_of_a_worker_share_their_memory(sqlite_database: Database, tmp_path: Path) -> None:
    with Dispatch.connect(sqlite_database.url) as dispatch:
        user = dispatch.user("anna")
        for number in range(200):
            dispatch.blocker(user, title=f"Visit {number}", notes="note " * 2000)
    running = start(tmp_path, sqlite_database)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "server.cli", "serve", "--port", str(port), "--workers", "1", "--threads", str(THREADS)]
    auth = ("anna", running.password("anna"))
    given = {"DAYSHEET_CONFIG": str(running.settings.source)}
    with process([*command, "--no-importer"], f"{url}/healthz", tmp_path / "log", given) as server:

        def read(_number: int) -> int:
            answer = httpx.get(f"{url}/dav/anna/blockers/", auth=auth, trust_env=False, timeout=60)
            assert answer.text.count("BEGIN:VEVENT") == 200
            return len(answer.content)

        with ThreadPoolExecutor(THREADS) as clients:
            assert len(set(clients.map(read, range(4 * THREADS)))) == 1
        assert _arenas(server.pid) == 0


def test_the_allocator_of_the_wsgi_server_is_loaded_after_its_settings() -> None:
    code = "import sys, server.cli, server.cli.serve, server.serving; print('granian' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "False\n"
