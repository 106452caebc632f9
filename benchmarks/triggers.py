# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.triggers`: what the triggers add to a written job, and what catching up costs.

The writer is the dispatch application: plain SQL over a driver, with the triggers and with them dropped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from benchmarks import postgresql, process, report
from benchmarks.writer import WRITES, Writer
from scheduling import schema
from scheduling.config import Config
from scheduling.config_file import load
from scheduling.database import Database
from scheduling.snapshot import Snapshot

_ROUNDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Overhead:
    """CPU microseconds per written job of what executes the SQL, the least of several rounds."""

    database: str
    write: str
    without: float
    with_triggers: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CaughtUp:
    """How many pending jobs became objects in how many seconds of CPU time, the database's included."""

    database: str
    objects: int
    seconds: float


Fresh = Callable[[], str]
"""Makes an empty database and returns its SQLite path or libpq URL."""


def overheads(name: str, fresh: Fresh, jobs: int) -> Iterator[Overhead]:
    """Every way of writing, in fresh databases, without and with triggers in turn."""
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(_ROUNDS):
        for kept in (False, True):
            for write, cost in _round(fresh(), jobs, kept=kept):
                found.setdefault((write, kept), []).append(cost)
    for write in WRITES:
        without, with_triggers = min(found[write, False]), min(found[write, True])
        yield Overhead(database=name, write=write, without=without, with_triggers=with_triggers)


def catching_up(name: str, url: str, jobs: int, database_pids: Sequence[int] = ()) -> CaughtUp:
    """Write `jobs` jobs of one user at once, then read the user's calendar for the first time."""
    database = _upgraded(url)
    with Writer(url) as writer:
        writer.add_users(1)
        writer.insert_at_once(jobs, users=1)
    before = process.cpu_seconds(database_pids) + time.process_time()
    with Snapshot(database, _config(url)) as snapshot:
        snapshot.calendar("user1", "jobs")
    seconds = process.cpu_seconds(database_pids) + time.process_time() - before
    database.dispose()
    return CaughtUp(database=name, objects=jobs, seconds=seconds)


def main(arguments: Sequence[str] | None = None) -> tuple[list[Overhead], list[CaughtUp]]:
    """Run on both databases, print the tables, and write them where asked."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder, postgresql.running() as server:
        numbers = count(1)

        def file() -> str:
            return f"{folder}/{next(numbers)}.db"

        costs = [*overheads("SQLite", file, given.jobs), *overheads("PostgreSQL", server.create, given.jobs)]
        caught_up = [
            catching_up("SQLite", file(), given.jobs),
            catching_up("PostgreSQL", server.create(), given.jobs, (server.pid,)),
        ]
    text = f"{report.machine()} {given.jobs:,} jobs.\n\n{_tables(costs, caught_up)}"
    print(text)
    if given.json:
        figures = {"triggers": [asdict(it) for it in costs], "catching_up": [asdict(it) for it in caught_up]}
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if given.markdown:
        report.put(given.markdown, "triggers", text)
    return costs, caught_up


def _round(url: str, jobs: int, *, kept: bool) -> Iterator[tuple[str, float]]:
    _upgraded(url).dispose()
    with Writer(url) as writer:
        writer.add_users()
        if not kept:
            writer.drop_triggers()
        for name, write in WRITES.items():
            before = writer.cpu_seconds()
            write(writer, jobs)
            yield name, (writer.cpu_seconds() - before) / jobs * 1e6


def _upgraded(url: str) -> Database:
    database = Database(_config(url).database.url)
    schema.upgrade(database)
    return database


def _config(url: str) -> Config:
    address = url if url.startswith("postgresql") else f"sqlite:///{url}"
    return load(None, {"DAYSHEET_DATABASE_URL": address, "DAYSHEET_CALENDARS_HISTORY_MONTHS": "all"}).config


def _tables(costs: Sequence[Overhead], caught_up: Sequence[CaughtUp]) -> str:
    head = ["CPU µs per written job", "without triggers", "with triggers", "difference"]
    rows = [
        [
            f"{it.database}: {it.write}",
            *(f"{value:.1f}" for value in (it.without, it.with_triggers, it.with_triggers - it.without)),
        ]
        for it in costs
    ]
    rates = [[it.database, f"{it.objects:,}", f"{it.objects / it.seconds:,.0f}"] for it in caught_up]
    caught = report.markdown(["catching up", "objects", "objects per CPU second"], rates)
    return f"{report.markdown(head, rows)}\n\n{caught}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triggers", description=__doc__)
    parser.add_argument(
        "--jobs", type=int, default=5_000, help="jobs written each way (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables between the markers in there"
    )
    return parser


if __name__ == "__main__":
    main()
