# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of `make bench` as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.servers.peers import OURS, RADICALE
from benchmarks.tables import goals
from benchmarks.tables.figures import Cost, Figures, Missing, Rate
from benchmarks.tables.report import markdown, milliseconds, times

Cells = Mapping[str, Mapping[str, Any]]


def requests(figures: Figures, peers: Sequence[str]) -> str:
    """CPU and wall milliseconds per request, and what is missing."""
    notes = _Notes()
    cpu = [
        [name, _facts(of), *(notes.cell(of.get(peer), lambda it: milliseconds(it.cpu)) for peer in peers)]
        for name, of in figures.costs.items()
    ]
    wall = [
        [name, *(notes.cell(of.get(peer), lambda it: milliseconds(it.wall)) for peer in peers)]
        for name, of in figures.costs.items()
    ]
    return "\n\n".join(
        (
            markdown(["CPU ms per request", "answers", *peers], cpu),
            markdown(["wall ms per request", *peers], wall),
            *notes.lines(),
        )
    )


def crowds(figures: Figures, peers: Sequence[str], clients: int) -> str:
    """Requests per second, and median and 99th percentile in milliseconds, of many clients at once."""
    notes = _Notes()
    head = [f"{clients} clients at once, requests per second", *peers]
    per_second = [
        [name, *(notes.cell(of.get(peer), lambda it: f"{it.per_second:,.0f}") for peer in peers)]
        for name, of in figures.rates.items()
    ]
    waits = [
        [name, *(notes.cell(of.get(peer), _wait) for peer in peers)] for name, of in figures.rates.items()
    ]
    return "\n\n".join(
        (
            markdown(head, per_second),
            markdown(["ms until half / 99 of 100 are answered", *peers], waits),
            *notes.lines(),
        )
    )


def memory(sizes: Sequence[Figures], peers: Sequence[str]) -> str:
    """Resident memory of the worker at every size, and whether ours reached the goal."""
    rows = [
        [
            f"{it.events:,}",
            f"{goals.MEMORY / 2**20:.0f}",
            *(cell for peer in peers for cell in _held(it, peer)),
        ]
        for it in sizes
    ]
    head = [cell for peer in peers for cell in ((peer, "reached") if peer in OURS else (peer,))]
    return markdown(["MiB resident, by events", "goal", *head], rows)


def aims(figures: Figures) -> str:
    """How many times cheaper than Radicale each request is, beside the goal and Cyrus."""
    rows = []
    for name, goal in goals.GOALS.items():
        of = figures.costs.get(name, {})
        theirs = of.get(RADICALE)
        cells = [cell for peer in OURS for cell in _reached(theirs, of.get(peer), goal.times)]
        rows.append([name, times(goal.cyrus), times(goal.times), *cells])
    head = ["times cheaper than Radicale", "Cyrus", "goal"]
    return markdown([*head, *(cell for peer in OURS for cell in (peer, "reached"))], rows)


def growth(before: Figures, after: Figures) -> str:
    """By what each request gets dearer from one size to the next."""
    rows = []
    for name, goal in goals.GOALS.items():
        cells = []
        for peer in OURS:
            first, second = (it.costs.get(name, {}).get(peer) for it in (before, after))
            if isinstance(first, Cost) and isinstance(second, Cost) and first.cpu:
                ratio = second.cpu / first.cpu
                cells += [f"{ratio:.1f}", "yes" if ratio <= goal.growth else "no"]
            else:
                cells += ["", ""]
        rows.append([name, "constant" if goal.growth == goals.CONSTANT else "linear", *cells])
    head = [f"times dearer from {before.events:,} to {after.events:,} events", "goal"]
    return markdown([*head, *(cell for peer in OURS for cell in (peer, "reached"))], rows)


def _held(figures: Figures, peer: str) -> Sequence[str]:
    held = figures.memory.get(peer)
    text = "" if held is None else f"{held / 2**20:.0f}"
    if peer not in OURS:
        return (text,)
    return text, "" if held is None else "yes" if held < goals.MEMORY else "no"


def _reached(theirs: Any, ours: Any, goal: float) -> tuple[str, str]:
    if not (isinstance(ours, Cost) and ours.cpu) or not (
        isinstance(theirs, Cost) or (theirs and theirs.more_than)
    ):
        return "", ""
    more = isinstance(theirs, Missing)
    ratio = (theirs.more_than if isinstance(theirs, Missing) else theirs.cpu) / ours.cpu
    reached = "yes" if ratio >= goal else "unknown" if more else "no"
    return f"{'> ' if more else ''}{times(ratio)}", reached


def _facts(of: Mapping[str, Cost | Missing]) -> str:
    return f"{max((it.facts for it in of.values() if isinstance(it, Cost)), default=0):,}"


def _wait(it: Rate) -> str:
    return f"{milliseconds(it.median)} / {milliseconds(it.p99)}"


class _Notes:
    """Reasons and remarks, numbered as footnotes where they are too long for a cell."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, found: Any, text: Callable[[Any], str]) -> str:
        if found is None:
            return ""
        if isinstance(found, Missing):
            return f"> {found.more_than:g} s" if found.more_than else f"none {self._mark(found.reason)}"
        note = getattr(found, "note", "")
        return f"{text(found)} {self._mark(note)}" if note else text(found)

    def lines(self) -> Iterator[str]:
        if self._numbers:
            yield " ".join(f"({number}) {text}." for text, number in self._numbers.items())

    def _mark(self, text: str) -> str:
        return f"({self._numbers.setdefault(text, len(self._numbers) + 1)})"
