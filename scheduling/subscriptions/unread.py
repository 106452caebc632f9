# SPDX-License-Identifier: GPL-3.0-or-later
"""Time about which an outside calendar says something that could not be read. It is unknown, never free: what is not
busy by something else there has no other answer. This is the only place that decides it, and where it is put in words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from scheduling.ical.series import EARLIEST, LATEST

RULE = "time-unknown"
SENTENCE = (
    "A part of this calendar cannot be read. The time that it may take is unknown and not shown as free."
)
_MOST = 100
"""Gaps that are told apart; more of them are one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Epoch seconds, exclusive end; None reaches as far as time does. `shown_free` is what says itself that it takes no
    time, which counts where the policy is that everything blocks.
    """

    start: int | None = None
    end: int | None = None
    shown_free: bool = False

    def within(self, start: int, end: int) -> tuple[int, int] | None:
        """Its part of a range; None where it has none."""
        low = start if self.start is None else max(start, self.start)
        high = end if self.end is None else min(end, self.end)
        return (low, high) if low < high else None


ALWAYS = Gap()


def merged(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """The same time in as few gaps as possible, in order."""
    every = set(gaps)
    found: list[Gap] = []
    for shown_free in (False, True):
        kind = [it for it in every if it.shown_free == shown_free]
        spans = sorted(_bounds(it) for it in kind)
        joined: list[tuple[int, int]] = []
        for low, high in spans:
            if joined and low <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], high))
            else:
                joined.append((low, high))
        if len(joined) > _MOST:
            joined = [(joined[0][0], joined[-1][1])]
        found += [_gap(low, high, shown_free=shown_free) for low, high in joined]
    return tuple(found)


def dumps(gaps: Iterable[Gap]) -> str | None:
    """As it is stored; None where everything was read."""
    rows = [[it.start, it.end, it.shown_free] for it in merged(gaps)]
    return json.dumps(rows) if rows else None


def loads(text: str | None, *, everything_blocks: bool) -> tuple[Gap, ...]:
    """The gaps that count under the policy."""
    if text is None:
        return ()
    found = [Gap(start=start, end=end, shown_free=free) for start, end, free in json.loads(text)]
    return tuple(it for it in found if everything_blocks or not it.shown_free)


def _bounds(gap: Gap) -> tuple[int, int]:
    return EARLIEST if gap.start is None else gap.start, LATEST if gap.end is None else gap.end


def _gap(low: int, high: int, *, shown_free: bool) -> Gap:
    return Gap(
        start=None if low <= EARLIEST else low, end=None if high >= LATEST else high, shown_free=shown_free
    )
