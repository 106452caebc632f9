# SPDX-License-Identifier: GPL-3.0-or-later
"""Finishing what concerns a large outside calendar and takes several transactions: showing a state of it, and removing
its rows once its subscription was ended. Any process may do it; what one leaves undone, the worker does.
"""

from __future__ import annotations

from sqlalchemy import select

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up_in_steps
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.models import Subscription
from scheduling.settings import stored
from scheduling.subscriptions import applying, erasing, history, subscriptions
from scheduling.subscriptions.record import slug_of

_S = Subscription


class Unfinished:
    """Every step is a transaction of its own. Moments are epoch seconds."""

    def __init__(self, database: Database, config: Config, *, followers: Followers) -> None:
        self._database = database
        self._config = config
        self._followers = followers

    def turn(self, now: int) -> bool:
        """Finish all that nobody is at. Returns False: there is nothing more then. Raises `DatabaseUnavailable`."""
        with self._database.read() as connection:
            shown = applying.left(connection, now)
            erased = erasing.erased(connection)
        for subscription_id in shown:
            finish(self._database, self._config, subscription_id, followers=self._followers)
        for subscription_id, user_id in erased:
            erasing.remove(self._database, subscription_id, user_id)
        return False


def finish(database: Database, config: Config, subscription_id: int, *, followers: Followers) -> None:
    """Show what somebody chose (`history.accept`, `history.roll_back`), or a killed importer began to show. Nothing
    where that was small, or is done. Raises `DatabaseUnavailable`.
    """
    if applying.go_on(database, subscription_id) is None:
        return
    with database.write() as connection:
        columns = (_S.user_id, _S.detached_at, _S.erased)
        row = connection.execute(select(*columns).where(_S.id == subscription_id)).first()
        if row is None or row.erased:
            return
        if row.detached_at is None:
            history.settle(connection, subscriptions.get(connection, subscription_id, actor=SYSTEM))
        view = stored.view(connection, config)
    catch_up_in_steps(database, row.user_id, slug_of(subscription_id), view, followers=followers)
