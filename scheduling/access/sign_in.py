# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in to the pages with the main password, and confirming with it who one is. App passwords do not count.

A wrong password, a name that nobody has and a user who is not served get the same answer after the same work: one slow
check. Failures are counted as those of calendar clients are (throttle.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from scheduling.access import credentials, sessions, sign_in_names, signed_in, throttle
from scheduling.access.secrets import Keyring
from scheduling.access.sessions import HAS_ACCESS, Browser
from scheduling.access.signed_in import SignedIn
from scheduling.access.throttle import Policy
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import SchedulingError
from scheduling.models import Credential, User
from scheduling.sentences import counted

MAXIMUM_LENGTH = 1024
"""Characters of a name or password that are looked at; longer ones are wrong."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_PASSWORD = (
    select(User.username, Credential.password_hash, Credential.version)
    .outerjoin(Credential, Credential.user_id == User.id)
    .where(User.id == bindparam("user_id"), User.active, HAS_ACCESS)
)


class SignInRefused(SchedulingError):
    """The name or the password is wrong."""


class TooManyAttempts(SchedulingError):
    """There were too many wrong attempts."""

    def __init__(self, retry_after: int) -> None:
        """Keep the seconds to wait."""
        self.retry_after = retry_after
        super().__init__(
            f"There were too many wrong attempts; try again in {counted(retry_after, 'second')}."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """Whom a name means, and the main password."""

    user_id: int
    username: str
    password_hash: str | None
    version: str | None


def sign_in(
    database: Database,
    keyring: Keyring,
    name: str,
    password: str,
    *,
    config: Config,
    browser: Browser,
    at: datetime,
    replaces: str | None = None,
) -> tuple[SignedIn, str]:
    """Sign in by username or e-mail address: who it is, and the new token for the browser's cookie. `replaces` is the
    token the browser had, whose session ends. Raises `SignInRefused`, `TooManyAttempts`, `DatabaseUnavailable`.
    """
    if not (_can_be(name) and _can_be(password)):
        raise SignInRefused
    with database.read() as connection:
        known = _find(connection, sign_in_names.find(connection, name))
    _check(database, keyring, known, _folded(name), password, config=config, address=browser.address, at=at)
    assert known is not None
    with database.write() as connection:
        token = sessions.begin(
            connection,
            keyring,
            known.user_id,
            version=known.version,
            by="password",
            browser=browser,
            at=at,
            replaces=replaces,
        )
        found = signed_in.read(connection, keyring, token, config=config, address=browser.address, at=at)
        if found is None:  # the password was changed while it was checked
            raise SignInRefused
    return found, token


def confirm(
    database: Database,
    keyring: Keyring,
    who: SignedIn,
    password: str,
    *,
    config: Config,
    address: str,
    at: datetime,
) -> None:
    """Let whoever is signed in do sensitive things for fifteen minutes. Raises `SignInRefused`, `TooManyAttempts`,
    `DatabaseUnavailable`.
    """
    if not _can_be(password):
        raise SignInRefused("The password is wrong.")
    with database.read() as connection:
        known = _find(connection, who.user.id)
    name = _folded(who.user.username)
    _check(database, keyring, known, name, password, config=config, address=address, at=at)
    with database.write() as connection:
        sessions.confirm(connection, who.session.id, at)


def _check(
    database: Database,
    keyring: Keyring,
    known: _Known | None,
    name: str,
    password: str,
    *,
    config: Config,
    address: str,
    at: datetime,
) -> None:
    """One slow check, whoever is asked about. Failures are counted by what was typed, not by whom it means: else
    being slowed down would tell which names are one person's.
    """
    now = int(at.timestamp())
    with database.read() as connection:
        wait = throttle.wait(connection, keyring, name, address, now)
    if wait:
        raise TooManyAttempts(wait)
    right = credentials.verify(known.password_hash if known else None, password)
    with database.write() as connection:
        if right:
            throttle.forgive(connection, keyring, name, address)
        else:
            whose = known.username if known else None
            throttle.record(connection, keyring, name, address, Policy.of(config), now, whose=whose)
    if not right:
        raise SignInRefused


def _find(connection: Connection, user_id: int | None) -> _Known | None:
    row = connection.execute(_PASSWORD, {"user_id": user_id or 0}).first()
    if row is None or user_id is None:
        return None
    return _Known(
        user_id=user_id, username=row.username, password_hash=row.password_hash, version=row.version
    )


def _folded(name: str) -> str:
    return name.strip().casefold()


def _can_be(text: str) -> bool:
    return 0 < len(text) <= MAXIMUM_LENGTH and "\x00" not in text and not _SURROGATE.search(text)
