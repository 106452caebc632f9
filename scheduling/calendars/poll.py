# SPDX-License-Identifier: GPL-3.0-or-later
"""One statement for what every polling client asks: is this app password right, and what state is the user's own
calendar in, or are all of them. The answer is that of `credentials.find_login`, `settings.view` and
`calendars.find_calendar` or `calendars.list_calendars` together.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, select

from scheduling import kinds
from scheduling.calendars.calendars import (
    COLUMNS,
    PERMITTED,
    RESTRICTED,
    SERVED,
    UNRESTRICTED,
    WITH_ROLE,
    CalendarState,
    Principal,
    all_of,
    built_in,
    state_of,
)
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.database.prepared import Prepared, Rows
from scheduling.database.types import UtcDateTime
from scheduling.models import AppPassword, Calendar, Setting, User
from scheduling.settings import stored as settings
from scheduling.settings.view import DayView, today

_FIELD, _RECORD = "\x1f", "\x1e"
_JOINED = {
    "sqlite": func.group_concat(
        Setting.name + func.char(ord(_FIELD)) + Setting.value, func.char(ord(_RECORD))
    ),
    "postgresql": func.string_agg(
        Setting.name + func.chr(ord(_FIELD)) + Setting.value, func.chr(ord(_RECORD))
    ),
}


def _logged_in(dialect: str, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *columns,
            AppPassword.id.label("app_password_id"),
            AppPassword.last_used_at,
            select(_JOINED[dialect]).scalar_subquery().label("settings"),
        )
        .select_from(User)
        .join(AppPassword, and_(AppPassword.user_id == User.id, AppPassword.revoked_at.is_(None)))
        .where(User.username == bindparam("username"), AppPassword.lookup == bindparam("lookup"), SERVED)
    )


def _one(dialect: str) -> Select[*tuple[Any, ...]]:
    return _logged_in(dialect, *COLUMNS).join(
        Calendar,
        and_(
            Calendar.user_id == User.id,
            Calendar.slug == bindparam("slug"),
            UNRESTRICTED,  # the others may have to be settled first
            ~Calendar.hidden,
        ),
    )


def _all(dialect: str) -> Select[*tuple[Any, ...]]:
    calendars = and_(Calendar.user_id == User.id, ~Calendar.hidden, PERMITTED)
    return _logged_in(dialect, *WITH_ROLE).outerjoin(Calendar, calendars).order_by(Calendar.id)


_RESTRICTED = frozenset(RESTRICTED)
_INSTANT = UtcDateTime()
_POLL = Prepared({dialect: _one(dialect) for dialect in _JOINED})
_HOME = Prepared({dialect: _all(dialect) for dialect in _JOINED})
_Row = namedtuple("_Row", [it.name for it in _one("sqlite").selected_columns])  # type: ignore[misc]
_HomeRow = namedtuple("_HomeRow", [it.name for it in _all("sqlite").selected_columns])  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """A right app password, when its use was last noted, and the calendar it was used on, which may be `behind`.
    `enabled` says whether calendars are served at all, `epoch` by which settings.
    """

    app_password_id: int
    used_at: datetime | None
    calendar: CalendarState
    enabled: bool
    epoch: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HomePoll:
    """As `Poll`, and every calendar that the user sees in his home."""

    app_password_id: int
    used_at: datetime | None
    owner: Principal
    calendars: Sequence[CalendarState]
    enabled: bool
    epoch: str


class Polling:
    """Asks one database for polls."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._config = config
        self._showing = lru_cache(maxsize=16)(self._shown)
        # The same row on the same day is the same poll; most are, and nothing is ever stale.
        self._found = lru_cache(maxsize=1024)(self._made)

    def glance(self, username: str, lookup: bytes, slug: str, now: float) -> Poll | None:
        """The poll of `slug` among the user's own calendars at `now` (epoch seconds), `lookup` being the keyed hash of
        the password. None for a wrong password, a user who is not served, and a calendar that does not exist (yet) or
        is a restricted one.
        Raises `DatabaseUnavailable`.
        """
        given = {"username": username, "lookup": lookup, "slug": slug}
        return self._poll(self._database.rows(*_POLL.text(self._database.engine, given)), now)

    def within(
        self, connection: Connection, username: str, lookup: bytes, slug: str, now: float
    ) -> Poll | None:
        """As `glance`, in a transaction that goes on."""
        return self._poll(_POLL.rows(connection, {"username": username, "lookup": lookup, "slug": slug}), now)

    def home(self, username: str, lookup: bytes, now: float) -> HomePoll | None:
        """The poll of the user's own home. None for a wrong password, a user who is not served, a home that lacks a
        calendar, and one with a restricted one. Raises `DatabaseUnavailable`.
        """
        given = {"username": username, "lookup": lookup}
        rows: list[Any] = [_HomeRow._make(row) for row in _HOME.rows(self._database, given)]
        if not rows:
            return None
        showing = self._showing(rows[0].settings, int(now // 86400))
        found = all_of(rows, showing)
        if found is None or found[2] or not _RESTRICTED.isdisjoint(built_in(found[0], showing.view)):
            return None
        return HomePoll(
            app_password_id=rows[0].app_password_id,
            used_at=self._instant(rows[0].last_used_at),
            owner=found[0],
            calendars=found[1],
            enabled=showing.view.calendars.enabled,
            epoch=showing.view.epoch,
        )

    def _poll(self, rows: Rows, now: float) -> Poll | None:
        return self._found(rows[0], int(now // 86400)) if rows else None

    def _made(self, values: tuple[Any, ...], day: int) -> Poll | None:
        row: Any = _Row._make(values)
        showing = self._showing(row.settings, day)
        if not showing.view.is_on(kinds.of(row.kind)):
            return None
        return Poll(
            app_password_id=row.app_password_id,
            used_at=self._instant(row.last_used_at),
            calendar=state_of(row, showing),
            enabled=showing.view.calendars.enabled,
            epoch=showing.view.epoch,
        )

    def _instant(self, stored: Any) -> datetime | None:
        return _INSTANT.process_result_value(stored, self._database.engine.dialect)

    def _shown(self, stored: str | None, day: int) -> DayView:
        return settings.view_of(self._config, _rows(stored)).on(today(day * 86400))


def _rows(text: str | None) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    return tuple(
        sorted((name, value) for name, _, value in (it.partition(_FIELD) for it in text.split(_RECORD)))
    )
