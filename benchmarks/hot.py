# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.hot`: many clients poll one calendar while the dispatch application writes into it all the
time.

Measured in turn on each database: the polls alone, the writer alone, and both together. One worker serves.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.schedules import dispatch
from benchmarks.schedules.schedule import USER, Ranges, blockers
from benchmarks.servers import daysheet, postgresql
from benchmarks.servers.peers import POSTGRESQL, SQLITE, Peer
from benchmarks.tables import report
from benchmarks.tables.figures import half_and_most
from benchmarks.traffic import crowd
from benchmarks.traffic.bodies import CTAG, XML, propfind

_PATIENCE = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """The result of one part of the measurement. Waits are those of a writer's transaction, in seconds."""

    per_second: float = 0.0
    p99: float = 0.0
    statuses: dict[int, int]
    written: int = 0
    wait_p99: float = 0.0
    wait_most: float = 0.0


def _write(url: str, rate: float, first: int, until: Any, waits: Any) -> None:
    """Put `rate` jobs a second into the calendar, each in a transaction of its own, until told to stop."""
    with dispatch.connected(url) as connection:
        writer = dispatch.Dispatch(connection, url)
        taken, number, due = [], first, time.perf_counter()
        while not until.is_set():
            number += 1
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            taken.append(writer.job(f"H-{number}", USER, number))
    waits.put(taken)


@contextmanager
def _writing(url: str, rate: float, first: int, taken: list[float]) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    until, waits = context.Event(), context.Queue()
    process = context.Process(target=_write, args=(url, rate, first, until, waits))
    process.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        until.set()
        taken += waits.get(timeout=_PATIENCE)
        process.join()


def measure(peer: Peer, url: str, clients: int, seconds: float, rate: float) -> list[Round]:
    """The polls alone, the writer alone, both."""
    asked = crowd.Request(
        message=crowd.message(
            "PROPFIND", f"{peer.home}jobs/", {**peer.authorization, **XML, "Depth": "0"}, propfind(CTAG)
        ),
        right=(207, 500, 502, 503, 504),
        kind="poll",
    )

    def polls() -> tuple[Sequence[crowd.Answered], float]:
        return crowd.send(
            peer.port, lambda: asked, clients=clients, seconds=seconds, patience=_PATIENCE, name=peer.name
        )

    rounds = []
    for number, (polling, writing) in enumerate(((True, False), (False, True), (True, True))):
        waits: list[float] = []
        answered: Sequence[crowd.Answered] = ()
        with _writing(url, rate, number * 1_000_000, waits) if writing else nullcontext():
            if polling:
                answered, took = polls()
            else:
                time.sleep(seconds)
        shares = half_and_most(sorted(waits)) if waits else (0.0, 0.0)
        times = sorted(one.seconds for one in answered)
        rounds.append(
            Round(
                per_second=len(answered) / took if answered else 0.0,
                p99=half_and_most(times)[1] if times else 0.0,
                statuses=dict(Counter(one.status for one in answered)),
                written=len(waits),
                wait_p99=shares[1],
                wait_most=max(waits, default=0.0),
            )
        )
    return rounds


def main(arguments: Sequence[str] | None = None) -> dict[str, list[Round]]:
    """Run and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot", description=__doc__)
    parser.add_argument("--clients", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each part; default: %(default)s")
    parser.add_argument("--rate", type=float, default=200.0, help="jobs a second; default: %(default)s")
    parser.add_argument("--databases", default=f"{SQLITE},{POSTGRESQL}", help="default: %(default)s")
    given = parser.parse_args(arguments)
    found = {}
    for name in given.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="daysheet-hot-") as folder:
            found[name] = _run(name, Path(folder), given.clients, given.seconds, given.rate)
    print(report.machine())
    print(f"{given.clients} clients, {given.rate:g} jobs a second.\n")
    print(
        "| database | polls/s alone | with writer | ratio | p99 s | not 207 | writer p99 s | with polls | most |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (alone, writer, both) in found.items():
        others = sum(count for status, count in both.statuses.items() if status != 207)
        print(
            f"| {name} | {alone.per_second:,.0f} | {both.per_second:,.0f}"
            f" | {both.per_second / alone.per_second:.2f} | {both.p99:.2f} | {others}"
            f" | {writer.wait_p99:.4f} | {both.wait_p99:.4f} | {both.wait_most:.3f} |"
        )
    return found


def _run(name: str, folder: Path, clients: int, seconds: float, rate: float) -> list[Round]:
    rows = list(blockers(100, Ranges.now().monday))
    if name == SQLITE:
        url = str(folder / "daysheet.db")
        settings, password = daysheet.install(folder, url, rows)
        settings.database().dispose()
        with daysheet.running(name, folder, url, password) as peer:
            return measure(peer, url, clients, seconds, rate)
    with postgresql.running() as server:
        url = server.create()
        settings, password = daysheet.install(folder, url, rows)
        settings.database().dispose()
        with daysheet.running(name, folder, url, password, database_pids=(server.pid,)) as peer:
            return measure(peer, url, clients, seconds, rate)


if __name__ == "__main__":
    main()
