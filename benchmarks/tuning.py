# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.tuning`: the cost of choices made for all installations: how one statement is run, SQLite's
memory settings, the compression of answers, and how polls are served (`benchmarks.servers.wsgi`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from sqlalchemy import event, select

from benchmarks.schedules.schedule import SLUG, USER, Ranges, blockers
from benchmarks.servers import daysheet, process, wsgi
from benchmarks.servers.databases import both
from benchmarks.tables import report
from benchmarks.tables.report import Table
from scheduling.calendars import listings, objects
from scheduling.calendars.calendars import CalendarState
from scheduling.composition import FOLLOWERS
from scheduling.database.connection import Database
from scheduling.database.prepared import Prepared
from scheduling.models import Calendar
from scheduling.snapshot import Snapshot
from server.settings import Settings

_STATEMENT = select(Calendar.id, Calendar.revision).where(Calendar.slug == SLUG)
PRAGMAS: dict[str, tuple[str, ...]] = {
    "2 MB of page cache (chosen)": (),
    "16 MB of page cache": ("cache_size = -16000",),
    "mapped into memory": ("mmap_size = 1073741824",),
}
LEVELS = (1, 4, 6, 9)


def statements(database: Database, seconds: float, pids: Sequence[int] = ()) -> list[float]:
    """CPU microseconds of one small SELECT, the database server's included: through SQLAlchemy in a transaction of its
    own, as prepared text in one, and as prepared text on a connection that is kept.
    """
    prepared = Prepared(_STATEMENT)

    def compiled() -> None:
        with database.read() as connection:
            connection.execute(_STATEMENT).all()

    def in_transaction() -> None:
        with database.read() as connection:
            prepared.rows(connection, {})

    def single() -> None:
        prepared.rows(database, {})

    return [cpu(it, seconds, pids) * 1e6 for it in (compiled, in_transaction, single)]


def cpu(work: Callable[[], object], seconds: float, pids: Sequence[int] = ()) -> float:
    """CPU seconds of one call of `work`, here and in the process trees of `pids`. It is repeated for some time."""
    work()
    count = 0
    before = time.process_time() + process.cpu_seconds(pids)
    ends = time.perf_counter() + seconds
    while count < 2 or time.perf_counter() < ends:
        work()
        count += 1
    return (time.process_time() + process.cpu_seconds(pids) - before) / count


def readings(database: Database, state: CalendarState, seconds: float) -> list[float]:
    """CPU milliseconds of a whole listing, of fifty objects by name and of the whole calendar, without HTTP."""
    with database.read() as connection:
        names = list(islice(objects.names(connection, state.id, state.cutoff), 0, None, 200))[:50]

    def listing() -> None:
        with database.read() as connection:
            for _ in listings.listing(connection, state.id, state.cutoff, "<a>", "<b>", "<c>"):
                pass

    def whole() -> None:
        with database.read() as connection:
            head = {"name": "x", "color": "#112233FF", "tzid": "UTC"}
            for _ in listings.whole_calendar(connection, state.id, state.cutoff, **head):
                pass

    def fifty() -> None:
        list(objects.multi(database, state.id, state.cutoff, names))

    return [cpu(it, seconds) * 1000 for it in (listing, fifty, whole)]


def told(settings: Settings, state: CalendarState, pragmas: Sequence[str], seconds: float) -> list[float]:
    """As `readings` in this process, with these pragmas in every connection beside those it always has, and the most
    memory in MiB that the process ever had.
    """
    database = Database(settings.config.database.url)

    def tell(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(database.engine, "connect", tell)
    found = readings(database, state, seconds)
    database.dispose()
    return [*found, process.peak_bytes() / 2**20]


def compressed(body: bytes, seconds: float) -> list[list[str]]:
    """Time and size of a body at each level."""
    rows = []
    for level in LEVELS:
        took = cpu(lambda level=level: zlib.compress(body, level), seconds)  # type: ignore[misc]
        rows.append([f"{took * 1000:.1f}", f"{len(zlib.compress(body, level)) / 1000:,.0f}"])
    return rows


def main(arguments: Sequence[str] | None = None) -> list[Table]:
    """Run all of it, print the tables, and write them where asked."""
    given = report.parsed(_parser(), arguments, ["tuning"])
    rows = list(blockers(given.events, Ranges.now().monday))
    with both() as (folder, (sqlite, postgresql)):
        file, other = sqlite.create(), postgresql.create()
        settings, password = daysheet.install(folder, file, rows)
        _, elsewhere = daysheet.install(folder, other, rows)
        postgresql.settle(other)
        tables = [
            _ways(settings.database(), Database(other), given.seconds, postgresql.pids),
            *_of_the_calendar(settings, given.seconds),
            wsgi.servers(folder, given.seconds),
            wsgi.workers(folder, file, password, given.seconds),
            wsgi.pools(folder, other, elsewhere, given.seconds, postgresql.pids),
        ]
    text = "\n\n".join([f"{report.machine()} {given.events:,} events.", *(it.markdown() for it in tables)])
    report.publish(given, {"tuning": text}, {"tables": [asdict(it) for it in tables]})
    return tables


def _ways(sqlite: Database, other: Database, seconds: float, pids: Sequence[int]) -> Table:
    names = ("SQLAlchemy, own transaction", "prepared, own transaction", "prepared, kept connection (chosen)")
    found = zip(names, statements(sqlite, seconds), statements(other, seconds, pids), strict=True)
    other.dispose()
    rows = [[name, f"{here:.0f}", f"{there:.0f}"] for name, here, there in found]
    return Table(head=["CPU µs of one statement", "SQLite", "PostgreSQL"], rows=rows)


def _of_the_calendar(settings: Settings, seconds: float) -> Iterator[Table]:
    """What is chosen by the whole calendar: SQLite's memory, and compression."""
    with Snapshot(settings.database(), settings.config, followers=FOLLOWERS) as snapshot:
        state = snapshot.calendar(USER, SLUG)
        assert state is not None
        pieces = listings.whole_calendar(
            snapshot.connection, state.id, state.cutoff, name="x", color="", tzid="UTC"
        )
        body = b"".join(pieces)
    settings.database().dispose()
    yield _pragmas(settings, state, seconds)
    yield Table(
        head=[f"zlib, whole .ics of {len(body) / 1e6:.1f} MB", "CPU ms", "kB"],
        rows=[[f"level {level}", *it] for level, it in zip(LEVELS, compressed(body, seconds), strict=True)],
    )


def _pragmas(settings: Settings, state: CalendarState, seconds: float) -> Table:
    rows = []
    for name, pragmas in PRAGMAS.items():
        with multiprocessing.get_context("spawn").Pool(1) as afresh:
            *costs, memory = afresh.apply(told, (settings, state, pragmas, seconds))
        rows.append([name, *(f"{it:.2f}" for it in costs), f"{memory:.0f}"])
    return Table(head=["CPU ms, SQLite", "listing", "50 objects", "whole .ics", "peak MiB"], rows=rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="spent on each figure (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    main()
