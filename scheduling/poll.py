# SPDX-License-Identifier: GPL-3.0-or-later
"""One statement for what every polling client asks: is this app password right, and what state is the user's own
calendar in. The answer is that of `credentials.find_login`, `settings.view` and `calendars.find_calendar` together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, bindparam, func, literal, select

from scheduling import settings
from scheduling.calendars import COLUMNS, SERVED, CalendarState, state_of
from scheduling.config import Config
from scheduling.credentials import Login
from scheduling.models import AppPassword, Calendar, Setting, User

_FIELD, _RECORD = "\x1f", "\x1e"
_SETTINGS = select(
    func.aggregate_strings(Setting.name + literal(_FIELD) + Setting.value, _RECORD)
).scalar_subquery()
_POLL = (
    select(
        *COLUMNS,
        User.role,
        AppPassword.id.label("app_password_id"),
        AppPassword.last_used_at,
        _SETTINGS.label("settings"),
    )
    .select_from(User)
    .join(AppPassword, and_(AppPassword.user_id == User.id, AppPassword.revoked_at.is_(None)))
    .join(Calendar, and_(Calendar.user_id == User.id, Calendar.slug == bindparam("slug")))
    .where(User.username == bindparam("username"), AppPassword.lookup == bindparam("lookup"), SERVED)
)


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
    row = connection.execute(_POLL, parameters).first()
    if row is None:
        return None
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


def _rows(text: str | None) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    return tuple(
        sorted((name, value) for name, _, value in (it.partition(_FIELD) for it in text.split(_RECORD)))
    )
