# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may do: the permissions, who acts with them, and the one check that every door goes through."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, bindparam, exists, or_, select

from scheduling.errors import Invalid, SchedulingError
from scheduling.models import RolePermission, User
from scheduling.sentences import did_you_mean

SUPER_ADMIN = "super-admin"
"""The role that has every permission, those of later versions too; it cannot be edited."""


class Permission(enum.StrEnum):
    """One thing that a role or an API key permits. `_own` speaks of what belongs to the one who acts."""

    SETTINGS_VIEW = "settings.view"
    SETTINGS_EDIT = "settings.edit"
    FEEDS_VIEW_OWN = "feeds.view_own"
    FEEDS_CREATE_OWN = "feeds.create_own"
    FEEDS_MANAGE_ALL = "feeds.manage_all"
    CALENDARS_READ_ALL = "calendars.read_all"
    SUBSCRIPTIONS_MANAGE_OWN = "subscriptions.manage_own"
    SUBSCRIPTIONS_MANAGE_ALL = "subscriptions.manage_all"
    SCHEDULE_READ_OWN = "schedule.read_own"
    SCHEDULE_READ_ALL = "schedule.read_all"
    SCHEDULE_WRITE = "schedule.write"
    PASSWORDS_MANAGE_OWN = "passwords.manage_own"
    USERS_VIEW = "users.view"
    USERS_MANAGE = "users.manage"
    ROLES_MANAGE = "roles.manage"
    API_KEYS_MANAGE = "api_keys.manage"
    WEBHOOKS_MANAGE = "webhooks.manage"
    AUDIT_VIEW = "audit.view"

    @property
    def is_personal(self) -> bool:
        """Whether it reaches only as far as what belongs to the one who has it."""
        return self.endswith("_own")


EVERYTHING = frozenset(Permission)
_NAMES = frozenset(it.value for it in Permission)


class Forbidden(SchedulingError):
    """The permission for this is missing."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        super().__init__(f"This needs the permission {permission}, in the role or the API key.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who does something, with what permissions, and from which address (None for the command line). `user_id` is
    the user, or whose API key it is; `api_key_id` is set for an API key.
    """

    kind: Literal["user", "api-key", "system"]
    user_id: int | None
    name: str
    permissions: frozenset[Permission]
    address: str | None = None
    api_key_id: int | None = None


SYSTEM = Actor(kind="system", user_id=None, name="system", permissions=EVERYTHING)
"""Whoever runs commands on the machine, and Daysheet itself: everything is permitted."""

READS_ALL = or_(
    User.role == SUPER_ADMIN,
    exists().where(
        RolePermission.role == User.role, RolePermission.permission == Permission.CALENDARS_READ_ALL.value
    ),
)
"""In a statement over `users`: whether the role of the user permits reading everybody's calendars."""

_OF_ROLE = select(RolePermission.permission).where(RolePermission.role == bindparam("role"))


def require(
    permission: Permission, *, own: Permission | None = None, owner_id: int | None = None, actor: Actor
) -> None:
    """Pass with `permission`, or with `own` where what is acted on belongs to the actor. Raises `Forbidden`."""
    if not permits(permission, own=own, owner_id=owner_id, actor=actor):
        raise Forbidden(permission if own is None or not _owns(actor, owner_id) else own)


def permits(
    permission: Permission, *, own: Permission | None = None, owner_id: int | None = None, actor: Actor
) -> bool:
    """Whether `require` would pass."""
    if permission in actor.permissions:
        return True
    return own is not None and own in actor.permissions and _owns(actor, owner_id)


def require_no_more(permissions: Iterable[Permission], *, actor: Actor) -> None:
    """Nobody gives away, or takes over, what they may not do themselves. Raises `Forbidden`."""
    for permission in sorted(frozenset(permissions) - actor.permissions):
        raise Forbidden(permission)


def permissions_of_role(connection: Connection, role: str) -> frozenset[Permission]:
    """What a role permits; nothing for a role that does not exist."""
    if role == SUPER_ADMIN:
        return EVERYTHING
    return known(connection.scalars(_OF_ROLE, {"role": role}))


def known(names: Iterable[str]) -> frozenset[Permission]:
    """Stored names as permissions; one of another version permits nothing."""
    return frozenset(Permission(name) for name in names if name in _NAMES)


def parse(names: Iterable[str]) -> frozenset[Permission]:
    """Given names as permissions. Raises `Invalid`, naming the first that is none."""
    found = []
    for name in names:
        if name not in _NAMES:
            raise Invalid(
                f"There is no permission {name!r}{did_you_mean(name, Permission)}; the permissions are"
                f" {', '.join(Permission)}."
            )
        found.append(Permission(name))
    return frozenset(found)


def _owns(actor: Actor, owner_id: int | None) -> bool:
    return owner_id is not None and owner_id == actor.user_id
