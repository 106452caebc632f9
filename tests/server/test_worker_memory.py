# SPDX-License-Identifier: GPL-3.0-or-later
"""Long answers do not stay in a worker's memory, one for every thread that made or sent one."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.running import ROOT, free_port, process, start

THREADS = 8
ARENA = 2**26
"""Octets of address space that glibc reserves for an arena of a thread, at a multiple of it (malloc(3))."""
_MAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$", re.MULTILINE)
_HEAP = struct.Struct("@PPNN")
"""The beginning of glibc's `heap_info`: its arena, the heap before it, its size, and how much of it may be written."""
_HEADERS = 256
"""An arena's own record follows within these octets the `heap_info` of its first heap."""


def _is_heap(memory: BinaryIO, address: int, end: int) -> bool:
    """Whether glibc made a heap of a thread's arena at this address: its first words say so."""
    memory.seek(address)
    arena, before, size, writable = _HEAP.unpack(memory.read(_HEAP.size))
    first = before == 0 and address < arena <= address + _HEADERS
    later = before != 0 and before % ARENA == 0
    return (first or later) and 0 < size <= writable <= end - address


def _arenas(pid: int) -> int:
    """How many heaps a process has that belong to arenas of threads (proc(5))."""
    mappings = [(int(start, 16), int(end, 16)) for start, end in _MAP.findall(_maps(pid))]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        return sum(
            _is_heap(memory, address, end)
            for start, end in mappings
            for address in range(-(-start // ARENA) * ARENA, end, ARENA)
        )


def _maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def _workers(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


ONLY_GLIBC = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "CS_GNU_LIBC_VERSION" not in os.confstr_names,
    reason="the arenas are glibc's, and read from /proc",
)


_KEEPS_MEMORY = f"""
import ctypes, mmap, sys, threading
allocate = ctypes.CDLL(None).malloc
threads = [threading.Thread(target=lambda: (allocate(1000), sys.stdin.read())) for _ in range(3)]
mapping = mmap.mmap(-1, {2 * ARENA})
for thread in threads:
    thread.start()
print("ready", flush=True)
"""
"""A program whose threads keep memory, beside a large mapping that has nothing to do with the allocator."""


@ONLY_GLIBC
@pytest.mark.parametrize(("bound", "found"), [("", 3), ("1", 0)])
def test_arenas_are_counted_and_other_mappings_are_not(bound: str, found: int) -> None:
    environment = {**os.environ, **({"MALLOC_ARENA_MAX": bound} if bound else {})}
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _KEEPS_MEMORY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            assert _arenas(running.pid) == found
        finally:
            running.communicate("")


@ONLY_GLIBC
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
        assert [_arenas(worker) for worker in _workers(server.pid)] == [0]


def test_the_allocator_of_the_wsgi_server_is_loaded_after_its_settings() -> None:
    code = (
        "import sys, server.cli, server.cli.operation.serve, server.serving; print('granian' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "False\n"
