# SPDX-License-Identifier: GPL-3.0-or-later
"""A request whose client has gone, or that lasts too long, ends; its thread takes the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from server.front.pool import Pool

PATIENCE = 20.0


class Endless:
    """A job that works until it is ended."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.over = threading.Event()
        self.gone: Callable[[], None] | None = None
        self.cleaned = False

    def run(self) -> None:
        self.running.set()
        try:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                try:
                    sum(range(1000))
                except Exception as error:
                    raise AssertionError from error
        finally:
            self.cleaned = True

    def deliver(self) -> None:
        raise AssertionError("it has no answer")

    def ended(self) -> None:
        self.over.set()

    def failed(self) -> None:
        raise AssertionError("it has not failed")

    def watch(self, gone: Callable[[], None]) -> None:
        self.gone = gone


class Short(Endless):
    """A job that is done at once."""

    def run(self) -> None:
        self.running.set()

    def deliver(self) -> None:
        self.over.set()


def _still_works(pool: Pool) -> bool:
    short = Short()
    return pool.submit(short) and short.over.wait(PATIENCE)


def test_a_job_that_lasts_too_long_ends() -> None:
    pool = Pool(1, longest=4, seconds=60)
    job = Endless()
    assert pool.submit(job)
    assert job.running.wait(PATIENCE)
    pool.sweep(time.monotonic() + 59)
    assert not job.over.is_set()
    pool.sweep(time.monotonic() + 61)
    assert job.over.wait(PATIENCE)
    assert job.cleaned
    assert _still_works(pool)


def test_a_job_whose_client_hangs_up_ends() -> None:
    pool = Pool(1, longest=4, seconds=60)
    job = Endless()
    assert pool.submit(job)
    assert job.running.wait(PATIENCE)
    pool.sweep(time.monotonic() + 2)
    assert job.gone is not None
    job.gone()
    assert job.over.wait(PATIENCE)
    assert _still_works(pool)


def test_an_end_that_comes_too_late_meets_nobody_else() -> None:
    pool = Pool(1, longest=4, seconds=60)
    first, second = Endless(), Endless()
    assert pool.submit(first)
    assert first.running.wait(PATIENCE)
    pool.sweep(time.monotonic() + 2)
    assert first.gone is not None
    first.gone()
    assert first.over.wait(PATIENCE)
    assert pool.submit(second)
    assert second.running.wait(PATIENCE)
    first.gone()
    assert not second.over.wait(0.5)
    pool.sweep(time.monotonic() + 61)
    assert second.over.wait(PATIENCE)


def test_only_so_many_wait() -> None:
    pool = Pool(1, longest=2, seconds=60)
    running = Endless()
    assert pool.submit(running)
    assert running.running.wait(PATIENCE)
    assert pool.submit(Short())
    assert pool.submit(Short())
    assert not pool.submit(Short())
    pool.sweep(time.monotonic() + 61)
    assert running.over.wait(PATIENCE)
    assert _still_works(pool)
