# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the user that a request is about, from an address below /users/{user} or a list's `user`, and checks that the
caller may ask about this user.
"""

from __future__ import annotations

from scheduling.access import users
from scheduling.access.permissions import Permission
from scheduling.access.users import User
from scheduling.errors import NotFound
from server.api.protocol.operations import Call


def owner(call: Call, username: str, permission: Permission, own: Permission | None = None) -> User:
    """The user. A caller without `permission` but with `own` may ask only about themselves. For any other name the
    answer is `Forbidden`, so that nobody can find out which users exist. Raises `Forbidden`, `NotFound`.
    """
    try:
        found = users.get(call.connection, username)
    except NotFound:
        call.require(permission)
        raise NotFound(f'There is no user "{username}".') from None
    call.require(permission, own=own, owner_id=found.id)
    return found


def of_list(call: Call, username: str | None, permission: Permission, own: Permission) -> int | None:
    """The user id that a list is limited to: that of `username`, or, without a name, that of a caller who lacks
    `permission`. None means everybody. Refuses as `owner` does. Raises `Forbidden`, `NotFound`.
    """
    if username is not None:
        return owner(call, username, permission, own).id
    if permission in call.actor.permissions:
        return None
    call.require(permission, own=own, owner_id=call.actor.user_id)
    return call.actor.user_id
