# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks`: Daysheet on SQLite and PostgreSQL beside vanilla Radicale and Xandikos, in one run."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks.measure import Effort, measure
from benchmarks.schedules.schedule import Ranges, Row, blockers
from benchmarks.servers import daysheet, postgresql, vanilla, xandikos
from benchmarks.servers.peers import PEERS, RADICALE, SQLITE, XANDIKOS, Peer
from benchmarks.tables import goals, plots, report, requests
from benchmarks.tables.figures import Figures
from benchmarks.traffic.exchanges import exchanges

_DOCUMENT = "performance.md"


@contextmanager
def running(names: Sequence[str], rows: Sequence[Row], folder: Path) -> Iterator[list[Peer]]:
    """The peers called `names` with the same calendar, in that order."""
    with ExitStack() as stack:
        stored = folder / SQLITE
        stored.mkdir()
        settings, password = daysheet.install(stored, str(stored / "daysheet.db"), rows)
        stack.callback(settings.database().dispose)
        started = []
        for name in names:
            opened: AbstractContextManager[Peer]
            if name == SQLITE:
                opened = daysheet.running(name, stored, str(stored / "daysheet.db"), password)
            elif name == RADICALE:
                opened = vanilla.running(folder / name, daysheet.texts(settings))
            elif name == XANDIKOS:
                opened = xandikos.running(folder / name, daysheet.texts(settings))
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
    settings, password = daysheet.install(folder, url, rows)
    settings.database().dispose()
    server.settle(url)
    return daysheet.running(name, folder, url, password, database_pids=(server.pid,))


def main(arguments: Sequence[str] | None = None) -> list[Figures]:
    """Run, print the tables, and write them and the plots if requested."""
    given = _parser().parse_args(arguments)
    effort = Effort(
        seconds=given.seconds,
        cap=given.cap,
        patience=given.patience,
        clients=given.clients,
        crowd_seconds=given.crowd_seconds,
    )
    if given.write:
        report.require(given.write / _DOCUMENT, _names(given.events, given.clients))
    sizes = [_size(events, given.peers, given.requests, effort) for events in given.events]
    texts = _texts(sizes, given.peers, given.clients)
    print("\n\n".join(texts.values()))
    if given.json:
        report.write_json(given.json, {"sizes": [asdict(it) for it in sizes]})
    if given.write:
        _write(given.write, texts, sizes, given.clients)
    return sizes


def _size(events: int, peers: Sequence[str], names: Sequence[str], effort: Effort) -> Figures:
    ranges = Ranges.now()
    rows = list(blockers(events, ranges.monday))
    with (
        tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder,
        running(peers, rows, Path(folder)) as started,
    ):
        return measure(
            started,
            ranges,
            effort,
            events=events,
            names=names,
            progress=report.progress,
        )


def _write(folder: Path, texts: Mapping[str, str], sizes: Sequence[Figures], clients: int) -> None:
    """The pictures are drawn before anything in the folder changes."""
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=folder) as drawn:
        _draw(sizes, clients, Path(drawn))
        report.put_all(folder / _DOCUMENT, texts)
        for picture in Path(drawn).iterdir():
            picture.replace(folder / picture.name)


def _names(events: Sequence[int], clients: int) -> list[str]:
    """The markers that `_texts` has texts for."""
    grown = ["growth"] if len(events) > 1 and events[-1] != goals.EVENTS else []
    return ["goals", "requests", "memory", *grown, *(["clients"] if clients else [])]


def _middle(sizes: Sequence[Figures]) -> Figures:
    """The size of the goals, or else one in the middle."""
    return next((it for it in sizes if it.events == goals.EVENTS), sizes[(len(sizes) - 1) // 2])


def _texts(sizes: Sequence[Figures], peers: Sequence[str], clients: int) -> dict[str, str]:
    """The tables by the name of their markers."""
    middle = _middle(sizes)
    texts = {
        "goals": f"{report.machine()} {middle.events:,} events.\n\n{requests.aims(middle)}",
        "requests": _by_size(sizes, lambda it: requests.requests(it, peers)),
        "memory": f"{report.machine()}\n\n{requests.memory(sizes, peers)}",
    }
    if sizes[-1] is not middle:
        texts["growth"] = f"{report.machine()}\n\n{requests.growth(middle, sizes[-1])}"
    if clients:
        texts["clients"] = _by_size(sizes, lambda it: requests.crowds(it, peers, clients))
    return texts


def _by_size(sizes: Sequence[Figures], table: Callable[[Figures], str]) -> str:
    return "\n\n".join([report.machine(), *(f"### {it.events:,} events\n\n{table(it)}" for it in sizes)])


def _draw(sizes: Sequence[Figures], clients: int, folder: Path) -> None:
    plots.costs(_middle(sizes), folder / "performance-requests.svg")
    if len(sizes) > 1:
        plots.growth(sizes, folder / "performance-growth.svg")
    if clients:
        plots.crowds(_middle(sizes), clients, folder / "performance-clients.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--events",
        type=_numbers,
        default=(10_000,),
        metavar="N,M",
        help="events in the calendar (default: 10000)",
    )
    parser.add_argument(
        "--peers", type=_peers, default=PEERS, metavar="A,B", help=f"of {', '.join(PEERS)} (default: all)"
    )
    parser.add_argument(
        "--requests", type=_requests, default=(), metavar="A,B", help="only these (default: all)"
    )
    default = Effort()
    for option, kind, text in (
        ("seconds", float, "CPU time spent on each request and peer"),
        ("cap", float, "seconds after which a request is given up"),
        (
            "patience",
            float,
            "seconds after which a peer is given up that still reads the calendar for the first time",
        ),
        ("clients", int, "how many clients poll at once; 0 leaves that out"),
        ("crowd_seconds", float, "how long they do"),
    ):
        parser.add_argument(
            f"--{option.replace('_', '-')}",
            type=kind,
            default=getattr(default, option),
            help=f"{text} (default: %(default)s)",
        )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="put the tables into performance.md there, and the plots beside it",
    )
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",")))


def _peers(text: str) -> tuple[str, ...]:
    return _known(text, "peer", PEERS)


def _requests(text: str) -> tuple[str, ...]:
    known = exchanges("/", "/", [], "", Ranges(monday=date(2026, 1, 5)))
    return _known(text, "request", [it.name for it in known])


def _known(text: str, what: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
