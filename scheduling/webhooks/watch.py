# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding changed jobs that webhooks wait for, whether or not anybody reads calendars."""

from __future__ import annotations

from scheduling.calendars.catch_up import catch_up_in_steps, ensure_calendars
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.kinds import JOBS
from scheduling.settings import stored
from scheduling.webhooks import jobs


class JobWatch:
    """Every step is a transaction of its own. Moments are epoch seconds."""

    def __init__(self, database: Database, config: Config, *, followers: Followers) -> None:
        self._database = database
        self._config = config
        self._followers = followers

    def turn(self, now: int, limit: int = 100) -> bool:
        """Catch up at most `limit` calendars of jobs that changed, where a webhook is to be told of that. Returns
        whether there may be more. Raises `DatabaseUnavailable`.
        """
        with self._database.read() as connection:
            late = jobs.waiting(connection, limit)
            if late:
                shown = stored.view(connection, self._config)
        for user_id in late:
            with self._database.write() as connection:
                ensure_calendars(connection, user_id, now)
            catch_up_in_steps(self._database, user_id, JOBS.slug, shown, now, followers=self._followers)
        return len(late) >= limit
