# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping everybody's conflicts up to date, whether or not anybody reads calendars: what the daemon does every few
seconds, and a reader of conflicts before he reads.

What changed is found by the outbox, like calendars to be caught up are; then the changed objects are compared. When
there is nothing to do it costs four indexed look-ups in one transaction. Any number of processes may do it at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, bindparam, delete, exists, select, union_all

from scheduling.calendars.calendars import BLOCKING
from scheduling.calendars.catch_up import catch_up_in_steps, ensure_calendars
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.conflicts import checks
from scheduling.conflicts.check import check_step
from scheduling.conflicts.comparison import STEP
from scheduling.conflicts.rules import Rules
from scheduling.database.connection import Database
from scheduling.models import Calendar, Conflict, ConflictUser, ScheduleChange, User
from scheduling.settings import stored
from scheduling.settings.view import View

_CHANGED = select(ScheduleChange.user_id, ScheduleChange.slug).distinct()
_UNLIKE = union_all(
    select(User.id).where(~exists().where(ConflictUser.user_id == User.id)),
    select(ConflictUser.user_id).where(ConflictUser.epoch != bindparam("epoch")),
).limit(bindparam("some"))
"""The latter of users that are gone, too: what they leave behind is to be resolved. Nobody is in both."""
_SLUGS = select(Calendar.slug).where(Calendar.user_id == bindparam("user"), Calendar.kind.in_(BLOCKING))

_STEPS = 50
"""Steps for one user in one turn at most; others have theirs meanwhile."""
_ASKED_AGAIN = 900
"""Seconds after which everybody's rules are looked at again. Another process may have followed rules that were changed
back before this one saw them.
"""


@dataclass(slots=True)
class Compared:
    """The rules (their epoch) by which everybody's events are known to be compared, as of a moment; "" for none."""

    epoch: str = ""
    asked_at: int = 0

    def is_by(self, rules: Rules, now: int) -> bool:
        """Whether nobody has to be asked about."""
        return self.epoch == rules.epoch and abs(now - self.asked_at) < _ASKED_AGAIN


_READERS: WeakKeyDictionary[Database, Compared] = WeakKeyDictionary()


class Watch:
    """Every step is a transaction of its own. Moments are epoch seconds."""

    def __init__(
        self, database: Database, config: Config, compared: Compared | None = None, *, followers: Followers
    ) -> None:
        self._followers = followers
        self._database = database
        self._config = config
        self._compared = compared or Compared()

    @classmethod
    def of_readers(cls, database: Database, config: Config, *, followers: Followers) -> Watch:
        """A watch that knows what readers in this process found out: there is one for every request."""
        compared = _READERS.setdefault(database, Compared())
        return cls(database, config, compared, followers=followers)

    def turn(self, now: int, limit: int = 100) -> bool:
        """Catch up at most `limit` calendars that changed, and compare what changed for as many users. Returns whether
        there may be more. Raises `DatabaseUnavailable`.
        """
        with self._database.read() as connection:
            view = stored.view(connection, self._config)
            rules = Rules.of(view)
            is_known = self._compared.is_by(rules, now)
            if is_known and not rules.enabled:
                return False
            late = connection.execute(_CHANGED.limit(limit)).all() if rules.enabled else []
            others = [] if is_known else self._by_other_rules(connection, rules, now, limit)
            over = checks.is_any_over(connection, now)
            waiting = checks.waiting(connection, limit)
        for user_id, slugs in _grouped(late):
            self._catch_up(user_id, slugs, view, now)
        for user_id in others if rules.enabled else ():
            self._catch_up(user_id, None, view, now)
        if over:
            with self._database.write() as connection:
                checks.mark_over(connection, now)
        if late or others or over:
            with self._database.read() as connection:
                waiting = checks.waiting(connection, limit)
        users = [*others, *(user_id for user_id in waiting if user_id not in others)]
        more = self._compare(users, rules, now)
        return more or any(len(found) >= limit for found in (late, others, waiting))

    def _by_other_rules(self, connection: Connection, rules: Rules, now: int, limit: int) -> list[int]:
        """Users whose events were last compared by other rules, or never. Nobody may have read the calendars of these,
        and the outbox does not keep what changes in calendars that do not exist.
        """
        found = list(connection.scalars(_UNLIKE, {"epoch": rules.epoch, "some": limit}))
        self._compared.epoch, self._compared.asked_at = "" if found else rules.epoch, now
        return found

    def _catch_up(self, user_id: int, slugs: Iterable[str] | None, view: View, now: int) -> None:
        """These calendars of a user, or all whose events can be in conflict."""
        with self._database.write() as connection:
            ensure_calendars(connection, user_id, now)
            if slugs is None:
                slugs = connection.scalars(_SLUGS, {"user": user_id}).all()
        for slug in slugs:
            catch_up_in_steps(self._database, user_id, slug, view, now, followers=self._followers)

    def _compare(self, users: Iterable[int], rules: Rules, now: int) -> bool:
        """Returns whether there is more to compare for somebody."""
        more = False
        for user_id in users:
            size = STEP
            for _ in range(_STEPS):
                size = check_step(self._database, user_id, rules, now, size)
                if not size:
                    break
            more |= size > 0
        return more


def settle(database: Database, config: Config, followers: Followers, now: int) -> None:
    """Bring conflicts up to date before they are read, as the worker does."""
    Watch.of_readers(database, config, followers=followers).turn(now)


def _grouped(late: Iterable[Any]) -> list[tuple[int, list[str]]]:
    found: dict[int, list[str]] = {}
    for user_id, slug in late:
        found.setdefault(user_id, []).append(slug)
    return sorted(found.items())


def prune(connection: Connection, resolved_days: int, now: int) -> int:
    """Forget conflicts that were resolved more than `resolved_days` ago, and have those looked at whose user or other
    calendar is gone; returns how many were forgotten.
    """
    checks.mark_orphans(connection)
    before = datetime.fromtimestamp(now, UTC) - timedelta(days=resolved_days)
    old = delete(Conflict).where(Conflict.status == "resolved", Conflict.resolved_at < before)
    return connection.execute(old).rowcount
