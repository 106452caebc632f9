# SPDX-License-Identifier: GPL-3.0-or-later
"""Who acts: a signed-in user, an API key, or somebody at the machine's command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from scheduling.access import api_keys
from scheduling.access.permissions import EVERYTHING, SYSTEM, Actor, permissions_of_role
from scheduling.access.secrets import Keyring
from scheduling.errors import NotFound
from scheduling.models import User

_USER = select(User.username, User.role, User.active).where(User.id == bindparam("user_id"))


def of_user(connection: Connection, user_id: int, address: str | None) -> Actor:
    """The user with what the role permits now. Raises `NotFound` for one who is gone or disabled."""
    row = connection.execute(_USER, {"user_id": user_id}).first()
    if row is None or not row.active:
        raise NotFound("There is no such active user.")
    return Actor(
        kind="user",
        user_id=user_id,
        name=row.username,
        permissions=permissions_of_role(connection, row.role),
        address=address,
    )


def of_api_key(
    connection: Connection, keyring: Keyring, secret: str, address: str | None, now: datetime
) -> Actor | None:
    """Whose key this is: its permissions, and of those only what the owner's role permits now. None for a key that
    is unknown, revoked or expired, or whose owner is disabled.
    """
    key = api_keys.find(connection, keyring, secret, now)
    if key is None:
        return None
    permitted = EVERYTHING if key.owner_role is None else permissions_of_role(connection, key.owner_role)
    return Actor(
        kind="api-key",
        user_id=key.user_id,
        name=key.owner or key.label,
        permissions=key.permissions & permitted,
        address=address,
        api_key_id=key.id,
    )


def of_command_line(login: str) -> Actor:
    """Somebody signed in to the machine as `login`, who is not asked for permissions."""
    return replace(SYSTEM, name=f"{login} (command line)")
