# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told what catching up changed, and who keeps the rows up to date that calendars of some kinds are made of.

Catching up knows its followers as callables only. The composition (`scheduling/composition.py`) names all of them, and
whoever catches up is given them as a required argument, so that no process can leave one out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.view import View

Extent = tuple[int, int]
"""Start and end in epoch seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one step of catching up changed in one calendar. `now` is in epoch seconds.

    `shown` are the names of objects that are new, or whose text or time is another one now; `removed` are the names of
    those that are gone. Each has the epoch second at which the object ends, before or after the change, the later one.
    `sources` has the source rows that changed and not only look different because of a setting, each with the extents
    of its object before and after. `everything` says that the schedule asked for all of the calendar to be looked at,
    for example because the user is called something else.
    """

    user_id: int
    slug: str
    kind: str
    view: View
    now: int
    shown: Mapping[str, int]
    removed: Mapping[str, int]
    sources: Mapping[int, Sequence[Extent]]
    everything: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UserGone:
    """A user with changed calendars does not exist any more. `now` is in epoch seconds."""

    user_id: int
    now: int


Follower = Callable[[Connection, Change | UserGone], None]
"""Told in the transaction of the change, once its objects and revisions are written. It writes what it has to remember,
waits for nobody, and does everything else later in a transaction of its own.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Followers:
    """All of them, in the order in which they are told. `settle` has, by kind of calendar, what brings up to date the
    rows that such calendars are made of, in transactions of its own; it is called before one is read.
    """

    followers: tuple[Follower, ...]
    settle: Mapping[str, Callable[[Database, Config, Followers, int], None]]

    def tell(self, connection: Connection, change: Change | UserGone) -> None:
        """Tell every follower."""
        for follow in self.followers:
            follow(connection, change)
