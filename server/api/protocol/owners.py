# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose things a request is about, by an address below /users/{user} or a list's `user`, and whether the caller may
ask about them.
"""

from __future__ import annotations

from scheduling.access import users
from scheduling.access.permissions import Permission
from scheduling.access.users import User
from scheduling.errors import NotFound
from server.api.protocol.operations import Call


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


def of_list(call: Call, username: str | None, permission: Permission, own: Permission) -> int | None:
    """Whose things a list is limited to: the user id of `username`, or without one that of a caller who lacks
    `permission`; None for everybody's. Refuses as `owner`. Raises `Forbidden`, `NotFound`.
    """
    if username is not None:
        return owner(call, username, permission, own).id
    if permission in call.actor.permissions:
        return None
    call.require(permission, own=own, owner_id=call.actor.user_id)
    return call.actor.user_id
