# SPDX-License-Identifier: GPL-3.0-or-later
"""Inviting people and letting them set another password: a one-time link, and a letter that brings it where mail can
be sent. Else whoever made the link passes it on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, select

from scheduling.access import one_time_links, request_rates, sign_in_names, users
from scheduling.access.one_time_links import LASTS, Purpose
from scheduling.access.permissions import Actor
from scheduling.access.secrets import Keyring
from scheduling.access.users import User
from scheduling.config.mail import address_of
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import Conflict
from scheduling.mail import outbox
from scheduling.mail.letters import letter
from scheduling.mail.outbox import Waiting
from scheduling.models import Credential, OneTimeLink

_ASKED_A_MINUTE = 5
_PAUSE = timedelta(minutes=5)
"""How long nobody gets a second letter of the same kind by asking."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """How a link gets to its owner: by a letter to `mailed_to`, else by whoever made it, who gets `url`."""

    mailed_to: str | None
    url: str | None = field(repr=False)
    expires_at: datetime


def make_link(
    connection: Connection,
    keyring: Keyring,
    config: Config,
    username: str,
    purpose: Purpose,
    *,
    root: str,
    by_mail: bool = True,
    at: datetime,
    actor: Actor,
) -> Brought:
    """Invite a user who has no password yet, or let a user set another one; the present one works until then. `root` is
    the address of this installation, without a slash at the end. Raises `Forbidden`, `NotFound`, and `Conflict` for the
    invitation of a user with a password.
    """
    user = users.get(connection, username)
    token = one_time_links.make(connection, keyring, user.id, purpose, at=at, actor=actor)
    has_password = select(exists().where(Credential.user_id == user.id))
    if purpose is Purpose.INVITATION and connection.scalar(has_password):
        raise Conflict(f"{username} has a password already; use a password reset to set another one.")
    url = root + one_time_links.path_of(token)
    return _bring(connection, keyring, config, user, purpose, url, by_mail=by_mail, at=at)


def ask_for_reset(
    database: Database, keyring: Keyring, name: str, *, root: str, address: str, at: datetime
) -> int:
    """Somebody who has forgotten the password says a username or e-mail address; the seconds to wait where that was
    asked too often from this address, else 0. Whether there is such a user is looked up later and elsewhere
    (`answer`), so that neither what this does nor how long it takes depends on it. Raises `DatabaseUnavailable`.
    """
    with database.write() as connection:
        who = f"password reset {address}"
        wait = request_rates.count(connection, keyring, who, _ASKED_A_MINUTE, int(at.timestamp()))
        if not wait:
            asked = {"name": name[:255], "root": root, "address": address}
            until = at + LASTS[Purpose.PASSWORD_RESET]
            outbox.put_content(connection, keyring, "reset", asked, at=at, until=until)
    return wait


def answer(connection: Connection, keyring: Keyring, config: Config, asked: Waiting, at: datetime) -> None:
    """Turn what somebody asked for into a letter, or into nothing: where the name means no active user with an
    address, and where that user got such a letter in the last five minutes.
    """
    outbox.done(connection, asked)
    name = asked.content["name"]
    user_id = None if "\x00" in name else sign_in_names.find(connection, name)
    user = None if user_id is None else users.by_id(connection, user_id)
    if user is None or not user.email or address_of(user.email) is None or not config.mail.is_on:
        return
    lately = exists().where(
        OneTimeLink.user_id == user.id,
        OneTimeLink.purpose == Purpose.PASSWORD_RESET.value,
        OneTimeLink.created_at > at - _PAUSE,
    )
    if connection.scalar(select(lately)):
        return
    actor = Actor(
        kind="system",
        user_id=None,
        name="password reset",
        permissions=frozenset(),
        address=asked.content["address"] or None,
    )
    token = one_time_links.store(
        connection, keyring, user.id, user.username, Purpose.PASSWORD_RESET, at=at, actor=actor
    )
    url = asked.content["root"] + one_time_links.path_of(token)
    _bring(connection, keyring, config, user, Purpose.PASSWORD_RESET, url, by_mail=True, at=at)


def _bring(
    connection: Connection,
    keyring: Keyring,
    config: Config,
    user: User,
    purpose: Purpose,
    url: str,
    *,
    by_mail: bool,
    at: datetime,
) -> Brought:
    until = at + LASTS[purpose]
    if not (by_mail and config.mail.is_on and user.email and address_of(user.email)):
        return Brought(mailed_to=None, url=url, expires_at=until)
    said = letter(
        purpose,
        config.mail.language,
        to=user.email,
        username=user.username,
        display_name=user.display_name,
        link=url,
    )
    outbox.put(connection, keyring, said, at=at, until=until)
    return Brought(mailed_to=user.email, url=None, expires_at=until)
