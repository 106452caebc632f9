# SPDX-License-Identifier: GPL-3.0-or-later
"""One request's view of the database: a single read transaction, opened when first needed.

A calendar that is behind the schedule is caught up before it is handed out, in a write transaction of its own; the
snapshot is then taken anew, so that whatever a request sees belongs to one moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from functools import partial
from types import TracebackType
from typing import TypeVar

from scheduling.calendars import catch_up
from scheduling.calendars.calendars import (
    CalendarState,
    Principal,
    built_in,
    find_calendar,
    find_principal,
    list_calendars,
    list_calendars_of,
    list_principals,
)
from scheduling.calendars.flights import flights_of
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Connection, Database
from scheduling.settings import stored
from scheduling.settings.view import View, today

_Read = TypeVar("_Read")
_ATTEMPTS = 3
"""How often calendars are created and caught up before the last consistent state is served. What was caught up since
the request came is not caught up again: what is behind now was written later.
"""
PATIENCE = 4.0
"""Seconds for which a client of the server waits for a calendar that is far behind."""


class Snapshot:
    """Belongs to one thread and one request; a context manager that ends its transaction.

    Whoever reads a calendar that is far behind waits `patience` seconds for it, or as long as it takes. Reading raises
    `StillCatchingUp` afterwards; what was done until then stays done.
    """

    def __init__(
        self,
        database: Database,
        config: Config,
        clock: Callable[[], float] = time.time,
        *,
        patience: float | None = None,
        followers: Followers,
    ) -> None:
        self._followers = followers
        self._database = database
        self._config = config
        self._clock = clock
        self._patience = patience
        self._stack = ExitStack()
        self._connection: Connection | None = None
        self._view: View | None = None

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What went wrong inside goes through the transaction, which knows what a driver's error means.
        self._connection = self._view = None
        self._stack.__exit__(kind, error, trace)

    @property
    def connection(self) -> Connection:
        """The open read transaction."""
        if self._connection is None:
            self._connection = self._stack.enter_context(self._database.read())
        return self._connection

    @property
    def view(self) -> View:
        """The settings as of this snapshot."""
        if self._view is None:
            self._view = stored.view(self.connection, self._config)
        return self._view

    @property
    def now(self) -> int:
        """The epoch second."""
        return self._now()

    @property
    def today(self) -> date:
        """The UTC day."""
        return today(self._now())

    def close(self) -> None:
        """End the read transaction; the next use opens a new one."""
        self._connection = self._view = None
        self._stack.close()

    def principal(self, username: str) -> Principal | None:
        """The served user called `username`."""
        return find_principal(self.connection, username)

    def principals(self) -> list[Principal]:
        """Every served user."""
        return list_principals(self.connection)

    def calendar(self, username: str, slug: str) -> CalendarState | None:
        """One calendar, caught up; None where there is none or calendars are switched off."""
        if slug in self._followers.settle and self._may_have(username, slug):
            self.settle(slug)

        def read(
            connection: Connection, view: View, day: date
        ) -> tuple[CalendarState | None, Sequence[int], Sequence[tuple[int, str]]]:
            found = find_calendar(connection, username, slug, view, day)
            if found is None or not view.calendars.enabled:
                return None, [], []
            owner, state = found
            if state is None:
                return None, [owner.user_id] if slug in built_in(owner, view) else [], []
            return state, [], [(owner.user_id, slug)] if state.behind else []

        return self.caught_up(read)

    def calendars(self, username: str) -> list[CalendarState]:
        """Every calendar of a user, caught up."""
        return self._all(lambda connection, view, day: list_calendars(connection, username, view, day))

    def calendars_of(self, user_id: int) -> list[CalendarState]:
        """As `calendars`, by user id and with those that are hidden from calendar apps and feeds."""
        return self._all(lambda connection, view, day: list_calendars_of(connection, user_id, view, day))

    def caught_up(
        self,
        read: Callable[[Connection, View, date], tuple[_Read, Sequence[int], Sequence[tuple[int, str]]]],
    ) -> _Read:
        """What `read` finds in the open transaction, once no calendar it looks at is missing or behind.

        `read` takes the connection, the settings and the UTC day. It returns what it found, the ids of users who lack
        calendars, and the calendars (user id, slug) that are behind. Those are made and caught up, then it reads again.
        """
        done: set[tuple[int, str, str]] = set()
        for attempt in range(_ATTEMPTS + 1):
            view = self.view
            found, incomplete, late = read(self.connection, view, self.today)
            late = [(user_id, slug) for user_id, slug in late if (user_id, slug, view.epoch) not in done]
            if attempt == _ATTEMPTS or not (incomplete or late):
                break
            if incomplete:
                self._create(incomplete)
            else:
                self._catch_up(late, view)
                done.update((user_id, slug, view.epoch) for user_id, slug in late)
        return found

    def _all(
        self,
        read: Callable[[Connection, View, date], tuple[Principal, list[CalendarState], bool] | None],
    ) -> list[CalendarState]:
        def states(
            connection: Connection, view: View, day: date
        ) -> tuple[list[CalendarState], Sequence[int], Sequence[tuple[int, str]]]:
            found = read(connection, view, day)
            if found is None or not view.calendars.enabled:
                return [], [], []
            owner, all_, incomplete = found
            late = [(owner.user_id, it.slug) for it in all_ if it.behind]
            return all_, [owner.user_id] if incomplete else [], late

        return self.caught_up(states)

    def _create(self, user_ids: Sequence[int]) -> None:
        self.close()
        with self._database.write() as connection:
            for user_id in user_ids:
                catch_up.ensure_calendars(connection, user_id, self._now())

    def bring_up(self, late: Sequence[tuple[int, str]]) -> None:
        """Catch up calendars (user id, slug) that were seen to be behind, together with whoever waits for them too."""
        if late:
            self._catch_up(late, self.view)

    def _catch_up(self, late: Sequence[tuple[int, str]], view: View) -> None:
        self.close()
        flights = flights_of(self._database)
        for user_id, slug in late:
            step = partial(
                catch_up.catch_up_in_steps,
                self._database,
                user_id,
                slug,
                view,
                self._now(),
                patience=self._patience,
                followers=self._followers,
            )
            flights.join(
                (user_id, slug, view.epoch), step, None if self._patience is None else self._patience + 1
            )

    def settle(self, kind: str) -> None:
        """Bring up to date the rows that calendars of a kind are made of (`Followers.settle`), before they are read."""
        self.close()
        self._followers.settle[kind](self._database, self._config, self._followers, self._now())

    def _may_have(self, username: str, slug: str) -> bool:
        """Whether the user may have this built-in calendar; for others it need not be up to date."""
        view = self.view
        if not view.calendars.enabled:
            return False
        found = find_calendar(self.connection, username, slug, view, self.today)
        return found is not None and slug in built_in(found[0], view)

    def _now(self) -> int:
        return int(self._clock())
