# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at a browser: signs in, asks, and is told apart by the token alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.fernet import Fernet

from scheduling.access import credentials, sign_in, signed_in, users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.access.sessions import Browser
from scheduling.access.signed_in import SignedIn
from scheduling.config.sections import Config
from scheduling.database.connection import Database

PASSWORD = "correct horse"
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@dataclass
class Door:
    """The door of one installation at a moment that a test moves."""

    database: Database
    config: Config = field(default_factory=Config)
    keyring: Keyring = field(default_factory=lambda: Keyring(Fernet.generate_key().decode()))
    now: datetime = NOW

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def user(self, username: str, password: str | None = PASSWORD, **columns: str) -> int:
        with self.database.write() as connection:
            made = users.create(connection, username=username, actor=SYSTEM, **columns)
            if password is not None:
                credentials.set_password(connection, made.id, password, actor=SYSTEM)
        return made.id

    def sign_in(
        self,
        name: str,
        password: str = PASSWORD,
        *,
        address: str = "192.0.2.1",
        user_agent: str = "Firefox",
        replaces: str | None = None,
    ) -> str:
        """The token of the cookie."""
        return sign_in.sign_in(
            self.database,
            self.keyring,
            name,
            password,
            config=self.config,
            browser=Browser(address=address, user_agent=user_agent),
            at=self.now,
            replaces=replaces,
        )[1]

    def who(self, token: str, address: str = "192.0.2.1") -> SignedIn | None:
        return signed_in.resolve(
            self.database, self.keyring, token, config=self.config, address=address, at=self.now
        )

    def signed_in(self, token: str) -> SignedIn:
        found = self.who(token)
        assert found is not None
        return found
