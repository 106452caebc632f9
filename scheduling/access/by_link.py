# SPDX-License-Identifier: GPL-3.0-or-later
"""What a one-time link is used for: to set a password, by invitation or after forgetting it, and to sign in. Either
way the browser is signed in afterwards, and has just proved who it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from scheduling.access import credentials, one_time_links, sessions, signed_in
from scheduling.access.one_time_links import SETS_PASSWORD, LinkGone, OneTimeLink, Purpose
from scheduling.access.secrets import Keyring
from scheduling.access.sessions import Browser
from scheduling.access.signed_in import SignedIn
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.models import Credential


def set_password(
    database: Database,
    keyring: Keyring,
    link: str,
    password: str,
    *,
    config: Config,
    browser: Browser,
    at: datetime,
    replaces: str | None = None,
) -> tuple[SignedIn, str]:
    """Set the password with the token of a link, and sign in: who it is, and the new token for the browser's cookie.
    All other sessions end. Raises `LinkGone`, and `Invalid` for a password that cannot be, after which the link is as
    good as before; `DatabaseUnavailable`.
    """
    with database.write() as connection:
        used = one_time_links.use(connection, keyring, link, at, *SETS_PASSWORD, address=browser.address)
        actor = one_time_links.holder(used, browser.address)
        credentials.set_password(connection, used.user_id, password, actor=actor)
        return _begin(connection, keyring, used, config=config, browser=browser, at=at, replaces=replaces)


def sign_in(
    database: Database,
    keyring: Keyring,
    link: str,
    *,
    config: Config,
    browser: Browser,
    at: datetime,
    replaces: str | None = None,
) -> tuple[SignedIn, str]:
    """Sign in with the token of a link: who it is, and the new token for the browser's cookie. Raises `LinkGone`,
    `DatabaseUnavailable`.
    """
    with database.write() as connection:
        used = one_time_links.use(connection, keyring, link, at, Purpose.SIGN_IN, address=browser.address)
        return _begin(connection, keyring, used, config=config, browser=browser, at=at, replaces=replaces)


def _begin(
    connection: Connection,
    keyring: Keyring,
    used: OneTimeLink,
    *,
    config: Config,
    browser: Browser,
    at: datetime,
    replaces: str | None,
) -> tuple[SignedIn, str]:
    token = sessions.begin(
        connection,
        keyring,
        used.user_id,
        version=connection.scalar(select(Credential.version).where(Credential.user_id == used.user_id)),
        by="link",
        browser=browser,
        at=at,
        replaces=replaces,
    )
    found = signed_in.read(connection, keyring, token, config=config, address=browser.address, at=at)
    if found is None:
        raise LinkGone
    return found, token
