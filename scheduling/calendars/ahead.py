# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up calendars before somebody asks for them: what the worker does every few seconds.

What the schedule changed is found by the outbox, with one indexed look-up where nothing has. What settings or time
changed is looked for among all calendars, once for each state of these.
"""

from __future__ import annotations

from collections.abc import Hashable

from sqlalchemy import Connection, bindparam, select

from scheduling.calendars import calendars
from scheduling.calendars.catch_up import catch_up_in_steps
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import StillCatchingUp
from scheduling.models import Calendar, ScheduleChange
from scheduling.settings import stored
from scheduling.settings.view import View, today

_CHANGED = (
    select(ScheduleChange.user_id, ScheduleChange.slug)
    .join(Calendar, (Calendar.user_id == ScheduleChange.user_id) & (Calendar.slug == ScheduleChange.slug))
    .distinct()
    .limit(bindparam("some"))
)
PATIENCE = 2.0
"""Seconds for one calendar in one turn; a calendar that is far behind lets others go before its next steps."""


class CatchUpAhead:
    """Every step is a transaction of its own. Moments are epoch seconds."""

    def __init__(
        self, database: Database, config: Config, *, followers: Followers, patience: float = PATIENCE
    ) -> None:
        self._database = database
        self._config = config
        self._followers = followers
        self._patience = patience
        self._known: Hashable = None

    def turn(self, now: int, limit: int = 100) -> bool:
        """Catch up at most `limit` calendars that exist and are behind the schedule, the settings or the time. Returns
        whether there may be more. Raises `DatabaseUnavailable`.
        """
        with self._database.read() as connection:
            view = stored.view(connection, self._config)
            late = self._late(connection, view, now, limit)
        more = len(late) >= limit
        for user_id, slug in late:
            try:
                catch_up_in_steps(
                    self._database,
                    user_id,
                    slug,
                    view,
                    now,
                    patience=self._patience,
                    followers=self._followers,
                )
            except StillCatchingUp:
                more = True
        return more

    def _late(self, connection: Connection, view: View, now: int, limit: int) -> list[tuple[int, str]]:
        horizon = view.horizon(today(now))
        state = (view.epoch, horizon.start, horizon.end)
        if state != self._known:
            late = calendars.behind(connection, view, today(now), limit)
            if not late:
                self._known = state
            return late
        return [(row.user_id, row.slug) for row in connection.execute(_CHANGED, {"some": limit})]
