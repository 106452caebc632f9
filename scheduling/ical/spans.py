# SPDX-License-Identifier: GPL-3.0-or-later
"""How far calendar objects extend in time: the classes of extents that queries tell apart, and the window in which
recurring ones are expanded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

FOREVER = 253_402_300_800
"""The `ends_at` of an object that never ends: the first second of year 10000."""
NEVER = 4_000_000
"""The `leaves_on` of an object that never leaves the window; beyond `date.max.toordinal()`."""
LONG = 7 * 86400
"""Seconds; single objects longer than this are few and indexed apart, which bounds every time-range query."""
SHORT_SPAN, LONG_SPAN, RECURRING = 0, 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Horizon:
    """The window in which recurring objects are expanded: epoch seconds, exclusive end. Around `present` it matters
    most that instances are exact.
    """

    start: int
    end: int
    present: int = field(default=0, compare=False)

    @property
    def year(self) -> int:
        """From when on zone rules have to be right: where history is unlimited, ten years before the end,
        which is as far as a zone without yearly rules is written out.
        """
        start, end = (datetime.fromtimestamp(max(moment, 0), UTC).year for moment in (self.start, self.end))
        return max(start, end - 10)
