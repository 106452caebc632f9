# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may decide how somebody signs in: that person, and whoever manages users and may do as much as they."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from scheduling.access import roles
from scheduling.access.permissions import Actor, Permission, require
from scheduling.errors import NotFound
from scheduling.models import User

_OWNER = select(User.username, User.role).where(User.id == bindparam("user_id"))


def over_sign_in(connection: Connection, user_id: int, *, even_own: bool = False, actor: Actor) -> str:
    """The username of whose passwords and sessions the actor may manage. With `even_own` the actor must have all
    powers of the user even where both are the same, which an API key often has not. Raises `Forbidden`, `NotFound`.
    """
    require(Permission.USERS_MANAGE, own=Permission.PASSWORDS_MANAGE_OWN, owner_id=user_id, actor=actor)
    row = connection.execute(_OWNER, {"user_id": user_id}).first()
    if row is None:
        raise NotFound(f"There is no user with the id {user_id}.")
    if even_own or actor.user_id != user_id:
        roles.require_authority(connection, row.role, actor=actor)
    return str(row.username)
