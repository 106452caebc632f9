# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may act on what belongs to somebody: that person, and whoever has the permission and as much power over others.

So an admin takes nothing from a super-admin: no feed, link, app password, outside calendar, API key or session.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from scheduling.access import roles
from scheduling.access.permissions import EVERYTHING, Actor, Permission, require
from scheduling.errors import NotFound
from scheduling.models import User

_OWNER = select(User.username, User.role).where(User.id == bindparam("user_id"))


def over_belongings(connection: Connection, user_id: int | None, *, actor: Actor) -> None:
    """Whether the actor, who has the permission for it, may do it to this user. Raises `Forbidden`. What nobody owns
    anybody may change who has the permission.
    """
    if user_id is None or user_id == actor.user_id or actor.permissions == EVERYTHING:
        return
    row = connection.execute(_OWNER, {"user_id": user_id}).first()
    if row is not None:
        roles.require_authority(connection, row.role, actor=actor)


def over_sign_in(connection: Connection, user_id: int, *, even_own: bool = False, actor: Actor) -> str:
    """The username of whose passwords and sessions the actor may manage. With `even_own` the actor must have all
    powers of the user even where both are the same, which an API key often has not. Raises `Forbidden`, `NotFound`.
    """
    require(Permission.USERS_MANAGE, own=Permission.PASSWORDS_MANAGE_OWN, owner_id=user_id, actor=actor)
    row = connection.execute(_OWNER, {"user_id": user_id}).first()
    if row is None:
        raise NotFound(f"There is no user with the id {user_id}.")
    if even_own:
        roles.require_authority(connection, row.role, actor=actor)
    else:
        over_belongings(connection, user_id, actor=actor)
    return str(row.username)
