# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as Daysheet's own commands see and write them; the dispatch application writes the same table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scheduling.access import audit, roles, sessions
from scheduling.access.permissions import Actor, Permission, require
from scheduling.database.types import Role
from scheduling.errors import Conflict, Invalid, NotFound
from scheduling.ical.timezones import is_zone
from scheduling.models import User as UserRow


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


COLUMNS = (
    UserRow.id,
    UserRow.username,
    UserRow.display_name,
    UserRow.email,
    UserRow.time_zone,
    UserRow.active,
    UserRow.calendar_access,
    UserRow.role,
)
"""What a `User` is made of, by the names of its fields."""
_SELECT = select(*COLUMNS)
_BY_NAME = _SELECT.where(UserRow.username == bindparam("username"))
CHANGEABLE = {
    "display_name": str,
    "email": str,
    "time_zone": str,
    "role": str,
    "active": bool,
    "calendar_access": bool,
}
"""The columns that can be changed, and their types; only `email` may be None."""
EMAIL = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
"""What an e-mail address looks like, as far as can be said of all."""
_FORBIDDEN = set("/:\\?#%*\"',<>|")


def create(
    connection: Connection,
    *,
    username: str,
    display_name: str = "",
    email: str | None = None,
    time_zone: str = "UTC",
    role: str = Role.MEMBER,
    actor: Actor,
) -> User:
    """Add a user. Raises `Forbidden`, `Conflict` for a username in use, `Invalid` for a bad username or value."""
    require(Permission.USERS_MANAGE, actor=actor)
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
    given = {"display_name": display_name, "email": email, "time_zone": time_zone, "role": role}
    values = _checked(connection, given)
    roles.require_authority(connection, role, actor=actor)
    try:
        with connection.begin_nested():
            connection.execute(insert(UserRow).values(username=username, **values))
    except IntegrityError as error:
        raise Conflict(f"There is a user {username!r} already.") from error
    audit.record(connection, "user.create", f"user:{username}", role=role, actor=actor)
    return get(connection, username)


def get(connection: Connection, username: str) -> User:
    """The user called `username`. Raises `NotFound`."""
    row = connection.execute(_BY_NAME, {"username": username}).first()
    if row is None:
        raise NotFound(f"There is no user {username!r}.", noun="user")
    return _user(row)


def by_id(connection: Connection, user_id: int) -> User:
    """The user with an id that something refers to."""
    return _user(connection.execute(_SELECT.where(UserRow.id == user_id)).one())


def list_users(connection: Connection) -> list[User]:
    """Every user by username."""
    return [_user(row) for row in connection.execute(_SELECT.order_by(UserRow.username))]


def count(connection: Connection) -> int:
    """How many users there are."""
    return connection.scalar(select(func.count()).select_from(UserRow)) or 0


def change(connection: Connection, username: str, changes: Mapping[str, Any], *, actor: Actor) -> User:
    """Set columns of `CHANGEABLE`; what a user may see follows at the next request. Raises `Forbidden`, `NotFound`,
    `Invalid` for a column or value that cannot be. Nobody changes a user with more power over others than their own.
    """
    require(Permission.USERS_MANAGE, actor=actor)
    before = get(connection, username)
    changes = _checked(connection, changes)
    differing = {name: value for name, value in changes.items() if getattr(before, name) != value}
    if differing:
        roles.require_authority(connection, before.role, actor=actor)
        roles.require_authority(connection, differing.get("role", before.role), actor=actor)
    if differing:
        connection.execute(update(UserRow).where(UserRow.id == before.id).values(**differing))
        sessions.drop(connection, before.id)
        facts = {name: differing.get(name) for name in ("role", "active", "calendar_access")}
        others = " ".join(sorted(set(differing) - set(facts)))
        audit.record(
            connection, "user.change", f"user:{username}", **facts, columns=others or None, actor=actor
        )
    return get(connection, username)


def set_active(connection: Connection, username: str, *, active: bool, actor: Actor) -> None:
    """Disable or enable a user; a disabled one gets nothing from the next request on. Raises as `change`."""
    change(connection, username, {"active": active}, actor=actor)


def set_access(connection: Connection, username: str, *, allowed: bool, actor: Actor) -> None:
    """Take calendar access away or give it back, for example with the plan: CalDAV and feeds stop and resume at the
    next request, and nothing is lost. Raises as `change`.
    """
    change(connection, username, {"calendar_access": allowed}, actor=actor)


def set_role(connection: Connection, username: str, role: str, *, actor: Actor) -> None:
    """Give a user another role. Raises as `change`."""
    change(connection, username, {"role": role}, actor=actor)


def remove(connection: Connection, username: str, *, actor: Actor) -> None:
    """Delete a user with everything that belongs to the user. Raises `Forbidden`, `NotFound`."""
    require(Permission.USERS_MANAGE, actor=actor)
    found = get(connection, username)
    roles.require_authority(connection, found.role, actor=actor)
    connection.execute(delete(UserRow).where(UserRow.id == found.id))
    audit.record(connection, "user.delete", f"user:{username}", user_id=found.id, actor=actor)


def email_of(given: str | None) -> str | None:
    """The address without spaces around it, None for an empty one. Raises `Invalid` for what is none."""
    email = (given or "").strip()
    if email and not re.match(EMAIL, email):
        raise Invalid(f"{email[:60]!r} is not an e-mail address; an example is anna@example.com.")
    return email or None


def _checked(connection: Connection, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values as they are stored. Raises `Invalid`."""
    values = dict(given)
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise Invalid(f"{name} of a user cannot be changed; these can: {', '.join(CHANGEABLE)}.")
        if CHANGEABLE[name] is bool and not isinstance(value, bool):
            raise Invalid(f"{name} must be true or false.")
        if CHANGEABLE[name] is str and not (isinstance(value, str) or (name == "email" and value is None)):
            raise Invalid(f"{name} must be a text.")
        if isinstance(value, str) and (len(value) > 255 or "\x00" in value):
            raise Invalid(f"{name} must have at most 255 characters, and no NUL.")
    if not is_zone(values.get("time_zone", "UTC")):
        raise Invalid(f"{values['time_zone']!r} is not an IANA time zone; an example is Europe/Berlin.")
    if "role" in values:
        roles.check(connection, values["role"])
    if "email" in values:
        values["email"] = email_of(values["email"])
    return values


def _user(row: Row[*tuple[Any, ...]]) -> User:
    return User(**row._asdict())
