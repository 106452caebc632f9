# SPDX-License-Identifier: GPL-3.0-or-later
"""How polls are served: WSGI servers, workers and threads, connections of the pool. A part of `benchmarks.tuning`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.schedules.schedule import SLUG, USER, Ranges
from benchmarks.servers import daysheet, process
from benchmarks.servers.peers import Peer
from benchmarks.tables.report import Table
from benchmarks.traffic import crowd
from benchmarks.traffic.exchanges import Exchange, exchanges

CLIENTS = 16
WORKERS = ((1, 1), (1, 8), (1, 32), (2, 8))
POOLS = (1, 4, 10)
_CHOSEN = (1, 8)
_THREADS = "8"
_CONSTANT = "benchmarks.servers.constant:application"
SERVERS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "granian (chosen)": lambda port: (
        *("granian", "--interface", "wsgi", "--port", port, "--blocking-threads", _THREADS),
        *("--log-level", "error", _CONSTANT),
    ),
    "gunicorn, gthread": lambda port: (
        *("gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", _THREADS),
        *("--keep-alive", "60", _CONSTANT),
    ),
    "waitress": lambda port: ("waitress", f"--listen=127.0.0.1:{port}", f"--threads={_THREADS}", _CONSTANT),
}
"""Module and arguments of each, for a port: one process and eight threads, connections kept."""
_HEAD = (
    "CPU ms, 1 client",
    f"CPU ms, {CLIENTS} clients",
    f"{CLIENTS} clients: requests per second",
    "p99 ms",
)
_HOME = f"/dav/{USER}/"


def servers(folder: Path, seconds: float) -> Table:
    """WSGI servers with an application that answers the same to everything."""
    rows = []
    for name, arguments in SERVERS.items():
        port = process.free_port()
        command = (sys.executable, "-m", *arguments(str(port)))
        started = process.Server(
            command, port=port, environment=daysheet.inherited(), output=folder / "output"
        )
        rows.append([name, *_polled(started, "CTag poll", Ranges.now(), seconds)])
    return Table(head=["WSGI server, a constant answer", *_HEAD], rows=rows)


def workers(folder: Path, file: str, password: str, seconds: float) -> Table:
    """CTag polls of Daysheet with several numbers of workers and threads."""
    rows = []
    for processes, threads in WORKERS:
        options = ("--workers", str(processes), "--threads", str(threads))
        name = f"{_number(processes, 'worker')}, {_number(threads, 'thread')} each"
        name += " (chosen)" if (processes, threads) == _CHOSEN else ""
        started = daysheet.server(folder, file, *options)
        rows.append([name, *_polled(started, "CTag poll", Ranges.now(), seconds, password)])
    return Table(head=["CTag polls", *_HEAD], rows=rows)


def pools(folder: Path, url: str, password: str, seconds: float, pids: Sequence[int]) -> Table:
    """Week queries, which take a connection from the pool, on PostgreSQL with several sizes of it."""
    rows = []
    for size in POOLS:
        environment = {**daysheet.environment(folder, url), "DAYSHEET_DATABASE_POOL_SIZE": str(size)}
        started = daysheet.serving(environment, folder / "output")
        name = f"{_number(size, 'connection')} kept{' (chosen)' if size == POOLS[-1] else ''}"
        rows.append([name, *_polled(started, "week query", Ranges.now(), seconds, password, pids)])
    return Table(head=["week queries, PostgreSQL", *_HEAD], rows=rows)


def _polled(
    server: process.Server,
    name: str,
    ranges: Ranges,
    seconds: float,
    password: str | None = None,
    pids: Sequence[int] = (),
) -> list[str]:
    """CPU per request from one client, and from many at once, with the requests per second and the time within which 99
    of 100 are answered.
    """
    asked = _exchange(name, ranges)
    with server:
        peer = Peer(name=name, server=server, home=_HOME, password=password, database_pids=pids)
        crowd.crowd(peer, asked, clients=CLIENTS, seconds=seconds / 2, patience=30)
        one, many = (
            crowd.crowd(peer, asked, clients=it, seconds=seconds, patience=30) for it in (1, CLIENTS)
        )
    return [
        *(f"{it.cpu * 1000:.3f}" for it in (one, many)),
        f"{many.per_second:,.0f}",
        f"{many.p99 * 1000:.1f}",
    ]


def _exchange(name: str, ranges: Ranges) -> Exchange:
    return next(it for it in exchanges(_HOME, f"{_HOME}{SLUG}/", [], "", ranges) if it.name == name)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"
