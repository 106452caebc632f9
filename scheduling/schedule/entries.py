# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule file says, row by row, before it meets the database."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from scheduling import kinds
from scheduling.errors import SchedulingError
from scheduling.models import Blocker, Job, TimeOff, User

MAX_SHOWN = 20

Value: TypeAlias = str | bool | float | Decimal | datetime | date | None
"""What a column holds."""
Input: TypeAlias = Value | Sequence[date]
"""What a column may be given."""


class Format(enum.StrEnum):
    """The kinds of file."""

    CSV = "csv"
    JSON = "json"
    ICS = "ics"


class Kind(enum.StrEnum):
    """The kinds of row."""

    USER = "user"
    JOB = kinds.JOBS.noun
    BLOCKER = kinds.BLOCKERS.noun
    TIME_OFF = kinds.TIME_OFF.slug

    @property
    def noun(self) -> str:
        """What one such row is called in a sentence."""
        return "time-off entry" if self is Kind.TIME_OFF else self.value


LISTS: Mapping[str, Kind] = {
    User.__tablename__: Kind.USER,
    Job.__tablename__: Kind.JOB,
    Blocker.__tablename__: Kind.BLOCKER,
    TimeOff.__tablename__: Kind.TIME_OFF,
}
"""The lists of a schedule file in JSON, which are called as the tables are, in the order in which they are read."""
_ORDER = tuple(LISTS)
_PLACE = re.compile(rf"(line|event|item|{'|'.join(LISTS)})(?:, entry)? ([0-9]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One row of a file.

    `key` is the reference, for a user the username. `users` are usernames, None where the row says nothing
    of them. `values` holds the columns that the row gives; what it does not give stays as it is. A naive
    datetime is local time in `time_zone`, without one in the first user's. With `shared`, the row speaks for
    its user only: a job keeps its other users, and nothing is taken away from somebody else.
    """

    kind: Kind
    place: str
    key: str
    values: Mapping[str, Value]
    users: tuple[str, ...] | None = None
    time_zone: str | None = None
    shared: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many rows loading has added, changed and left alone."""

    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a file says, what of it cannot be understood, and what was left out or guessed: sentences that begin with
    their place.
    """

    entries: Sequence[Entry]
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()


class BadValue(ValueError):
    """Cells cannot be understood; its text says why, without saying where, and `reasons` each by itself."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


class UnknownUser(BadValue):
    """A cell names a user who is not there."""


class LoadFailed(SchedulingError):
    """The file was not loaded, and nothing has been changed."""

    def __init__(self, problems: Sequence[str], *, noun: str = "") -> None:
        """Keep `problems`, each a sentence that begins with its place in the file, in the file's order."""
        self.problems = tuple(sorted(problems, key=_place))
        more = len(self.problems) - MAX_SHOWN
        lines = [LoadFailed.__doc__ or "", *self.problems[:MAX_SHOWN]]
        super().__init__("\n".join([*lines, f"... and {more} more."] if more > 0 else lines), noun=noun)


class UserNeeded(LoadFailed):
    """The file does not say whose its rows are."""


def _place(problem: str) -> tuple[int, int]:
    """Where in a file a problem is; what names no place comes first."""
    found = _PLACE.match(problem)
    if found is None:
        return -1, 0
    return _ORDER.index(found[1]) if found[1] in LISTS else 0, int(found[2])
