# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of calendar, each a file, and the registry of them that everything else asks.

A new kind is a file here and its name in `_KINDS`; with a table of its own, a migration too (docs/changes.md).
"""

from __future__ import annotations

from scheduling.kinds import registry
from scheduling.kinds.blockers import BLOCKERS
from scheduling.kinds.conflicts import CONFLICTS
from scheduling.kinds.external import EXTERNAL
from scheduling.kinds.jobs import JOBS
from scheduling.kinds.registry import every, of, of_calendar, of_event, register
from scheduling.kinds.time_off import TIME_OFF

__all__ = [
    "BLOCKERS",
    "CONFLICTS",
    "EXTERNAL",
    "JOBS",
    "TIME_OFF",
    "every",
    "of",
    "of_calendar",
    "of_event",
    "register",
]

_KINDS = (JOBS, BLOCKERS, TIME_OFF, EXTERNAL, CONFLICTS)
"""In the order in which they are listed."""

for _kind in _KINDS:
    registry.register(_kind)
