# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.scale`: many users polling two servers over PostgreSQL, and what each kind of poll costs.

Every answer is checked; a wrong one ends the run without a figure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import psycopg

from benchmarks.schedules import population
from benchmarks.servers import daysheet, postgresql, process
from benchmarks.servers.statements import counted, logged, sizes
from benchmarks.tables import capacity, report
from benchmarks.tables.capacity import Phase, Scale
from benchmarks.tables.figures import half_and_most
from benchmarks.traffic.clients import Clients, Sent, clients
from benchmarks.traffic.mix import CTAG, FEED, FIRST, KINDS

SERVERS = 2
_PARTS = ("mix", "polls", "stored", "plan")
"""The markers in the document."""
_COUNTED = 200
"""Requests of a kind whose statements are counted."""
_NOT_USED = "UPDATE app_passwords SET last_used_at = now() - interval '1 day'"
_JUST_USED = "UPDATE app_passwords SET last_used_at = now()"


class Examined:
    """Two running servers, their database and the clients."""

    def __init__(
        self,
        url: str,
        database: postgresql.PostgreSQL,
        servers: Sequence[process.Server],
        callers: Clients,
        settle: float,
    ) -> None:
        self._url = url
        self._database = database
        self._servers = servers
        self._callers = callers
        self._settle = settle
        self._etags: Mapping[str, str] = {}

    def read_feeds(self, objects: int) -> None:
        """Everybody's feed once, whole, so that its entity tag is known."""
        self._etags = self._callers.feeds(objects)

    def phase(self, kind: str | None, seconds: float) -> Phase:
        """Polls of one kind, or the mix, and what the servers stored about them afterwards."""
        self._prepare(kind)
        server, database = self._cpu()
        sent = self._callers.polls(kind, self._etags, seconds=seconds)
        time.sleep(self._settle)
        server_after, database_after = self._cpu()
        return _phase(kind, sent, server_after - server, database_after - database)

    def with_statements(self, phase: Phase) -> Phase:
        """The phase with what the database executed for some more requests of its kind."""
        self._prepare(phase.kind)
        with counted(self._database.log) as executed:
            sent = self._callers.polls(phase.kind, self._etags, seconds=0, limit=_COUNTED)
            time.sleep(self._settle)
        return replace(phase, executed=executed, executed_for=len(sent.times))

    def memory(self) -> list[int]:
        """Resident bytes of each server's worker."""
        return [process.resident_bytes(it.pid) for it in self._servers]

    def _prepare(self, kind: str | None) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_NOT_USED if kind == FIRST else _JUST_USED)
            connection.execute("VACUUM ANALYZE app_passwords, deliveries")

    def _cpu(self) -> tuple[float, float]:
        return (
            process.cpu_seconds([it.pid for it in self._servers]),
            process.cpu_seconds([self._database.pid]),
        )


def main(arguments: Sequence[str] | None = None) -> Scale:
    """Run, print the tables, and write them where asked."""
    given = report.parsed(_parser(), arguments, _PARTS)
    with (
        tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder,
        postgresql.running() as database,
    ):
        found = _scale(given, Path(folder), database)
    mix = f"{report.machine()} {_how(given)}\n\n{capacity.mixed(found)}"
    others = (capacity.by_kind(found), capacity.stored(found), capacity.plan(found))
    report.publish(given, dict(zip(_PARTS, (mix, *others), strict=True)), asdict(found))
    return found


def _scale(given: argparse.Namespace, folder: Path, database: postgresql.PostgreSQL) -> Scale:
    url = database.create()
    environment = {**daysheet.environment(folder, url), "DAYSHEET_CONFLICTS_ENABLED": "no"}
    del environment["DAYSHEET_CALENDARS_HISTORY_MONTHS"]
    with _fillers(given.fillers) as workers:
        at_once = max(1, given.fillers)
        filled, accounts = population.fill(url, environment, given.users, given.objects, workers, at_once)
    report.progress(f"filled: {filled}")
    database.settle(url)
    with ExitStack() as stack:
        waiting = [daysheet.serving(environment, folder / f"output-{number}") for number in range(SERVERS)]
        with ThreadPoolExecutor() as starting:
            servers = list(starting.map(stack.enter_context, waiting))
        ports = [it.port for it in servers]
        callers = stack.enter_context(clients(accounts, ports, given.clients, given.connections))
        examined = Examined(url, database, servers, callers, given.settle)
        examined.phase(CTAG, given.seconds / 5)
        phases = {it: _told(examined.phase(it, given.seconds)) for it in KINDS if it != FEED}
        memory = examined.memory()
        examined.read_feeds(given.objects)
        report.progress("every feed is right")
        phases[FEED] = _told(examined.phase(FEED, given.seconds))
        mix = _told(examined.phase(None, 2 * given.seconds))
        feeds_memory = examined.memory()
        with logged(url):
            kinds = [examined.with_statements(phases[it]) for it in KINDS]
        return Scale(
            filled=filled,
            mix=mix,
            kinds=kinds,
            memory=memory,
            feeds_memory=feeds_memory,
            sizes=sizes(url),
        )


def _fillers(processes: int) -> Executor:
    if not processes:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))


def _phase(kind: str | None, sent: Sent, server: float, database: float) -> Phase:
    median, p99 = half_and_most(sent.times)
    return Phase(
        kind=kind or "mix",
        requests=len(sent.times),
        took=sent.took,
        server_cpu=server,
        database_cpu=database,
        median=median,
        p99=p99,
    )


def _told(phase: Phase) -> Phase:
    report.progress(
        f"{phase.kind}: {phase.requests:,} requests, {phase.requests / phase.took:,.0f}/s,"
        f" CPU ms {phase.server_each * 1000:.3f} + {phase.database_each * 1000:.3f}"
    )
    return phase


def _how(given: argparse.Namespace) -> str:
    return (
        f"{given.users:,} users, {given.objects:,} objects each, {SERVERS} servers of one worker,"
        f" {given.clients} client processes with {given.connections} connections each."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    for option, kind, default, text in (
        ("users", int, 2_000, "users"),
        ("objects", int, 500, "objects of each, at least 4"),
        ("fillers", int, 2, "processes that catch up at the beginning; 0 does it in this one"),
        ("seconds", float, 10.0, "how long each kind is polled; the mix twice as long"),
        ("settle", float, 11.0, "seconds after each in which servers store what they gathered"),
        ("clients", int, 4, "client processes"),
        ("connections", int, 4, "connections that each keeps"),
    ):
        parser.add_argument(f"--{option}", type=kind, default=default, help=f"{text} (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
