# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is signed in with a browser: the session, the user and what the role permits, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from scheduling.access import sessions, users
from scheduling.access.permissions import EVERYTHING, SUPER_ADMIN, Actor, known
from scheduling.access.secrets import Keyring
from scheduling.access.sessions import HAS_ACCESS, IS_LIVE, Session
from scheduling.access.users import User
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import SchedulingError
from scheduling.models import BrowserSession as SessionRow
from scheduling.models import RolePermission
from scheduling.models import User as UserRow

_LONGEST_TOKEN = 64
_PERMISSIONS = (
    select(func.aggregate_strings(RolePermission.permission, " "))
    .where(RolePermission.role == UserRow.role)
    .correlate(UserRow)
    .scalar_subquery()
)
_SIGNED_IN = (
    select(*sessions.COLUMNS, *users.COLUMNS, _PERMISSIONS)
    .join_from(SessionRow, UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.lookup == bindparam("lookup"), IS_LIVE, UserRow.active, HAS_ACCESS)
)


class ConfirmationNeeded(SchedulingError):
    """This needs a confirmation: type your password once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    """A browser and whose it is. `actor` is the user with what the role permits now, from the browser's address."""

    session: Session
    user: User
    actor: Actor


def resolve(
    database: Database, keyring: Keyring, token: str, *, config: Config, address: str, at: datetime
) -> SignedIn | None:
    """Who has this token at `at`; notes the use at most every five minutes. None for a token that is unknown, and for
    a session that ended or has passed a limit. Raises `DatabaseUnavailable`.
    """
    if not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    with database.read() as connection:
        found = read(connection, keyring, token, config=config, address=address, at=at)
    if found is not None:
        sessions.note_use(database, found.session, address, at)
    return found


def read(
    connection: Connection, keyring: Keyring, token: str, *, config: Config, address: str, at: datetime
) -> SignedIn | None:
    """As `resolve`, in an open transaction and without noting the use."""
    asked: Mapping[str, Any] = {"lookup": keyring.lookup(token), **sessions.limits(config, at)}
    row = connection.execute(_SIGNED_IN, asked).first()
    if row is None:
        return None
    values: list[Any] = list(row)
    names = values.pop()
    of_session, of_user = values[: len(sessions.COLUMNS)], values[len(sessions.COLUMNS) :]
    user = User(**{column.key: value for column, value in zip(users.COLUMNS, of_user, strict=True)})
    actor = Actor(
        kind="user",
        user_id=user.id,
        name=user.username,
        permissions=EVERYTHING if user.role == SUPER_ADMIN else known((names or "").split()),
        address=address,
    )
    return SignedIn(session=sessions.session_of(of_session), user=user, actor=actor)


def require_confirmed(signed_in: SignedIn, at: datetime) -> None:
    """Pass where the person has proved in the last fifteen minutes who it is. Raises `ConfirmationNeeded`."""
    if not signed_in.session.is_confirmed(at):
        raise ConfirmationNeeded
