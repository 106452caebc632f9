# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked about availability, with its bounds, and the same as a short text that an entity tag can carry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scheduling.errors import Invalid
from scheduling.ical.series import EARLIEST, LATEST

LONGEST = 5 * 366 * 86400
MOST_PEOPLE = 200
MOST_PERSON_DAYS = 12_000
"""People times days: 200 people for 60 days, or 30 for 400."""
LONGEST_BUFFER = 86400
LONGEST_STALENESS = 366 * 86400
MOST_GRANULARITY = 1440


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """[start, end) in epoch seconds. `before` and `after` are the seconds kept around jobs, `granularity` the minutes
    to which everything but free time is rounded outward, counted from `start`; `hours` says whether working hours
    count, and `max_staleness` how many seconds ago a source may have been read.
    """

    start: int
    end: int
    before: int = 0
    after: int = 0
    granularity: int = 0
    hours: bool = True
    max_staleness: int = 3600

    def check(self, people: int = 1) -> None:
        """Raises `Invalid` unless this can be answered for so many people."""
        if not EARLIEST + LONGEST_BUFFER <= self.start < self.end <= LATEST - LONGEST_BUFFER:
            raise Invalid("The end must be later than the start, and both must be in the years 1 to 9999.")
        if self.end - self.start > LONGEST:
            raise Invalid(f"The range is longer than {LONGEST // 86400} days; ask for parts of it.")
        if not 1 <= people <= MOST_PEOPLE:
            raise Invalid(f"Ask about 1 to {MOST_PEOPLE} users at a time.")
        if people * (self.end - self.start) > MOST_PERSON_DAYS * 86400:
            raise Invalid(
                f"All users together have more than {MOST_PERSON_DAYS:,} days in this range; ask for a "
                "shorter range or for fewer users."
            )
        if not (0 <= self.before <= LONGEST_BUFFER and 0 <= self.after <= LONGEST_BUFFER):
            raise Invalid("A buffer must have 0 to 1440 minutes.")
        if not 0 <= self.granularity <= MOST_GRANULARITY:
            raise Invalid(f"The granularity must be 0 to {MOST_GRANULARITY} minutes.")
        if not 0 <= self.max_staleness <= LONGEST_STALENESS:
            raise Invalid("The staleness of a source must be at most 366 days.")

    def during(self, start: int, end: int) -> Question:
        """The same about another range."""
        return replace(self, start=start, end=end)

    @property
    def text(self) -> str:
        """All of it, in characters that an entity tag may have."""
        values = (self.start, self.end, self.before, self.after, self.granularity, int(self.hours))
        return "_".join(map(str, (*values, self.max_staleness)))

    @classmethod
    def parse(cls, text: str) -> Question:
        """Read `text` back. Raises ValueError."""
        start, end, before, after, granularity, hours, max_staleness = (int(it) for it in text.split("_"))
        return cls(
            start=start,
            end=end,
            before=before,
            after=after,
            granularity=granularity,
            hours=bool(hours),
            max_staleness=max_staleness,
        )
