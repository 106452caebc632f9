# SPDX-License-Identifier: GPL-3.0-or-later
"""One statement for what every polling client asks: is this app password right, and what state is the user's own
calendar in. The answer is that of `credentials.find_login`, `settings.view` and `calendars.find_calendar` together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, select

from scheduling import settings
from scheduling.calendars import COLUMNS, SERVED, CalendarState, state_of
from scheduling.config import Config
from scheduling.credentials import Login
from scheduling.database import Database
from scheduling.models import AppPassword, Calendar, Setting, User
from scheduling.types import UtcDateTime

_FIELD, _RECORD = "\x1f", "\x1e"
_JOINED = {
    "sqlite": func.group_concat(
        Setting.name + func.char(ord(_FIELD)) + Setting.value, func.char(ord(_RECORD))
    ),
    "postgresql": func.string_agg(
        Setting.name + func.chr(ord(_FIELD)) + Setting.value, func.chr(ord(_RECORD))
    ),
}


def _statement(dialect: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *COLUMNS,
            User.role,
            AppPassword.id.label("app_password_id"),
            AppPassword.last_used_at,
            select(_JOINED[dialect]).scalar_subquery().label("settings"),
        )
        .select_from(User)
        .join(AppPassword, and_(AppPassword.user_id == User.id, AppPassword.revoked_at.is_(None)))
        .join(Calendar, and_(Calendar.user_id == User.id, Calendar.slug == bindparam("slug")))
        .where(User.username == bindparam("username"), AppPassword.lookup == bindparam("lookup"), SERVED)
    )


_INSTANT = UtcDateTime()
_POLL = {dialect: _statement(dialect) for dialect in _JOINED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """A right app password and the calendar it was used on. The calendar may be `behind`."""

    login: Login
    calendar: CalendarState
    enabled: bool


def poll(
    connection: Connection, config: Config, username: str, lookup: bytes, slug: str, today: date
) -> Poll | None:
    """The poll of `slug` among the user's own calendars, `lookup` being the keyed hash of the password. None for a
    wrong password, a user who is not served, and a calendar that does not exist (yet).
    """
    parameters = {"username": username, "lookup": lookup, "slug": slug}
    row = connection.execute(_POLL[connection.dialect.name], parameters).first()
    return None if row is None else _poll(row, config, today)


def _poll(row: Any, config: Config, today: date) -> Poll:
    view = settings.view_of(config, _rows(row.settings))
    login = Login(
        user_id=row.user_id,
        username=row.username,
        role=row.role,
        password_hash=None,
        version=None,
        app_password_id=row.app_password_id,
        app_password_used_at=row.last_used_at,
    )
    return Poll(login=login, calendar=state_of(row, view, today), enabled=view.calendars.enabled)


class Glance:
    """`poll` without a transaction and without SQLAlchemy's share of the time, for answers that need nothing else."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._config = config
        statement = _POLL[database.engine.dialect.name]
        compiled = statement.compile(database.engine)
        self._sql = str(compiled)
        self._constants = {name: it for name, it in compiled.params.items() if it is not None}
        self._order: Sequence[str] | None = compiled.positiontup
        self._names = [it.name for it in statement.selected_columns]

    def __call__(self, username: str, lookup: bytes, slug: str, today: date) -> Poll | None:
        """As `poll`. Raises `DatabaseUnavailable`."""
        given: dict[str, Any] = {"username": username, "lookup": lookup, "slug": slug, **self._constants}
        parameters = given if self._order is None else [given[name] for name in self._order]
        with self._database.cursor() as cursor:
            found = cursor.execute(self._sql, parameters).fetchone()
        if found is None:
            return None
        row = SimpleNamespace(**dict(zip(self._names, found, strict=True)))
        row.last_used_at = _INSTANT.process_result_value(row.last_used_at, self._database.engine.dialect)
        return _poll(row, self._config, today)


def _rows(text: str | None) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    return tuple(
        sorted((name, value) for name, _, value in (it.partition(_FIELD) for it in text.split(_RECORD)))
    )
