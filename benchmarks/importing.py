# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.importing`: one importer over many subscriptions, its first import and its later cycles.

Figures are for the whole `daysheet importer --once` process with its readers, minus its cost with nothing due.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import icalendar

from benchmarks.servers import daysheet, process
from benchmarks.servers.feed_server import calendar
from benchmarks.tables import report
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.database import schema
from scheduling.subscriptions import subscriptions
from server.settings import Settings, load

CYCLES = (
    ("first import", "same", "applied"),
    ("unchanged, 304", "304", "unchanged"),
    ("unchanged, 200 with the same body", "same", "unchanged"),
    ("200, half of them with other DTSTAMPs", "half", "unchanged"),
    ("200, all with other DTSTAMPs", "churn", "unchanged"),
)
"""The cycles: the name of each, how the calendars are served, and the expected result."""
_PER_USER = 5
_IDLE_RUNS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """CPU and wall seconds of one run of the importer, and the peak memory in bytes of its largest process."""

    cpu: float
    wall: float
    peak: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Cycle:
    """The cost of one cycle over all subscriptions, as `Used`, minus that of an importer with nothing due. It is almost
    nothing for few subscriptions. `parsing` are the CPU seconds that icalendar took for one of the calendars, before
    and after the cycle.
    """

    name: str
    cpu: float
    wall: float
    peak: int
    parsing: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """One run."""

    subscriptions: int
    events: int
    cycles: Sequence[Cycle]


def main(arguments: Sequence[str] | None = None) -> Imported:
    """Run, print the table, and write it where asked."""
    given = report.parsed(_parser(), arguments, ["importing"])
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder:
        found = _run(Path(folder), given.subscriptions, given.events)
    report.publish(given, {"importing": _text(found)}, asdict(found))
    return found


def _run(folder: Path, count: int, events: int) -> Imported:
    port = process.free_port()
    environment = {
        **daysheet.environment(folder, str(folder / "daysheet.db")),
        "DAYSHEET_SERVER_LOG_LEVEL": "info",
        "DAYSHEET_IMPORTER_ALLOW_HTTP": "yes",
        "DAYSHEET_IMPORTER_ALLOW_HOSTS": "127.0.0.1",
        "DAYSHEET_IMPORTER_HOST_RATE": "1000",
        "DAYSHEET_IMPORTER_HOST_CONCURRENCY": "8",
    }
    settings = load(None, environment)
    schema.upgrade(settings.database())
    nothing_due = [run_importer(folder, environment, {}) for _ in range(_IDLE_RUNS)]
    idle_cpu, idle_wall = min(it.cpu for it in nothing_due), min(it.wall for it in nothing_due)
    _subscribe(settings, count, port)
    cycles = []
    for name, mode, outcome in CYCLES:
        with settings.database().write() as connection:
            connection.exec_driver_sql("UPDATE subscriptions SET next_at = 0")
        before = _parsing(events)
        with feeds(folder, port, events, mode):
            used = run_importer(folder, environment, {outcome: count})
        cycles.append(
            Cycle(
                name=name,
                cpu=used.cpu - idle_cpu,
                wall=used.wall - idle_wall,
                peak=used.peak,
                parsing=(before + _parsing(events)) / 2,
            )
        )
    settings.database().dispose()
    return Imported(subscriptions=count, events=events, cycles=cycles)


def _subscribe(settings: Settings, count: int, port: int) -> None:
    with settings.database().write() as connection:
        for number in range(count):
            if number % _PER_USER == 0:
                user = users.create(connection, username=f"user-{number}", actor=SYSTEM)
            url = f"http://127.0.0.1:{port}/{number}"
            subscriptions.add(
                connection, settings.keyring(), user.id, url, f"Calendar {number}", actor=SYSTEM
            )


def feeds(folder: Path, port: int, events: int, mode: str) -> process.Server:
    """A server of calendars with this many events, not started yet. `mode` is that of feed_server.py."""
    return process.Server(
        (sys.executable, "-m", "benchmarks.servers.feed_server", str(port), str(events), mode),
        port=port,
        environment=daysheet.inherited(),
        output=folder / "feeds-output",
    )


def run_importer(folder: Path, environment: Mapping[str, str], expected: Mapping[str, int]) -> Used:
    """One run. It must have exactly the `expected` result."""
    figures = folder / "used.json"
    done = subprocess.run(  # noqa: S603
        (
            sys.executable,
            "-m",
            "benchmarks.servers.used",
            str(figures),
            *daysheet.command("importer", "--once", "--json"),
        ),
        env={**daysheet.inherited(), **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"The importer ended with {done.returncode}: {done.stderr[-2000:]}")
    require(json.loads(done.stdout), expected)
    return Used(**json.loads(figures.read_text(encoding="utf-8")))


def require(summary: Mapping[str, Any], expected: Mapping[str, int]) -> None:
    """Raises SystemExit if the numbers of applied, unchanged or failed calendars differ from `expected`."""
    print(summary, file=sys.stderr)
    found = {name: summary[name] for name in ("applied", "unchanged", "failed")}
    wanted = dict.fromkeys(found, 0) | expected
    if found != wanted:
        raise SystemExit(
            f"The importer found {found} instead of {wanted}; the figures would be of something else."
        )


def _parsing(events: int, rounds: int = 10) -> float:
    body = calendar(1, events)
    started = time.process_time()
    for _ in range(rounds):
        icalendar.Calendar.from_ical(body)
    return (time.process_time() - started) / rounds


def table(found: Imported) -> str:
    """Every cycle. Those that took no more than the idle importer have no figures."""
    head = ["cycle", "events/s", "CPU ms per feed", "icalendar, ms", "icalendar / cycle", "peak MiB"]
    return report.markdown(
        head, [[it.name, *_figures(found, it), f"{it.peak / 2**20:.0f}"] for it in found.cycles]
    )


def _text(found: Imported) -> str:
    return (
        f"{report.machine()} {found.subscriptions:,} subscriptions of {found.events} events each, SQLite. "
        f"Beside each cycle, one of these feeds was parsed with icalendar {icalendar.__version__} on the same CPUs."
        f"\n\n{table(found)}"
    )


def _figures(found: Imported, cycle: Cycle) -> tuple[str, str, str, str]:
    if cycle.cpu <= 0 or cycle.wall <= 0:
        return ("too few",) * 4
    each = cycle.cpu / found.subscriptions
    rate = found.subscriptions * found.events / cycle.wall
    parsing = cycle.parsing
    return f"{rate:,.0f}", f"{each * 1000:.2f}", f"{parsing * 1000:.1f}", f"{parsing / each:.1f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument(
        "--subscriptions", type=int, default=1000, help="calendars to import (default: %(default)s)"
    )
    parser.add_argument("--events", type=int, default=200, help="events in each (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
