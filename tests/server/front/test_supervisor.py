# SPDX-License-Identifier: GPL-3.0-or-later
"""A server outlives its workers, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import fixtures
from tests.server.running import ROOT, Running, Sections, free_port
from tests.server.serving import PATIENCE, Served, serving

database = fixtures.sqlite_alone
Configured = Callable[[Sections], Running]


def _within(seconds: float, reached: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if reached():
            return True
        time.sleep(0.02)
    return False


def _kill(served: Served, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert _within(PATIENCE, lambda: pid not in served.workers())


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_die_one_after_the_other_are_replaced(
    configured: Configured, people: dict[str, int], tmp_path: Path, workers: int
) -> None:
    with serving(configured({}), tmp_path, "--workers", str(workers)) as served:
        for _ in range(4):
            assert _within(PATIENCE, lambda: len(served.workers()) == workers)
            for pid in served.workers():
                _kill(served, pid)
            assert b"ok" in served.get("/healthz", timeout=2 * PATIENCE), (
                "connections wait for the next worker"
            )
        assert served.child.poll() is None
        written = served.log.read_text()
        assert "worker 1 ended (signal 9); another is started in 0.0 s" in written
        assert "Traceback" not in written


def test_a_worker_with_too_much_memory_is_replaced_and_nobody_notices(
    configured: Configured, people: dict[str, int], tmp_path: Path
) -> None:
    with serving(configured({"server": {"worker_memory": "1MB"}}), tmp_path) as served:
        before = served.workers()
        assert len(before) == 1
        asked = 0

        def replaced() -> bool:
            nonlocal asked
            assert b"ready" in served.get("/readyz")
            asked += 1
            return not set(before) & set(served.workers())

        assert _within(2 * PATIENCE, replaced)
        assert asked
        assert served.child.poll() is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_ends_when_told_right_after_its_first_answer(
    configured: Configured, people: dict[str, int], tmp_path: Path, workers: int
) -> None:
    for _ in range(3):
        with serving(configured({}), tmp_path, "--workers", str(workers)) as served:
            served.child.send_signal(signal.SIGTERM)
            assert served.child.wait(PATIENCE) == 0


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.1, 0.3])
def test_a_server_ends_when_told_as_soon_as_it_listens(
    configured: Configured, people: dict[str, int], tmp_path: Path, moment: float
) -> None:
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(free_port()), "--workers", "2"]
    given = {**os.environ, "PYTHONPATH": str(ROOT), "DAYSHEET_CONFIG": str(configured({}).settings.source)}
    with subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stdout.readline().startswith("Serving http://127.0.0.1:")
        time.sleep(moment)
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENCE) in (0, -signal.SIGTERM)


def test_nothing_is_left_of_a_server_that_was_killed(
    configured: Configured, people: dict[str, int], tmp_path: Path
) -> None:
    with serving(configured({}), tmp_path, "--workers", "2") as served:
        workers = served.workers()
        served.child.kill()
        served.child.wait()
        assert _within(PATIENCE, lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
