# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: random secrets for scripts, each with a label, permissions of its own and possibly an expiry.

A key belongs to a user, and then never permits more than the user's role does at that moment, or to the installation.
The text is shown once; only its keyed hash is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from scheduling.access import audit
from scheduling.access.authority import over_belongings
from scheduling.access.permissions import (
    Actor,
    Permission,
    known,
    permissions_of_role,
    require,
    require_no_more,
)
from scheduling.access.secrets import Keyring, new_token
from scheduling.errors import Invalid, NotFound
from scheduling.models import ApiKey as ApiKeyRow
from scheduling.models import User

PREFIX = "dsk_"
"""What every key begins with, so that scanners for leaked secrets know it."""

_USED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key without its text. `owner` and `owner_role` are None where it belongs to the installation."""

    id: int
    user_id: int | None
    owner: str | None
    owner_role: str | None
    label: str
    permissions: frozenset[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


_R = ApiKeyRow
_KEYS = select(
    _R.id,
    _R.user_id,
    User.username.label("owner"),
    User.role.label("owner_role"),
    _R.label,
    _R.permissions,
    _R.created_at,
    _R.expires_at,
    _R.last_used_at,
    _R.revoked_at,
).select_from(_R.__table__.outerjoin(User.__table__, User.id == _R.user_id))
_BY_SECRET = _KEYS.where(
    _R.lookup == bindparam("lookup"),
    _R.revoked_at.is_(None),
    or_(_R.expires_at.is_(None), _R.expires_at > bindparam("now")),
    or_(_R.user_id.is_(None), User.active),
)


def create(
    connection: Connection,
    keyring: Keyring,
    *,
    user_id: int | None,
    label: str,
    permissions: Iterable[Permission],
    expires_at: datetime | None = None,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is not shown again. It can be given no permission that the actor or the owner
    lacks. Raises `Forbidden`, `NotFound` for no such user, `Invalid`.
    """
    require(Permission.API_KEYS_MANAGE, actor=actor)
    wanted = frozenset(permissions)
    require_no_more(wanted, actor=actor)
    over_belongings(connection, user_id, actor=actor)
    label = label.strip()
    if not 1 <= len(label) <= 255:
        raise Invalid(
            "The label of an API key must have 1 to 255 characters, for example the name of the script."
        )
    if not wanted:
        raise Invalid("An API key needs at least one permission.")
    now = datetime.now(UTC)
    if expires_at is not None and expires_at <= now:
        raise Invalid("The API key would expire in the past; choose a later moment.")
    _check_owner(connection, user_id, wanted)
    secret = PREFIX + new_token()
    created = connection.execute(
        insert(_R)
        .values(
            user_id=user_id,
            label=label,
            lookup=keyring.lookup(secret),
            permissions=" ".join(sorted(wanted)),
            created_at=now,
            expires_at=expires_at,
        )
        .returning(_R.id)
    ).scalar_one()
    audit.record(
        connection,
        "api_key.create",
        f"api-key:{created}",
        label=label,
        user_id=user_id,
        permissions=" ".join(sorted(wanted)),
        expires_at=None if expires_at is None else expires_at.isoformat(timespec="seconds"),
        actor=actor,
    )
    return get(connection, created), secret


def get(connection: Connection, key_id: int) -> ApiKey:
    """Raises `NotFound`."""
    row = connection.execute(_KEYS.where(_R.id == key_id)).first()
    if row is None:
        raise NotFound(f"There is no API key {key_id}.", noun="API key")
    return _api_key(row)


def list_keys(connection: Connection, user_id: int | None = None) -> list[ApiKey]:
    """The keys of one user or all keys, oldest first, revoked and expired ones too."""
    statement = _KEYS.order_by(_R.id)
    if user_id is not None:
        statement = statement.where(_R.user_id == user_id)
    return [_api_key(row) for row in connection.execute(statement)]


def revoke(connection: Connection, key_id: int, *, actor: Actor) -> None:
    """Make the key stop working at once. Raises `Forbidden`, `NotFound` for none that could be revoked."""
    require(Permission.API_KEYS_MANAGE, actor=actor)
    key = get(connection, key_id)
    require_no_more(key.permissions, actor=actor)
    over_belongings(connection, key.user_id, actor=actor)
    result = connection.execute(
        update(_R).where(_R.id == key_id, _R.revoked_at.is_(None)).values(revoked_at=datetime.now(UTC))
    )
    if result.rowcount == 0:
        raise NotFound(f"The API key {key_id} is revoked already.")
    audit.record(connection, "api_key.revoke", f"api-key:{key_id}", actor=actor)


def find(connection: Connection, keyring: Keyring, secret: str, now: datetime) -> ApiKey | None:
    """The working key with this text: one statement. None for an unknown, revoked or expired one, or a disabled
    owner's.
    """
    if not secret.startswith(PREFIX):
        return None
    row = connection.execute(_BY_SECRET, {"lookup": keyring.lookup(secret), "now": now}).first()
    return None if row is None else _api_key(row)


def needs_touch(connection: Connection, key_id: int, now: datetime) -> bool:
    """Whether it is time to note again that the key was used (at most every ten minutes)."""
    used = connection.execute(select(_R.last_used_at).where(_R.id == key_id)).first()
    return used is not None and (used[0] is None or now - used[0] > _USED_EVERY)


def touch(connection: Connection, key_id: int, now: datetime) -> None:
    """Note that the key was used."""
    connection.execute(update(_R).where(_R.id == key_id).values(last_used_at=now))


def _check_owner(connection: Connection, user_id: int | None, wanted: frozenset[Permission]) -> None:
    if user_id is None:
        return
    role = connection.scalar(select(User.role).where(User.id == user_id))
    if role is None:
        raise NotFound(f"There is no user with the id {user_id}.")
    beyond = sorted(wanted - permissions_of_role(connection, role))
    if beyond:
        raise Invalid(f"The owner's role {role} does not have the permission {beyond[0]}.")


def _api_key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    return ApiKey(**{**row._asdict(), "permissions": known(row.permissions.split())})
