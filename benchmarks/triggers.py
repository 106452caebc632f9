# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.triggers`: what the triggers add to a written job, and what catching up costs.

The writer is the dispatch application: plain SQL over a driver, with the triggers and with them dropped.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.schedules.writer import WRITES, Writer
from benchmarks.servers import process
from benchmarks.servers.databases import Kind, both
from benchmarks.tables import report
from scheduling.composition import FOLLOWERS
from scheduling.config.file import load
from scheduling.config.sections import Config
from scheduling.database import schema
from scheduling.database.connection import Database
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


def overheads(kind: Kind, jobs: int) -> Iterator[Overhead]:
    """Every way of writing, in fresh databases, without and with triggers in turn."""
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(_ROUNDS):
        for kept in (False, True):
            for write, cost in _round(kind.create(), jobs, kept=kept):
                found.setdefault((write, kept), []).append(cost)
    for write in WRITES:
        without, with_triggers = min(found[write, False]), min(found[write, True])
        yield Overhead(database=kind.name, write=write, without=without, with_triggers=with_triggers)


def catching_up(kind: Kind, jobs: int) -> CaughtUp:
    """Write `jobs` jobs of one user at once, then read the user's calendar for the first time."""
    url = kind.create()
    database = _upgraded(url)
    with Writer(url) as writer:
        writer.add_users(1)
        writer.insert_at_once(jobs, users=1)
    before = process.cpu_seconds(kind.pids) + time.process_time()
    with Snapshot(database, _config(url), followers=FOLLOWERS) as snapshot:
        snapshot.calendar("user1", "jobs")
    seconds = process.cpu_seconds(kind.pids) + time.process_time() - before
    database.dispose()
    return CaughtUp(database=kind.name, objects=jobs, seconds=seconds)


def main(arguments: Sequence[str] | None = None) -> tuple[list[Overhead], list[CaughtUp]]:
    """Run on both databases, print the tables, and write them where asked."""
    given = report.parsed(_parser(), arguments, ["triggers"])
    with both() as (_, kinds):
        costs = [cost for kind in kinds for cost in overheads(kind, given.jobs)]
        caught_up = [catching_up(kind, given.jobs) for kind in kinds]
    text = f"{report.machine()} {given.jobs:,} jobs.\n\n{_tables(costs, caught_up)}"
    figures = {"triggers": [asdict(it) for it in costs], "catching_up": [asdict(it) for it in caught_up]}
    report.publish(given, {"triggers": text}, figures)
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
    return parser


if __name__ == "__main__":
    main()
