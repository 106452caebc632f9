# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps processes running. A process that ends is started again, after a growing wait if it ends often. A process that
needs too much memory is replaced. A server ends only when it is told to, never because of its workers.
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.5
"""The time that a process gets to finish its work before it is killed."""
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 30.0
_LONG_ENOUGH = 60.0
"""Seconds that a process must run before its next end counts as the first again."""
_LOOK = 5.0
"""Seconds between two checks of the memory of processes."""
_ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass(kw_only=True)
class Child:
    """A process to keep running. `run` is called in it. `memory` is its limit in octets, 0 for no limit."""

    name: str
    run: Callable[[], None]
    memory: int = 0
    pid: int | None = None
    began: float = 0.0
    due: float = 0.0
    ends: int = 0
    leaving: dict[int, float] = field(default_factory=dict)
    """Replaced processes, and the time at which each is killed."""


class Supervisor:
    """Runs in the main thread of a process that has no other threads."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._stop = False
        self._looked = 0.0
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)

    def run(self) -> None:
        """Keep the children running until SIGTERM or SIGINT. Then end them."""
        before = {it: signal.signal(it, self._told) for it in _ENDING}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        try:
            while not self._stop:
                self._reap()
                self._start()
                self._look()
                self._sleep(self._pause())
        finally:
            self._end()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wake)
            os.close(self._woken)

    def _told(self, *_given: Any) -> None:
        self._stop = True

    def _start(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.pid is None and child.due <= now and not self._stop:
                child.pid, child.began = self._fork(child), now

    def _fork(self, child: Child) -> int:
        # A signal would be lost if it came while the child still has the handlers of this process.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            pid = os.fork()
            if not pid:
                self._become(child)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _become(self, child: Child) -> NoReturn:
        """Run as the child, from the fork to its end."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_ENDING, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            os.close(self._wake)
            os.close(self._woken)
            atexit._clear()  # noqa: SLF001 (the parent's)
            child.run()
            atexit._run_exitfuncs()  # noqa: SLF001 (a fork ends without)
            code = 0
        except BaseException:
            logger.exception("the %s failed", child.name)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            os._exit(code)

    def _reap(self) -> None:
        now = time.monotonic()
        for child in self._children:
            for pid, killed_at in list(child.leaving.items()):
                if _ended(pid) is not None:
                    del child.leaving[pid]
                elif killed_at < now:
                    _send(pid, signal.SIGKILL)
            if child.pid is None or (status := _ended(child.pid)) is None:
                continue
            child.ends = 1 if now - child.began > _LONG_ENOUGH else child.ends + 1
            # The first restart is immediate: a client may be waiting for this worker.
            delay = 0.0 if child.ends == 1 else min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (child.ends - 2))
            child.pid, child.due = None, now + delay
            logger.error("the %s ended (%s); another is started in %.1f s", child.name, _how(status), delay)

    def _look(self) -> None:
        """Replace processes above their memory limit. The new process starts first; then the old one may finish its
        work.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        for child in self._children:
            if not (child.memory and child.pid) or (octets := _resident(child.pid)) <= child.memory:
                continue
            logger.warning("the %s holds %d MB and is replaced", child.name, octets // 1_000_000)
            _send(child.pid, signal.SIGTERM)
            child.leaving[child.pid] = now + STOP_SECONDS
            child.pid, child.due = None, now
            self._start()

    def _pause(self) -> float:
        """Seconds until the next planned action, if nothing happens before."""
        now = time.monotonic()
        moments = [it.due for it in self._children if it.pid is None]
        moments += [moment for it in self._children for moment in it.leaving.values()]
        if any(it.memory for it in self._children):
            moments.append(self._looked + _LOOK)
        return max(0.01, min(moments) - now) if moments else 3600.0

    def _sleep(self, seconds: float) -> None:
        if self._stop:
            return
        ready, _, _ = select.select([self._wake], [], [], seconds)
        if ready:
            with suppress(BlockingIOError):
                os.read(self._wake, 4096)

    def _end(self) -> None:
        running = {pid for it in self._children for pid in (it.pid, *it.leaving) if pid is not None}
        for pid in running:
            _send(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running and time.monotonic() < deadline:
            running = {pid for pid in running if _ended(pid) is None}
            if running:
                select.select([self._wake], [], [], 0.02)
                with suppress(BlockingIOError):
                    os.read(self._wake, 4096)
        for pid in running:
            _send(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _ended(pid: int) -> int | None:
    """The wait status of a child that has ended."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return status if found else None


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _resident(pid: int) -> int:
    """Octets of memory that only this process holds (proc(5)). 0 if the system does not tell."""
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
