# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret link to a user's free and busy times: one for each user, which says when and never what.

It is not a feed: a feed's link may show fewer calendars, so it opens nothing else. The token is found by its keyed
hash and kept encrypted, so that its owner can be shown it again.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, delete, insert, select

from scheduling.access import audit
from scheduling.access.authority import over_belongings
from scheduling.access.permissions import Actor, Permission, require
from scheduling.access.secrets import Keyring, new_token
from scheduling.errors import NotFound
from scheduling.models import FreeBusyLink, User

_ALL = Permission.FEEDS_MANAGE_ALL


def path_of(token: str) -> str:
    """The path of a link."""
    return f"/freebusy/{token}.ifb"


def renew(connection: Connection, keyring: Keyring, user_id: int, *, actor: Actor) -> str:
    """A new token; the link there was stops working at once. Raises `Forbidden`."""
    require(_ALL, own=Permission.FEEDS_CREATE_OWN, owner_id=user_id, actor=actor)
    over_belongings(connection, user_id, actor=actor)
    token = new_token()
    connection.execute(delete(FreeBusyLink).where(FreeBusyLink.user_id == user_id))
    connection.execute(
        insert(FreeBusyLink).values(
            user_id=user_id,
            lookup=keyring.lookup(token),
            encrypted_token=keyring.encrypt(token),
            created_at=int(time.time()),
        )
    )
    audit.record(connection, "free-busy-link.renew", f"user:{user_id}", user_id=user_id, actor=actor)
    return token


def exists(connection: Connection, user_id: int) -> bool:
    """Whether there is a link."""
    return connection.scalar(select(FreeBusyLink.user_id).where(FreeBusyLink.user_id == user_id)) is not None


def show(connection: Connection, keyring: Keyring, user_id: int, *, actor: Actor) -> str:
    """The present token. Raises `Forbidden`, `NotFound`, `SecretsUnreadable`."""
    require(_ALL, own=Permission.FEEDS_VIEW_OWN, owner_id=user_id, actor=actor)
    over_belongings(connection, user_id, actor=actor)
    found = connection.scalar(select(FreeBusyLink.encrypted_token).where(FreeBusyLink.user_id == user_id))
    if found is None:
        raise NotFound("There is no free-busy link of this user yet.")
    return keyring.decrypt(found)


def revoke(connection: Connection, user_id: int, *, actor: Actor) -> None:
    """End the link. Raises `Forbidden`, `NotFound`."""
    require(_ALL, own=Permission.FEEDS_CREATE_OWN, owner_id=user_id, actor=actor)
    over_belongings(connection, user_id, actor=actor)
    if not connection.execute(delete(FreeBusyLink).where(FreeBusyLink.user_id == user_id)).rowcount:
        raise NotFound("There is no free-busy link of this user.")
    audit.record(connection, "free-busy-link.revoke", f"user:{user_id}", user_id=user_id, actor=actor)


def find(connection: Connection, keyring: Keyring, token: str) -> str | None:
    """Whose link it is: the username of an active user with calendar access. One statement."""
    return connection.scalar(
        select(User.username)
        .join(FreeBusyLink, FreeBusyLink.user_id == User.id)
        .where(FreeBusyLink.lookup == keyring.lookup(token), User.active, User.calendar_access)
    )
