# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping everybody's conflicts up to date, whether or not anybody reads calendars: what the daemon does every few
seconds, and a reader of conflicts before he reads.

What changed is found by the outbox, like calendars to be caught up are; then the changed objects are compared. When
there is nothing to do it costs three indexed look-ups. Any number of processes may do it at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from scheduling import settings
from scheduling.catch_up import catch_up_step, ensure_calendars
from scheduling.config import Config
from scheduling.conflicts import checks
from scheduling.conflicts.check import check_step
from scheduling.conflicts.rules import Rules
from scheduling.database import Database
from scheduling.models import Conflict, ConflictUser, ScheduleChange, User
from scheduling.view import View

_CHANGED = select(ScheduleChange.user_id, ScheduleChange.slug).distinct()


class Watch:
    """Every step is a transaction of its own. Moments are epoch seconds."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._config = config
        self._compared_by = ""

    def turn(self, now: int, limit: int = 100) -> None:
        """Catch up at most `limit` calendars that changed, and compare what changed for as many users. Raises
        `DatabaseUnavailable`.
        """
        with self._database.read() as connection:
            view = settings.view(connection, self._config)
            if not view.conflicts.enabled and self._compared_by == Rules.of(view).epoch:
                return
            late = connection.execute(_CHANGED.limit(limit)).all() if view.conflicts.enabled else []
        for user_id, slugs in _grouped(late):
            self._catch_up(user_id, slugs, view, now)
        rules = Rules.of(view)
        self._compare(self._waiting(rules, now, limit), rules, now)

    def _waiting(self, rules: Rules, now: int, limit: int) -> list[int]:
        with self._database.read() as connection:
            over = checks.is_any_over(connection, now)
            others = [] if self._compared_by == rules.epoch else _by_other_rules(connection, rules, limit)
        if over:
            with self._database.write() as connection:
                checks.mark_over(connection, now)
        if not others:
            self._compared_by = rules.epoch
        with self._database.read() as connection:
            return [*others, *(it for it in checks.waiting(connection, limit) if it not in others)]

    def _catch_up(self, user_id: int, slugs: Iterable[str], view: View, now: int) -> None:
        with self._database.write() as connection:
            ensure_calendars(connection, user_id, now)
        for slug in slugs:
            more = True
            while more:
                with self._database.write() as connection:
                    _, more = catch_up_step(connection, user_id, slug, view, now)

    def _compare(self, users: Iterable[int], rules: Rules, now: int) -> None:
        for user_id in users:
            more = True
            while more:
                with self._database.write() as connection:
                    more = check_step(connection, user_id, rules, now)


def _grouped(late: Iterable[Any]) -> list[tuple[int, list[str]]]:
    found: dict[int, list[str]] = {}
    for user_id, slug in late:
        found.setdefault(user_id, []).append(slug)
    return sorted(found.items())


def _by_other_rules(connection: Connection, rules: Rules, limit: int) -> list[int]:
    """Users whose events were last compared by other rules, or never."""
    unlike = (
        select(User.id)
        .outerjoin(ConflictUser, ConflictUser.user_id == User.id)
        .where(or_(ConflictUser.epoch.is_(None), ConflictUser.epoch != rules.epoch))
        .limit(limit)
    )
    return list(connection.scalars(unlike))


def prune(connection: Connection, resolved_days: int, now: int) -> int:
    """Forget conflicts that were resolved more than `resolved_days` ago, and have those looked at whose user or other
    calendar is gone; returns how many were forgotten.
    """
    checks.mark_orphans(connection)
    before = datetime.fromtimestamp(now, UTC) - timedelta(days=resolved_days)
    old = delete(Conflict).where(Conflict.status == "resolved", Conflict.resolved_at < before)
    return connection.execute(old).rowcount
