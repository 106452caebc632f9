# SPDX-License-Identifier: GPL-3.0-or-later
"""One user of every role, and the actors they are."""

from __future__ import annotations

from collections.abc import Iterable

from scheduling.access import actors, users
from scheduling.access.permissions import SYSTEM, Actor, Permission
from scheduling.database.connection import Connection, Database

BUILT_IN = ("member", "dispatcher", "admin", "super-admin")


def everybody(database: Database) -> dict[str, Actor]:
    """Users named after their role, and a member called `other`."""
    with database.write() as connection:
        for role in BUILT_IN:
            users.create(connection, username=role, role=role, actor=SYSTEM)
        users.create(connection, username="other", actor=SYSTEM)
        return {name: actor(connection, name) for name in (*BUILT_IN, "other")}


def actor(connection: Connection, username: str) -> Actor:
    return actors.of_user(connection, users.get(connection, username).id, "192.0.2.1")


def with_only(*permissions: Permission, user_id: int | None = None) -> Actor:
    """Somebody who has just these."""
    return Actor(kind="user", user_id=user_id, name="someone", permissions=frozenset(permissions))


def granted(found: Iterable[Permission]) -> set[str]:
    return {it.value for it in found}
