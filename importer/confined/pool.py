# SPDX-License-Identifier: GPL-3.0-or-later
"""A few processes that read calendars and are used again and again. A calendar may take too much CPU time or memory, or
crash its reader. Then only that process ends, the calendar is marked, and the next calendar gets a new process.
"""

from __future__ import annotations

import atexit
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import zoneinfo
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from importer.confined.limits import Limits
from importer.confined.process import OUT_OF_MEMORY
from importer.errors import NotACalendar, Overtaxing
from importer.understand.body import Job, Reading

_ENVIRONMENT = frozenset({"LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ", "VIRTUAL_ENV"})
"""The environment variables that the processes get. None holds a key or a password."""
_USES = 500
"""Jobs after which a process is replaced, so that no leak grows."""
_LEAST_SECONDS = 10
_SECONDS_PER_MEGABYTE = 6
_START_SECONDS = 30
_PATIENCE = 4
"""A job may last this many times its CPU time, because the machine has other work."""


class ReaderFailed(Exception):
    """Reading failed because of a fault in Daysheet. The message says where the fault is."""


class Readers:
    """The processes. They start when first needed. `read` may be called from any thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(limits.readers):
            self._idle.put(None)
        self._processes: set[_Process] = set()
        self._lock = threading.Lock()

    def read(self, job: Job) -> tuple[Reading, ...]:
        """The result of `importer.understand.body.read`. Raises NotACalendar, Overtaxing, and ReaderFailed."""
        process = self._idle.get()
        try:
            if process is None:
                process = self._started()
            outcome, value = process.work(job, self._seconds(job))
        except BaseException:
            self._replace(process)
            raise
        if process.uses >= _USES:
            self._replace(process)
        else:
            self._idle.put(process)
        return _result(outcome, value)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            processes, self._processes = self._processes, set()
        for process in processes:
            process.end()

    def _seconds(self, job: Job) -> int:
        megabytes = job.content.octets * len(job.readers) / 1_000_000
        return min(self._limits.seconds, _LEAST_SECONDS + int(megabytes * _SECONDS_PER_MEGABYTE))

    def _started(self) -> _Process:
        process = _Process(self._limits.memory)
        with self._lock:
            self._processes.add(process)
        return process

    def _replace(self, process: _Process | None) -> None:
        """Make room for another process, which the next job starts."""
        if process is not None:
            with self._lock:
                self._processes.discard(process)
            process.end()
        self._idle.put(None)


def _environment() -> dict[str, str]:
    """The environment of the processes. Time zones have the same rules there as here."""
    kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
    return {**kept, "PYTHONTZPATH": os.pathsep.join(zoneinfo.TZPATH)}


class _Process:
    def __init__(self, memory: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "importer.confined.process", str(theirs.fileno()), str(memory)]
            self._process = subprocess.Popen(  # noqa: S603 (ourselves)
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=Path(__file__).parents[2],
            )
        self._connection = Connection(ours.detach())
        self.uses = 0

    def work(self, job: Job, seconds: int) -> tuple[str, Any]:
        """The outcome of a job. Raises Overtaxing when the process died during the job or did not finish it in time."""
        patience = _PATIENCE * seconds + (0 if self.uses else _START_SECONDS)
        self.uses += 1
        try:
            self._connection.send((job, seconds))
            if not self._connection.poll(patience):
                raise _overtaxing("time")
            outcome, value = self._connection.recv()
        except (EOFError, OSError):
            raise self._cause() from None
        return outcome, value

    def end(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _cause(self) -> Overtaxing:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(5)
            if code in (-signal.SIGXCPU, OUT_OF_MEMORY):
                return _overtaxing("memory" if code == OUT_OF_MEMORY else "time")
        return Overtaxing("crashed", "The calendar cannot be read: it made the process that read it crash.")


def _overtaxing(what: str) -> Overtaxing:
    return Overtaxing("too-expensive", f"The calendar cannot be read: it takes far too much {what}.")


def _result(outcome: str, value: Any) -> tuple[Reading, ...]:
    if outcome == "refused":
        raise NotACalendar(*value)
    if outcome == "fault":
        raise ReaderFailed(value)
    found: tuple[Reading, ...] = value
    return found


@lru_cache(maxsize=4)
def shared(limits: Limits) -> Readers:
    """The reading processes for these limits. They end with the current process."""
    readers = Readers(limits)
    atexit.register(readers.close)
    return readers
