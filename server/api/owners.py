# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose things an address below /users/{user} is about, and whether the caller may go there."""

from __future__ import annotations

from scheduling import users
from scheduling.errors import NotFound
from scheduling.permissions import Permission
from scheduling.users import User
from server.api.operations import Call


def owner(call: Call, username: str, permission: Permission, own: Permission | None = None) -> User:
    """The user. Without `permission` only the caller with `own` gets that far, and everybody else `Forbidden` for any
    name, so that nobody can find out who there is. Raises `Forbidden`, `NotFound`.
    """
    try:
        found = users.get(call.connection, username)
    except NotFound:
        call.require(permission)
        raise NotFound(f'There is no user "{username}".') from None
    call.require(permission, own=own, owner_id=found.id)
    return found
