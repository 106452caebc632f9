# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as Daysheet's own commands see and write them; the dispatch application writes the same table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scheduling.errors import Conflict, Invalid, NotFound
from scheduling.ical.timezones import is_zone
from scheduling.models import User as UserRow
from scheduling.types import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """One row of `users`."""

    id: int
    username: str
    display_name: str
    email: str | None
    time_zone: str
    active: bool
    calendar_access: bool
    role: str


_SELECT = select(
    UserRow.id,
    UserRow.username,
    UserRow.display_name,
    UserRow.email,
    UserRow.time_zone,
    UserRow.active,
    UserRow.calendar_access,
    UserRow.role,
)
_BY_NAME = _SELECT.where(UserRow.username == bindparam("username"))
_FORBIDDEN = set("/:\\?#%*\"',<>|")


def create(
    connection: Connection,
    *,
    username: str,
    display_name: str = "",
    email: str | None = None,
    time_zone: str = "UTC",
    role: str = Role.MEMBER,
) -> User:
    """Add a user. Raises `Conflict` for a username in use, `Invalid` for a bad username, zone or role."""
    if (
        not username
        or username != username.strip()
        or username[0] in ".~"
        or len(username) > 255
        or (set(username) & _FORBIDDEN or not username.isprintable())
    ):
        raise Invalid(
            f"The username {username!r} cannot be part of a URL: use letters, digits, '.', '-', '_' and '@'."
        )
    if not is_zone(time_zone):
        raise Invalid(f"{time_zone!r} is not an IANA time zone; an example is Europe/Berlin.")
    if role not in list(Role):
        raise Invalid(f"There is no role {role!r}; the roles are {', '.join(Role)}.")
    values = {
        "username": username,
        "display_name": display_name,
        "email": email,
        "time_zone": time_zone,
        "role": role,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(UserRow).values(**values))
    except IntegrityError as error:
        raise Conflict(f"There is a user {username!r} already.") from error
    return get(connection, username)


def get(connection: Connection, username: str) -> User:
    """The user called `username`. Raises `NotFound`."""
    row = connection.execute(_BY_NAME, {"username": username}).first()
    if row is None:
        raise NotFound(f"There is no user {username!r}; `daysheet user list` shows them.")
    return _user(row)


def list_users(connection: Connection) -> list[User]:
    """Every user by username."""
    return [_user(row) for row in connection.execute(_SELECT.order_by(UserRow.username))]


def count(connection: Connection) -> int:
    """How many users there are."""
    return connection.scalar(select(func.count()).select_from(UserRow)) or 0


def set_active(connection: Connection, username: str, *, active: bool) -> None:
    """Disable or enable a user; a disabled one gets nothing from the next request on. Raises `NotFound`."""
    get(connection, username)
    connection.execute(update(UserRow).where(UserRow.username == username).values(active=active))


def _user(row: Row[*tuple[Any, ...]]) -> User:
    return User(**row._asdict())
