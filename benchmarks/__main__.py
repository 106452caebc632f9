# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks`: Daysheet on SQLite and PostgreSQL beside vanilla Radicale, in one run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks import peers, postgresql, report
from benchmarks.exchanges import exchanges
from benchmarks.measure import Figures, measure
from benchmarks.peers import Peer
from benchmarks.schedule import Ranges, Row, blockers, monday

PEERS = ("daysheet-sqlite", "daysheet-postgresql", report.VANILLA)


@contextmanager
def running(names: Sequence[str], rows: Sequence[Row], folder: Path) -> Iterator[list[Peer]]:
    """The peers called `names` with the same calendar, in that order."""
    with ExitStack() as stack:
        stored = folder / "daysheet-sqlite"
        stored.mkdir()
        settings, password = peers.install(stored, str(stored / "daysheet.db"), rows)
        stack.callback(settings.database().dispose)
        started = []
        for name in names:
            opened: AbstractContextManager[Peer]
            if name == "daysheet-sqlite":
                opened = peers.daysheet(name, stored, str(stored / "daysheet.db"), password)
            elif name == report.VANILLA:
                opened = peers.radicale(folder / name, peers.texts(settings))
            else:
                opened = _on_postgresql(stack, name, rows, folder / name)
            started.append(stack.enter_context(opened))
        yield started


def _on_postgresql(
    stack: ExitStack, name: str, rows: Sequence[Row], folder: Path
) -> AbstractContextManager[Peer]:
    folder.mkdir()
    server = stack.enter_context(postgresql.running())
    url = server.create()
    settings, password = peers.install(folder, url, rows)
    settings.database().dispose()
    server.settle(url)
    return peers.daysheet(name, folder, url, password, database_pids=(server.pid,))


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run, print the table, and write it where asked."""
    given = _parser().parse_args(arguments)
    around = monday(datetime.now(UTC).date())
    rows = list(blockers(given.events, around))
    with (
        tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder,
        running(given.peers, rows, Path(folder)) as started,
    ):
        figures = measure(
            started,
            Ranges(monday=around),
            seconds=given.seconds,
            names=given.requests,
            progress=lambda line: print(line, file=sys.stderr),
        )
    text = f"{report.machine()} {given.events:,} events.\n\n{report.tables(figures, given.peers)}"
    print(text)
    if given.json:
        given.json.write_text(
            json.dumps({"events": given.events, **asdict(figures)}, indent=2) + "\n", encoding="utf-8"
        )
    if given.markdown:
        report.put(given.markdown, "requests", text)
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=10_000, help="events in the calendar (default: %(default)s)"
    )
    parser.add_argument(
        "--peers", type=_peers, default=PEERS, metavar="A,B", help=f"of {', '.join(PEERS)} (default: all)"
    )
    parser.add_argument(
        "--requests", type=_requests, default=(), metavar="A,B", help="only these (default: all)"
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="CPU time spent on each request and peer (default: 1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the table between the markers in there"
    )
    return parser


def _peers(text: str) -> tuple[str, ...]:
    return _known(text, "peer", PEERS)


def _requests(text: str) -> tuple[str, ...]:
    known = exchanges("/", [], "", Ranges(monday=date(2026, 1, 5)))
    return _known(text, "request", [it.name for it in known])


def _known(text: str, what: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
