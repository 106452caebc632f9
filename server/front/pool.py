# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads in which the application runs: as many as configured, and a bounded queue before them."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Protocol

logger = logging.getLogger(__name__)

_LONG = 1.0
"""Seconds after which the client of a job is watched."""


class Ended(BaseException):
    """Raised in the thread of a job that has to end. It is not an Exception, so `except Exception` in the application
    does not catch it.
    """


class Job(Protocol):
    """A request with its body."""

    def run(self) -> None:
        """Make the answer. The pool may end this at any point."""

    def deliver(self) -> None:
        """Send the answer."""

    def ended(self) -> None:
        """Tell the client that the job was ended, if the client is still there."""

    def failed(self) -> None:
        """Tell the client that the request could not be answered."""

    def watch(self, gone: Callable[[], None]) -> None:
        """Call `gone` when the client hangs up; called once a second."""


class _Worker:
    """One thread and its current job."""

    def __init__(self, jobs: SimpleQueue[Job], number: int) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._ending = False
        self.job: Job | None = None
        self.since = 0.0
        self._thread = threading.Thread(target=self._run, name=f"request-{number}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._work(self._jobs.get())

    def _work(self, job: Job) -> None:
        try:
            with self._lock:
                self.job, self.since, self._ending = job, time.monotonic(), False
            try:
                job.run()
            finally:
                self._finished()
            job.deliver()
        except Ended:
            # The order to end may also have come at the last moment, after the job was done.
            self._finished()
            job.ended()
        except BaseException:
            logger.exception("a request could not be answered")
            job.failed()

    def _finished(self) -> None:
        with self._lock:
            self.job = None
            _raise_in(self._thread, None)

    def end(self, job: Job) -> None:
        """End the job, if the thread still works on it."""
        with self._lock:
            if self.job is job and not self._ending:
                self._ending = True
                _raise_in(self._thread, Ended)


class Pool:
    """Runs jobs in the order of arrival, each for at most `seconds`. At most `longest` jobs wait."""

    def __init__(self, threads: int, *, longest: int, seconds: int) -> None:
        self._longest = longest
        self._seconds = seconds
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._workers = [_Worker(self._jobs, number) for number in range(1, threads + 1)]

    @property
    def is_full(self) -> bool:
        """Whether jobs wait for a thread."""
        return not self._jobs.empty()

    def submit(self, job: Job) -> bool:
        """Run the job as soon as a thread is free. Returns False if too many jobs wait already."""
        if self._jobs.qsize() >= self._longest:
            return False
        self._jobs.put(job)
        return True

    def sweep(self, now: float) -> None:
        """End jobs that last too long. Watch the clients of other long jobs, and end those jobs when the clients hang
        up.
        """
        for worker in self._workers:
            job, since = worker.job, worker.since
            if job is None or now - since < _LONG:
                continue
            if now - since > self._seconds:
                worker.end(job)
            else:
                job.watch(partial(worker.end, job))


def _raise_in(thread: threading.Thread, error: type[BaseException] | None) -> None:
    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(error) if error else None)
