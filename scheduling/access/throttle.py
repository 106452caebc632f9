# SPDX-License-Identifier: GPL-3.0-or-later
"""Slowing repeated failed logins per account and address, kept in the database so that every process agrees.

Nothing sleeps: a blocked attempt is refused at once with the seconds to wait, without checking its password. App
passwords are never throttled (they cannot be guessed), so a calendar client keeps working meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, select, update

from scheduling.access import audit
from scheduling.access.permissions import Actor
from scheduling.access.secrets import Keyring
from scheduling.config.sections import Config
from scheduling.database.dialects import insert_into
from scheduling.models import LoginFailure, User

FORGOTTEN_AFTER = 3600
"""Seconds without a failure after which a key starts afresh."""
_CLOCKS_APART = 60
"""Seconds by which the clocks of several machines may differ."""

_BLOCKED = select(func.max(LoginFailure.blocked_until)).where(
    LoginFailure.key.in_(bindparam("keys", expanding=True)),
    LoginFailure.last_at <= bindparam("latest"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`attempts` failures of one address on one account are free; then each doubles the wait up to `longest` seconds.
    An account is slowed from any address after ten times as many, by at most `account_longest`, so that a stranger
    cannot lock an owner out; an address after twenty times as many.
    """

    attempts: int
    longest: int
    account_longest: int = 5

    @classmethod
    def of(cls, config: Config) -> Policy:
        """That of the settings."""
        return cls(attempts=config.security.login_attempts, longest=config.security.login_delay_max)


def wait(connection: Connection, keyring: Keyring, username: str, address: str, now: int) -> int:
    """Seconds until this account may be tried again from this address; 0 when it may be now."""
    keys = _keys(keyring, username, address)
    # What failed later than now did so by a clock that was wrong; nobody waits until then.
    blocked = connection.scalar(_BLOCKED, {"keys": keys, "latest": now + _CLOCKS_APART})
    return max(0, (blocked or 0) - now)


def record(
    connection: Connection,
    keyring: Keyring,
    username: str,
    address: str,
    policy: Policy,
    now: int,
    *,
    whose: str | None = None,
) -> None:
    """Count one failure, and audit the one with which a burst begins. `whose` is the user whose name or e-mail address
    it was, where `username` is not the user's name itself. Inside `Database.write()`.
    """
    pair, account, origin = _keys(keyring, username, address)
    for key, free, longest, subject in sorted(
        (
            (pair, policy.attempts, policy.longest, "account"),
            (account, policy.attempts * 10, policy.account_longest, "account"),
            (origin, policy.attempts * 20, policy.longest, "address"),
        )
    ):
        failures = _count(connection, key, free, longest, now)
        if failures == free:
            _audit(connection, whose or username, address, subject, failures)


def _audit(connection: Connection, username: str, address: str, subject: str, failures: int) -> None:
    """Only an account that exists is named: what people type as a username is at times their password."""
    if subject == "account":
        known = connection.scalar(select(User.username).where(User.username == username))
        if known is None:
            return
        subject = f"user:{known}"
    else:
        subject = f"address:{address}"
    actor = Actor(
        kind="system", user_id=None, name="sign-in", permissions=frozenset(), address=address or None
    )
    audit.record(connection, "login.failures", subject, failures=failures, actor=actor)


def forgive(connection: Connection, keyring: Keyring, username: str, address: str) -> None:
    """Forget the failures of a pair that has just given the right password."""
    connection.execute(delete(LoginFailure).where(LoginFailure.key == _keys(keyring, username, address)[0]))


def prune(connection: Connection, now: int) -> int:
    """Delete keys nobody failed with lately; returns how many."""
    return connection.execute(
        delete(LoginFailure).where(LoginFailure.last_at < now - FORGOTTEN_AFTER)
    ).rowcount


def _keys(keyring: Keyring, username: str, address: str) -> list[bytes]:
    return [
        keyring.lookup(f"pair\x00{username}\x00{address}"),
        keyring.lookup(f"account\x00{username}"),
        keyring.lookup(f"address\x00{address}"),
    ]


def _count(connection: Connection, key: bytes, free: int, longest: int, now: int) -> int:
    statement = insert_into(connection, LoginFailure).values(
        key=key, failures=1, blocked_until=0, last_at=now
    )
    failures = (
        connection.scalar(
            statement.on_conflict_do_update(
                index_elements=["key"],
                set_={"failures": LoginFailure.failures + 1, "last_at": now},
            ).returning(LoginFailure.failures)
        )
        or 1
    )
    if failures >= free:
        delay = min(longest, 2 ** min(failures - free, 20))
        connection.execute(
            update(LoginFailure).where(LoginFailure.key == key).values(blocked_until=now + delay)
        )
    return failures
