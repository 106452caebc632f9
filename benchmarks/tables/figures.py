# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run finds out, as values that become JSON, tables and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Means per request in seconds: CPU time of all the peer's processes, of its database server's alone, and the time
    until the answer was read.

    `facts` is how many members, events, instances or busy periods the answer named, `size` its body in bytes, `note`
    what the peer did instead.
    """

    requests: int
    cpu: float
    database_cpu: float
    wall: float
    facts: int
    size: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Many clients at once: requests per second, and seconds until half and 99 of 100 answers were read."""

    requests: int
    per_second: float
    median: float
    p99: float
    cpu: float


def half_and_most(times: Sequence[float]) -> tuple[float, float]:
    """The seconds within which half and 99 of 100 were answered; `times` rise and are not empty."""
    return times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """The reason for a missing figure. If the request took too long, also the seconds that it takes at least."""

    reason: str
    more_than: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One calendar size: `costs` and `rates` by request and peer, `memory` in bytes by peer after all requests."""

    events: int
    costs: Mapping[str, Mapping[str, Cost | Missing]]
    rates: Mapping[str, Mapping[str, Rate | Missing]] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
