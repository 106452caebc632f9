# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.triggers`: what the triggers add to the cost of a written job, and what catching up costs.

The writer is the dispatch application: plain SQL over a driver connection, with the triggers and with them dropped.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import postgresql, report
from benchmarks.writer import WRITES, Writer
from scheduling import schema
from scheduling.config import load
from scheduling.snapshot import Snapshot

_ROUNDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Overhead:
    """CPU microseconds per written job (of the writing process or its database backend), least of several rounds."""

    database: str
    write: str
    without: float
    with_triggers: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CaughtUp:
    """How many pending jobs became calendar objects in how many seconds of the catching-up process's CPU time."""

    database: str
    objects: int
    seconds: float


Fresh = Callable[[], str]
"""Makes an empty database and returns its SQLite path or libpq URL."""


def overheads(name: str, fresh: Fresh, jobs: int) -> Iterator[Overhead]:
    """Every way of writing, in fresh databases, with and without triggers in turn."""
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(_ROUNDS):
        for triggers in (False, True):
            for write, cost in _round(fresh(), jobs, triggers=triggers):
                found.setdefault((write, triggers), []).append(cost)
    for write in WRITES:
        yield Overhead(
            database=name, write=write, without=min(found[write, False]), with_triggers=min(found[write, True])
        )


def catching_up(name: str, url: str, jobs: int) -> CaughtUp:
    """Write `jobs` jobs of one user in one go and read the calendar for the first time."""
    settings = load(None, {"DAYSHEET_DATABASE_URL": _url(url), "DAYSHEET_CALENDARS_HISTORY_MONTHS": "all"}).config
    database = _upgraded(url)
    with Writer(url) as writer:
        writer.insert_at_once(jobs)
    try:
        with Snapshot(database, settings) as snapshot:
            started = time.process_time()
            snapshot.calendar(Writer.USER, "jobs")
            seconds = time.process_time() - started
    finally:
        database.dispose()
    return CaughtUp(database=name, objects=jobs, seconds=seconds)
