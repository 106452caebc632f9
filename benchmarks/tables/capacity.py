# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of `python -m benchmarks.scale`, their tables, and what they mean for more users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.schedules.population import Filled
from benchmarks.servers.statements import Executed, Size
from benchmarks.tables.report import markdown, milliseconds
from benchmarks.traffic.mix import CTAG, FEED, FIRST, MULTI, SYNC

DEVICES, EVERY, CALENDARS = 3, 900, 3
"""Each user's devices, the seconds between two of their looks, and the calendars each looks at."""
CHANGED = 0.1
"""How often a look finds something new to fetch."""
FEED_EVERY = 3600
"""Seconds between two fetches of a user's feed."""
PEAK = 3
"""The busiest minutes, as a multiple of the mean."""
BUSY = 0.5
"""The share of a core to use in the busiest minutes."""
USERS = (2_000, 10_000, 100_000)
_LOOK = DEVICES / EVERY
RATES: Mapping[str, float] = {
    FIRST: _LOOK,
    CTAG: _LOOK * CALENDARS / 2,
    SYNC: _LOOK * CALENDARS / 2,
    MULTI: _LOOK * CHANGED,
    FEED: 1 / FEED_EVERY,
}
"""Requests per second of one user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """Some seconds of one kind of poll, or of the mix: CPU seconds of all server processes and of the database, seconds
    until half and 99 of 100 answers were read, and what the database executed for `executed_for` of them.
    """

    kind: str
    requests: int
    took: float
    server_cpu: float
    database_cpu: float
    median: float
    p99: float
    executed: Executed | None = None
    executed_for: int = 0

    @property
    def server_each(self) -> float:
        """CPU seconds of the servers per request."""
        return self.server_cpu / self.requests

    @property
    def database_each(self) -> float:
        """CPU seconds of the database per request."""
        return self.database_cpu / self.requests


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """One run: `memory` in bytes of each server's worker after the polls of calendars, `feeds_memory` after it has
    written its share of all feeds too.
    """

    filled: Filled
    mix: Phase
    kinds: Sequence[Phase]
    memory: Sequence[int]
    feeds_memory: Sequence[int]
    sizes: Sequence[Size]


def mixed(it: Scale) -> str:
    """What the mix reached."""
    mix = it.mix
    cores = [mix.requests / cpu for cpu in (mix.server_cpu, mix.database_cpu)]
    both = mix.requests / (mix.server_cpu + mix.database_cpu)
    rows = [
        ["requests per second, clients on the same cores", f"{mix.requests / mix.took:,.0f}"],
        ["requests per CPU second of the servers", f"{cores[0]:,.0f}"],
        ["requests per CPU second of the database", f"{cores[1]:,.0f}"],
        ["requests per CPU second of both together", f"{both:,.0f}"],
        ["ms until half are answered", milliseconds(mix.median)],
        ["ms until 99 of 100 are answered", milliseconds(mix.p99)],
        ["MiB resident of each worker after polls of calendars", _mebibytes(it.memory)],
        ["MiB resident of each worker after writing half of all feeds too", _mebibytes(it.feeds_memory)],
    ]
    return markdown(["the mix", "figure"], rows)


def by_kind(it: Scale) -> str:
    """CPU time and statements of every kind."""
    head = ["per request", "server CPU ms", "database CPU ms", "ms, half", "ms, 99 of 100"]
    head += ["statements", "begin, end, ping", "rows stored later"]
    return markdown(head, [_kind(phase) for phase in it.kinds])


def stored(it: Scale) -> str:
    """How long filling took, and what it takes on disk."""
    filled = it.filled
    objects = filled.users * filled.objects
    total = sum(size.data + size.indexes for size in it.sizes)
    rows = [
        [size.table, *(f"{value / objects:,.0f}" for value in (size.data, size.indexes))] for size in it.sizes
    ]
    took = (
        f"{filled.users:,} users with {filled.objects:,} objects each: written with triggers in {filled.writing:.0f} s,"
        f" logins and feeds made in {filled.logins:.0f} s, caught up in {filled.catching_up:.0f} s"
        f" ({objects / filled.catching_up:,.0f} objects per second), {total / 2**30:.2f} GiB in these tables."
    )
    return f"{took}\n\n{markdown(['bytes per object', 'table', 'indexes'], rows)}"


def plan(it: Scale) -> str:
    """What more users need, by the measured costs."""
    cost = {phase.kind: phase for phase in it.kinds}
    rate = sum(RATES.values())
    server = sum(rate * cost[kind].server_each for kind, rate in RATES.items())
    database = sum(rate * cost[kind].database_each for kind, rate in RATES.items())
    disk = sum(size.data + size.indexes for size in it.sizes) / it.filled.users
    rows = [
        [
            f"{users:,}",
            f"{rate * users:,.0f}",
            f"{rate * users * PEAK:,.0f}",
            _cores(server * users),
            _cores(database * users),
            f"{disk * users / 2**30:,.1f}",
        ]
        for users in USERS
    ]
    head = ["users", "polls/s, mean", "polls/s, peak", "server cores", "database cores", "GiB"]
    return markdown(head, rows)


def _mebibytes(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size / 2**20:.0f}" for size in sizes)


def _cores(cpu: float) -> str:
    """To have for so many CPU seconds per second in the mean."""
    return f"{cpu * PEAK / BUSY:,.1f}"


def _kind(phase: Phase) -> list[str]:
    done = phase.executed or Executed()
    counts = [
        f"{count / phase.executed_for:.2f}" if phase.executed_for else ""
        for count in (done.statements, done.around, done.ledger)
    ]
    times = (phase.server_each, phase.database_each, phase.median, phase.p99)
    return [phase.kind, *(milliseconds(seconds) for seconds in times), *counts]
