# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time links: somebody who has one may do one thing, once, until it expires.

Mail scanners and previews follow links, so looking at one changes nothing; only a POST uses it up. Of several that use
the same link at once exactly one gets it. A new link of a purpose ends the one before.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from scheduling.access import audit
from scheduling.access.authority import over_sign_in
from scheduling.access.permissions import Actor, Permission, require
from scheduling.access.secrets import Keyring, new_token
from scheduling.access.sessions import HAS_ACCESS
from scheduling.database.dialects import insert_into
from scheduling.errors import Invalid, NotFound
from scheduling.models import OneTimeLink as LinkRow
from scheduling.models import User

_TOKEN = re.compile(r"[a-z2-7]{32}")


class Purpose(enum.StrEnum):
    """What a link is good for."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password-reset"  # noqa: S105 (a purpose)
    SIGN_IN = "sign-in"
    DEVICE = "device"


LASTS: Mapping[Purpose, timedelta] = {
    Purpose.INVITATION: timedelta(days=7),
    Purpose.PASSWORD_RESET: timedelta(hours=1),
    Purpose.SIGN_IN: timedelta(hours=1),
    Purpose.DEVICE: timedelta(minutes=10),
}
SETS_PASSWORD = (Purpose.INVITATION, Purpose.PASSWORD_RESET)


class LinkGone(NotFound):
    """This link was used already, or it has expired; ask for a new one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OneTimeLink:
    """A link without its token: whose it is and what for."""

    id: int
    user_id: int
    username: str
    display_name: str
    purpose: Purpose
    detail: str
    expires_at: datetime


_LIVE = (
    select(
        LinkRow.id,
        LinkRow.user_id,
        User.username,
        User.display_name,
        LinkRow.purpose,
        LinkRow.detail,
        LinkRow.expires_at,
    )
    .join_from(LinkRow, User, User.id == LinkRow.user_id)
    .where(
        LinkRow.lookup == bindparam("lookup"), LinkRow.expires_at > bindparam("at"), User.active, HAS_ACCESS
    )
)


def path_of(token: str) -> str:
    """The path of the page of a link."""
    return f"/link/{token}"


def make(
    connection: Connection,
    keyring: Keyring,
    user_id: int,
    purpose: Purpose,
    *,
    at: datetime,
    detail: str = "",
    actor: Actor,
) -> str:
    """A link's token, which is not shown again. Raises `Forbidden`, `NotFound`, `Invalid`.

    Whoever manages users invites people and lets them set a new password, where they may do no more than themselves.
    A link that signs in as somebody is made on the machine only, and one for a device by its owner only.
    """
    if purpose is Purpose.DEVICE:
        require(Permission.PASSWORDS_MANAGE_OWN, actor=actor)
        if actor.user_id != user_id:
            raise Invalid("Only the owner can connect a device.")
        owner = over_sign_in(connection, user_id, actor=actor)
    else:
        require(Permission.USERS_MANAGE, actor=actor)
        owner = over_sign_in(connection, user_id, even_own=True, actor=actor)
        if purpose is Purpose.SIGN_IN and actor.kind != "system":
            raise Invalid("A link that signs in as somebody can be made only by a command on the machine.")
    return store(connection, keyring, user_id, owner, purpose, at=at, detail=detail, actor=actor)


def store(
    connection: Connection,
    keyring: Keyring,
    user_id: int,
    owner: str,
    purpose: Purpose,
    *,
    at: datetime,
    detail: str = "",
    actor: Actor,
) -> str:
    """As `make`, for who was asked for already; `owner` is the username."""
    token = new_token()
    values = {
        "lookup": keyring.lookup(token),
        "detail": detail[:255],
        "created_at": at,
        "expires_at": at + LASTS[purpose],
    }
    connection.execute(
        insert_into(connection, LinkRow)
        .values(user_id=user_id, purpose=purpose.value, **values)
        .on_conflict_do_update(index_elements=["user_id", "purpose"], set_=values)
    )
    audit.record(connection, "link.create", f"user:{owner}", purpose=purpose.value, actor=actor)
    return token


def find(connection: Connection, keyring: Keyring, token: str, at: datetime) -> OneTimeLink:
    """Look at a link, which leaves it as it is. Raises `LinkGone` for one that is not, or not any more."""
    row = None
    if _TOKEN.fullmatch(token):
        row = connection.execute(_LIVE, {"lookup": keyring.lookup(token), "at": at}).first()
    if row is None:
        raise LinkGone
    return OneTimeLink(**{**row._asdict(), "purpose": Purpose(row.purpose)})


def use(
    connection: Connection, keyring: Keyring, token: str, at: datetime, *purposes: Purpose, address: str
) -> OneTimeLink:
    """Use a link of one of the purposes up, in the transaction of what it is used for: if that fails, the link stays.
    Raises `LinkGone`.
    """
    found = find(connection, keyring, token, at)
    gone = delete(LinkRow).where(LinkRow.id == found.id, LinkRow.lookup == keyring.lookup(token))
    # On PostgreSQL the second of two waits here for the first, and then finds nothing to delete.
    if found.purpose not in purposes or connection.execute(gone).rowcount != 1:
        raise LinkGone
    audit.record(
        connection,
        "link.use",
        f"user:{found.username}",
        purpose=found.purpose.value,
        actor=holder(found, address),
    )
    return found


def holder(link: OneTimeLink, address: str) -> Actor:
    """Who has a link: its user, with nothing but the permission to decide how to sign in."""
    permissions = frozenset({Permission.PASSWORDS_MANAGE_OWN})
    return Actor(
        kind="user", user_id=link.user_id, name=link.username, permissions=permissions, address=address
    )


def drop(connection: Connection, user_id: int) -> None:
    """Forget a user's links that set a password or sign in, with a new password."""
    those = (*SETS_PASSWORD, Purpose.SIGN_IN)
    connection.execute(delete(LinkRow).where(LinkRow.user_id == user_id, LinkRow.purpose.in_(those)))


def prune(connection: Connection, at: datetime) -> int:
    """Delete links that have expired; returns how many."""
    return connection.execute(delete(LinkRow).where(LinkRow.expires_at <= at)).rowcount
