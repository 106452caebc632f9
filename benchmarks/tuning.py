# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.tuning`: what the choices cost that are made once for everybody: how one statement is run, what
SQLite is told about memory, threads and processes of the server, and how much answers are compressed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from benchmarks import crowd, daysheet, postgresql, process, report
from benchmarks.exchanges import exchanges
from benchmarks.peers import ROOT, Peer
from benchmarks.schedule import SLUG, USER, Ranges, blockers, monday
from scheduling import listings, objects
from scheduling.calendars import CalendarState
from scheduling.database import Database
from scheduling.models import Calendar
from scheduling.prepared import Prepared
from scheduling.snapshot import Snapshot
from server.settings import Settings

_STATEMENT = select(Calendar.id, Calendar.revision).where(Calendar.slug == SLUG)
PRAGMAS: dict[str, tuple[str, ...]] = {
    "2 MB of page cache (chosen)": (),
    "16 MB of page cache": ("cache_size = -16000",),
    "mapped into memory": ("mmap_size = 1073741824",),
}
WORKERS = ((1, 1), (1, 8), (1, 32), (2, 8))
LEVELS = (1, 4, 6, 9)
Rows = list[list[str]]


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
    """CPU seconds that `work` takes, here and in the process trees of `pids`, doing it for some time."""
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
    return [*found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]


def served(server: process.Server, password: str, seconds: float) -> list[str]:
    """CTag polls: CPU per request from one client, and from sixteen at once, with the requests per second and the time
    within which 99 of 100 are answered.
    """
    home = f"/dav/{USER}/"
    poll = exchanges(home, f"{home}{SLUG}/", [], "", Ranges(monday=_monday()))[0]
    with server:
        peer = Peer(name="daysheet-sqlite", server=server, home=home, password=password)
        crowd.crowd(peer, poll, clients=16, seconds=seconds / 2, patience=30)
        one, many = (crowd.crowd(peer, poll, clients=it, seconds=seconds, patience=30) for it in (1, 16))
    return [
        *(f"{it.cpu * 1000:.3f}" for it in (one, many)),
        f"{many.per_second:,.0f}",
        f"{many.p99 * 1000:.1f}",
    ]


def servers(folder: Path, file: str) -> Iterator[tuple[str, process.Server]]:
    """Daysheet with several numbers of workers and threads, and last its WSGI server without it."""
    for workers, threads in WORKERS:
        name = (
            f"{workers} worker{'s' if workers > 1 else ''}, {threads} thread{'s' if threads > 1 else ''} each"
        )
        yield name, daysheet.server(folder, file, "--workers", str(workers), "--threads", str(threads))
    port = process.free_port()
    options = ("--interface", "wsgi", "--port", str(port), "--blocking-threads", "8", "--log-level", "error")
    yield (
        "1 worker, 8 threads, a constant answer",
        process.Server(
            (sys.executable, "-m", "granian", *options, "benchmarks.constant:application"),
            port=port,
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            output=folder / "output",
        ),
    )


def compressed(body: bytes, seconds: float) -> Rows:
    """Time and size of a body at each level."""
    rows = []
    for level in LEVELS:
        took = cpu(lambda level=level: zlib.compress(body, level), seconds)  # type: ignore[misc]
        rows.append([f"{took * 1000:.1f}", f"{len(zlib.compress(body, level)) / 1000:,.0f}"])
    return rows


def main(arguments: Sequence[str] | None = None) -> str:
    """Run all of it, print the tables, and write them where asked."""
    given = _parser().parse_args(arguments)
    rows = list(blockers(given.events, _monday()))
    tables = []
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as name, postgresql.running() as running:
        folder = Path(name)
        file = f"{folder}/daysheet.db"
        settings, password = daysheet.install(folder, file, rows)
        other = running.create()
        daysheet.install(folder, other, rows)
        tables.append(_ways(settings.database(), Database(other), given.seconds, running.pid))
        with Snapshot(settings.database(), settings.config) as snapshot:
            state = snapshot.calendar(USER, SLUG)
            assert state is not None
            pieces = listings.whole_calendar(
                snapshot.connection, state.id, state.cutoff, name="x", color="", tzid="UTC"
            )
            body = b"".join(pieces)
        tables.append(_pragmas(settings, state, given.seconds))
        settings.database().dispose()
        tables.append(
            _table(
                [
                    "CTag polls",
                    "CPU ms, 1 client",
                    "CPU ms, 16 clients",
                    "16 clients: requests per second",
                    "p99 ms",
                ],
                [[it, *served(server, password, given.seconds)] for it, server in servers(folder, file)],
            )
        )
        levels = zip(LEVELS, compressed(body, given.seconds), strict=True)
        tables.append(
            _table(
                [f"zlib, whole .ics of {len(body) / 1e6:.1f} MB", "CPU ms", "kB"],
                [[f"level {level}", *it] for level, it in levels],
            )
        )
    text = f"{report.machine()} {given.events:,} events.\n\n" + "\n\n".join(tables)
    print(text)
    if given.markdown:
        report.put(given.markdown, "tuning", text)
    return text


def _ways(sqlite: Database, other: Database, seconds: float, pid: int) -> str:
    names = ("SQLAlchemy, own transaction", "prepared, own transaction", "prepared, kept connection (chosen)")
    found = zip(names, statements(sqlite, seconds), statements(other, seconds, (pid,)), strict=True)
    other.dispose()
    rows = [[name, f"{here:.0f}", f"{there:.0f}"] for name, here, there in found]
    return _table(["CPU µs of one statement", "SQLite", "PostgreSQL"], rows)


def _pragmas(settings: Settings, state: CalendarState, seconds: float) -> str:
    rows = []
    for name, pragmas in PRAGMAS.items():
        with multiprocessing.get_context("spawn").Pool(1) as afresh:
            *costs, memory = afresh.apply(told, (settings, state, pragmas, seconds))
        rows.append([name, *(f"{it:.2f}" for it in costs), f"{memory:.0f}"])
    return _table(["CPU ms, SQLite", "listing", "50 objects", "whole .ics", "peak MiB"], rows)


def _table(head: Sequence[str], rows: Rows) -> str:
    return report.markdown(head, rows)


def _monday() -> date:
    return monday(datetime.now(UTC).date())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="spent on each figure (default: %(default)s)"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables between the markers there"
    )
    return parser


if __name__ == "__main__":
    main()
