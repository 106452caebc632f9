# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals: CPU per request in one run with 10,000 events, as a multiple of vanilla Radicale's, and its growth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVENTS = 10_000
MEMORY = 150 * 2**20
"""Resident bytes of a worker."""
CONSTANT, LINEAR = 2.0, 12.0
"""From `EVENTS` to ten times as many: the factors up to which a rise in cost counts as constant, and as linear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """How many times cheaper than vanilla Radicale, how many times Cyrus (C) is by the same measure as taken when the
    goals were set, and by what the cost may rise.
    """

    times: float
    cyrus: float
    growth: float


GOALS: Mapping[str, Goal] = {
    "CTag poll": Goal(times=2000, cyrus=1100, growth=CONSTANT),
    "etag listing": Goal(times=60, cyrus=20, growth=LINEAR),
    "initial sync": Goal(times=100, cyrus=38, growth=LINEAR),
    "unchanged sync": Goal(times=1200, cyrus=180, growth=CONSTANT),
    "week query": Goal(times=150, cyrus=8, growth=CONSTANT),
    "month query with expand": Goal(times=500, cyrus=120, growth=LINEAR),
    "multiget of 50": Goal(times=12, cyrus=2.4, growth=CONSTANT),
    "GET of an object": Goal(times=3, cyrus=0.7, growth=LINEAR),
    "whole .ics": Goal(times=50, cyrus=1.9, growth=LINEAR),
    "304 of the whole .ics": Goal(times=2500, cyrus=1000, growth=CONSTANT),
    "free-busy of a month": Goal(times=250, cyrus=38, growth=LINEAR),
}
