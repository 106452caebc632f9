# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's `Auth` over the scheduling database: app passwords without a slow hash, main passwords with argon2.

A backend that is down raises, so that it answers 5xx and never lets anybody in or calls a right password wrong.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

from radicale import config as radicale_config
from radicale.auth import AuthContext, BaseAuth

from auth_plugin import config
from auth_plugin.cache import VerificationCache
from scheduling.access import credentials, throttle
from scheduling.access.credentials import Login
from scheduling.access.secrets import Keyring
from scheduling.database.connection import connect_to
from scheduling.database.types import READ_ALL_GROUP
from scheduling.ports import SignIn
from scheduling.readership import reader, refusals

logger = logging.getLogger(__name__)

MAXIMUM_LENGTH = 1024
"""Characters of a login name or password that are looked at; longer ones are wrong."""


class _Attempt(threading.local):
    """What became of a thread's last attempt."""

    retry_after = 0


class Auth(BaseAuth, SignIn):
    """Loadable by plain Radicale with `[auth] type = auth_plugin`; set `[auth] delay = 0`, slowing is done here."""

    def __init__(self, configuration: radicale_config.Configuration) -> None:
        super().__init__(configuration)
        settings = config.read(configuration)
        self._database = connect_to(settings.database)
        self._keyring = Keyring.open(settings)
        self._cache = VerificationCache(settings.security.password_cache)
        self._policy = throttle.Policy.of(settings)
        self._attempt = _Attempt()

    @property
    def retry_after(self) -> int:
        """Seconds for which this thread's last attempt was refused unseen because of earlier failures; else 0."""
        return self._attempt.retry_after

    def forget_attempt(self) -> None:
        """Start a request of this thread with no attempt on record."""
        self._attempt.retry_after = 0

    def lookup(self, password: str) -> bytes:
        """The keyed hash under which an app password is found."""
        return self._keyring.lookup(password)

    def _login_ext_with_groups(self, login: str, password: str, context: AuthContext) -> tuple[str, set[str]]:
        """The username and its groups, or ("", ...) for wrong credentials. Raises `DatabaseUnavailable`."""
        self._attempt.retry_after = 0
        if (
            not login
            or not password
            or max(len(login), len(password)) > MAXIMUM_LENGTH
            or "\x00" in login + password
        ):
            return "", set()
        with self._database.read() as connection:
            found = credentials.find_login(connection, self._keyring, login, password)
        if not self._accepted(found, login, password, context.remote_addr or ""):
            return "", set()
        assert found is not None
        reader.identify(found.user_id, found.app_password_id)
        return found.username, {READ_ALL_GROUP} if found.reads_all_calendars else set()

    def _accepted(self, found: Login | None, login: str, password: str, address: str) -> bool:
        if found is not None and found.app_password_id is not None:
            self._note_use(found)
            return True
        if found is not None and found.version and self._cache.knows(found.user_id, found.version, password):
            return True
        return self._slow_check(found, login, password, address)

    def _slow_check(self, found: Login | None, login: str, password: str, address: str) -> bool:
        now = int(time.time())
        # Failures count for whom the name means, in whatever case it is typed.
        name, whose = (found.username if found else login).casefold(), found.username if found else None
        with self._database.read() as connection:
            self._attempt.retry_after = throttle.wait(connection, self._keyring, name, address, now)
        if self._attempt.retry_after:
            logger.warning(
                "login refused unseen for %d s after repeated failures from %s",
                self._attempt.retry_after,
                address,
            )
            return False
        right = credentials.verify(found.password_hash if found else None, password)
        with self._database.write() as connection:
            if right:
                throttle.forgive(connection, self._keyring, name, address)
            else:
                throttle.record(connection, self._keyring, name, address, self._policy, now, whose=whose)
                at = datetime.fromtimestamp(now, UTC)
                refusals.note(connection, found.user_id if found else None, reader.client(), at)
        if right and found is not None and found.version:
            self._cache.remember(found.user_id, found.version, password)
        return right

    def _note_use(self, found: Login) -> None:
        if found.app_password_id is not None:
            used, now = found.app_password_used_at, datetime.now(UTC)
            credentials.note_use(self._database, found.app_password_id, used, now)

    def _sleep_for_constant_exec_time(self, time_ns_begin: int) -> None:
        """Not by sleeping: unknown users cost the same argon2 check, and a sleeping thread would be a scarce one."""
