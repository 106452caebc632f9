# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: the four built-in ones, whose permissions can be edited, and an operator's own.

A change takes effect at the next request everywhere. Nobody can grant or take away what they may not do themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scheduling.access import audit
from scheduling.access.permissions import (
    EVERYTHING,
    SUPER_ADMIN,
    Actor,
    Permission,
    known,
    permissions_of_role,
    require,
    require_no_more,
)
from scheduling.errors import Conflict, Invalid, NotFound
from scheduling.models import Role as RoleRow
from scheduling.models import RolePermission, User
from scheduling.sentences import did_you_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role, and how many users have it."""

    name: str
    description: str
    built_in: bool
    permissions: frozenset[Permission]
    users: int


def names(connection: Connection) -> list[str]:
    """The names of all roles."""
    return list(connection.scalars(select(RoleRow.name).order_by(RoleRow.name)))


def check(connection: Connection, name: str) -> None:
    """Raises `Invalid` where there is no such role."""
    there = names(connection)
    if name not in there:
        raise Invalid(
            f"There is no role {name!r}{did_you_mean(name, there)}; the roles are {', '.join(there)}."
        )


def list_roles(connection: Connection) -> list[Role]:
    """Every role, built-in ones first."""
    granted: dict[str, set[str]] = {}
    for role, permission in connection.execute(select(RolePermission.role, RolePermission.permission)):
        granted.setdefault(role, set()).add(permission)
    count = (
        select(func.count())
        .select_from(User)
        .where(User.role == RoleRow.name)
        .correlate(RoleRow)
        .scalar_subquery()
    )
    statement = select(RoleRow.name, RoleRow.description, RoleRow.built_in, count.label("users")).order_by(
        RoleRow.built_in.desc(), RoleRow.name
    )
    return [
        Role(
            name=row.name,
            description=row.description,
            built_in=row.built_in,
            permissions=EVERYTHING if row.name == SUPER_ADMIN else known(granted.get(row.name, ())),
            users=row.users,
        )
        for row in connection.execute(statement)
    ]


def get(connection: Connection, name: str) -> Role:
    """Raises `NotFound`."""
    for role in list_roles(connection):
        if role.name == name:
            return role
    raise NotFound(f"There is no role {name!r}.", noun="role")


def add(
    connection: Connection,
    name: str,
    permissions: Iterable[Permission],
    *,
    description: str = "",
    actor: Actor,
) -> Role:
    """A new role. Raises `Forbidden`, `Conflict` for a name in use, `Invalid` for one that cannot be."""
    wanted = frozenset(permissions)
    require(Permission.ROLES_MANAGE, actor=actor)
    require_no_more(wanted, actor=actor)
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name):
        raise Invalid(
            f"{name!r} cannot be the name of a role: use up to 32 lower-case letters, digits and '-', and "
            "begin with a letter."
        )
    if len(description) > 255:
        raise Invalid("The description of a role must have at most 255 characters.")
    try:
        with connection.begin_nested():
            connection.execute(insert(RoleRow).values(name=name, description=description.strip()))
    except IntegrityError as error:
        raise Conflict(f"There is a role {name!r} already.") from error
    _grant(connection, name, wanted)
    audit.record(connection, "role.add", f"role:{name}", permissions=_listed(wanted), actor=actor)
    return get(connection, name)


def set_permissions(
    connection: Connection, name: str, permissions: Iterable[Permission], *, actor: Actor
) -> Role:
    """Make these the role's permissions. Raises `Forbidden`, `NotFound`, `Invalid` for the super-admin."""
    wanted = frozenset(permissions)
    require(Permission.ROLES_MANAGE, actor=actor)
    if name == SUPER_ADMIN:
        raise Invalid(f"The role {SUPER_ADMIN} always has every permission; edit or add another role.")
    before = get(connection, name).permissions
    require_no_more(before ^ wanted, actor=actor)
    connection.execute(delete(RolePermission).where(RolePermission.role == name))
    _grant(connection, name, wanted)
    audit.record(
        connection,
        "role.set",
        f"role:{name}",
        granted=_listed(wanted - before),
        withdrawn=_listed(before - wanted),
        actor=actor,
    )
    return get(connection, name)


def describe(connection: Connection, name: str, description: str, *, actor: Actor) -> Role:
    """Say what a role is for. Raises `Forbidden`, `NotFound`, `Invalid` for more than 255 characters."""
    require(Permission.ROLES_MANAGE, actor=actor)
    get(connection, name)
    if len(description) > 255:
        raise Invalid("The description of a role must have at most 255 characters.")
    connection.execute(update(RoleRow).where(RoleRow.name == name).values(description=description.strip()))
    audit.record(connection, "role.describe", f"role:{name}", actor=actor)
    return get(connection, name)


def remove(connection: Connection, name: str, *, actor: Actor) -> None:
    """Delete a role of one's own making. Raises `Forbidden`, `NotFound`, `Invalid` for a built-in one, `Conflict`
    while users have it.
    """
    require(Permission.ROLES_MANAGE, actor=actor)
    role = get(connection, name)
    require_no_more(role.permissions, actor=actor)
    if role.built_in:
        raise Invalid(f"The role {name} is built in and cannot be removed; its permissions can be edited.")
    try:
        with connection.begin_nested():
            connection.execute(delete(RoleRow).where(RoleRow.name == name))
    except IntegrityError as error:
        raise Conflict(f"Users still have the role {name}; give them another role first.") from error
    audit.record(connection, "role.remove", f"role:{name}", actor=actor)


def require_authority(connection: Connection, role: str, *, actor: Actor) -> None:
    """Whoever takes over, deletes or appoints somebody with this role must have its powers over others too. Raises
    `Forbidden`.
    """
    require_no_more({it for it in permissions_of_role(connection, role) if not it.is_personal}, actor=actor)


def _grant(connection: Connection, name: str, permissions: frozenset[Permission]) -> None:
    if permissions:
        connection.execute(
            insert(RolePermission), [{"role": name, "permission": it.value} for it in sorted(permissions)]
        )


def _listed(permissions: frozenset[Permission]) -> str | None:
    return " ".join(sorted(permissions)) or None
