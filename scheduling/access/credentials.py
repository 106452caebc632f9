# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords: one main password per user (argon2) and any number of app passwords for calendar clients.

An app password is random, so a keyed hash finds it without a slow one. Neither text is ever kept or logged.
"""

from __future__ import annotations

import logging
import secrets as random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update

from scheduling.access import audit, one_time_links, sessions, sign_in_names
from scheduling.access.authority import over_sign_in
from scheduling.access.permissions import READS_ALL, Actor
from scheduling.access.secrets import Keyring, new_token
from scheduling.database.connection import Database
from scheduling.errors import DatabaseUnavailable, Invalid, NotFound
from scheduling.models import AppPassword as AppPasswordRow
from scheduling.models import Credential, User

logger = logging.getLogger(__name__)

MINIMUM_LENGTH = 8
_USED_EVERY = timedelta(minutes=10)
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NO_PASSWORD = (
    "$argon2id$v=19$m=19456,t=2,p=1$747pXn9oq7ixaLOkf5nHJg$et2E/BSudmRKJpV+CrysWjHCVviYhsDnURtmg6XjaPQ"  # noqa: S105
)
"""The hash of a random text that was thrown away, checked where there is no user. Its parameters are `_hasher`'s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppPassword:
    """An app password without its text."""

    id: int
    label: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """What is known about a login name: the user if served, whether the role permits reading everybody's calendars,
    the main password's hash, a matching app password.
    """

    user_id: int
    username: str
    role: str
    password_hash: str | None
    version: str | None
    app_password_id: int | None
    app_password_used_at: datetime | None
    reads_all_calendars: bool = False


_SERVED = (
    select(
        User.id,
        User.username,
        User.role,
        READS_ALL.label("reads_all_calendars"),
        Credential.password_hash,
        Credential.version,
        AppPasswordRow.id.label("app_password_id"),
        AppPasswordRow.last_used_at,
    )
    .select_from(User)
    .outerjoin(Credential, Credential.user_id == User.id)
    .outerjoin(
        AppPasswordRow,
        and_(
            AppPasswordRow.user_id == User.id,
            AppPasswordRow.lookup == bindparam("lookup"),
            AppPasswordRow.revoked_at.is_(None),
        ),
    )
    .where(User.active, User.calendar_access)
)
_LOGIN = _SERVED.where(User.username == bindparam("username"))
_BY_APP_PASSWORD = _SERVED.where(AppPasswordRow.lookup == bindparam("lookup"))


def find_login(connection: Connection, keyring: Keyring, username: str, password: str) -> Login | None:
    """The active user with calendar access called `username`, and whether `password` is one of the user's app
    passwords. None for anybody else. One statement where it is, and where nothing has to be told apart by case.

    Phones begin names with a capital letter. An app password says by itself whose it is, so the name counts in any
    case; with another password it does where no other active user has it in another case.
    """
    given = {"username": username, "lookup": keyring.lookup(password)}
    row = connection.execute(_LOGIN, given).first()
    if row is None or row.app_password_id is None:
        named = connection.execute(_BY_APP_PASSWORD, given).first()
        # Looked up whoever is there, so that time tells nothing.
        folded = sign_in_names.in_any_case(connection, username)
        if named is not None and sign_in_names.same(username, named.username):
            row = named
        elif row is None and folded is not None:
            row = connection.execute(_LOGIN, {**given, "username": folded}).first()
    if row is None:
        return None
    return Login(
        user_id=row.id,
        username=row.username,
        role=row.role,
        reads_all_calendars=bool(row.reads_all_calendars),
        password_hash=row.password_hash,
        version=row.version,
        app_password_id=row.app_password_id,
        app_password_used_at=row.last_used_at,
    )


def verify(password_hash: str | None, password: str) -> bool:
    """The slow check of a main password; takes as long where there is none (no user can be told by timing)."""
    try:
        _hasher.verify(password_hash or _NO_PASSWORD, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def set_password(connection: Connection, user_id: int, password: str, *, actor: Actor) -> None:
    """Set the main password; the old one stops working at once everywhere, and browsers are signed out. Raises
    `Forbidden`, `NotFound`, `Invalid` for a short one.
    """
    owner = over_sign_in(connection, user_id, actor=actor)
    if len(password) < MINIMUM_LENGTH:
        raise Invalid(f"The password is too short: use at least {MINIMUM_LENGTH} characters.")
    connection.execute(delete(Credential).where(Credential.user_id == user_id))
    connection.execute(
        insert(Credential).values(
            user_id=user_id,
            password_hash=_hasher.hash(password),
            version=random.token_hex(8),
            changed_at=datetime.now(UTC),
        )
    )
    sessions.drop(connection, user_id)
    one_time_links.drop(connection, user_id)
    audit.record(connection, "password.set", f"user:{owner}", actor=actor)


def create_app_password(
    connection: Connection, keyring: Keyring, user_id: int, label: str, *, actor: Actor
) -> tuple[AppPassword, str]:
    """A new app password and its text, which is not shown again. Raises `Forbidden`, `NotFound`, `Invalid` for an
    empty or long label.
    """
    owner = over_sign_in(connection, user_id, actor=actor)
    if not 1 <= len(label.strip()) <= 255:
        raise Invalid(
            "The label of an app password must have 1 to 255 characters, for example the device's name."
        )
    text = new_token()
    now = datetime.now(UTC)
    created = connection.execute(
        insert(AppPasswordRow)
        .values(user_id=user_id, label=label.strip(), lookup=keyring.lookup(text), created_at=now)
        .returning(AppPasswordRow.id)
    ).scalar_one()
    audit.record(
        connection,
        "app_password.create",
        f"app-password:{created}",
        user=owner,
        label=label.strip(),
        actor=actor,
    )
    return AppPassword(
        id=created, label=label.strip(), created_at=now, last_used_at=None, revoked_at=None
    ), text


def list_app_passwords(connection: Connection, user_id: int) -> list[AppPassword]:
    """The user's app passwords, revoked ones too, oldest first."""
    columns = (
        AppPasswordRow.id,
        AppPasswordRow.label,
        AppPasswordRow.created_at,
        AppPasswordRow.last_used_at,
        AppPasswordRow.revoked_at,
    )
    rows = connection.execute(
        select(*columns).where(AppPasswordRow.user_id == user_id).order_by(AppPasswordRow.id)
    )
    return [_app_password(row) for row in rows]


def revoke_app_password(connection: Connection, user_id: int, app_password_id: int, *, actor: Actor) -> None:
    """Make an app password stop working at once. Raises `Forbidden`, `NotFound`."""
    owner = over_sign_in(connection, user_id, actor=actor)
    result = connection.execute(
        update(AppPasswordRow)
        .where(
            AppPasswordRow.id == app_password_id,
            AppPasswordRow.user_id == user_id,
            AppPasswordRow.revoked_at.is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
    )
    if result.rowcount == 0:
        raise NotFound(f"The user has no app password {app_password_id} that could be revoked.")
    audit.record(
        connection, "app_password.revoke", f"app-password:{app_password_id}", user=owner, actor=actor
    )


def needs_touch(used: datetime | None, now: datetime) -> bool:
    """Whether it is time to note again that an app password was used (at most every ten minutes)."""
    return used is None or now - used > _USED_EVERY


def note_use(database: Database, app_password_id: int, used: datetime | None, now: datetime) -> None:
    """Note that the app password, whose use was last noted at `used`, is used, where it is time to. A database that
    takes no writes at the moment is no reason to refuse anybody.
    """
    if not needs_touch(used, now):
        return
    noted = update(AppPasswordRow).where(AppPasswordRow.id == app_password_id).values(last_used_at=now)
    try:
        with database.write() as connection:
            connection.execute(noted)
    except DatabaseUnavailable:
        logger.info("could not note the use of app password %d", app_password_id)


def _app_password(row: Row[*tuple[Any, ...]]) -> AppPassword:
    return AppPassword(**row._asdict())
