# SPDX-License-Identifier: GPL-3.0-or-later
"""Browser sessions: one row for each browser that is signed in to the pages.

The browser holds a random token, and only its keyed hash is kept. A session counts while its user is active and has
something to do here, the main password is the one it began under, and neither of its limits has passed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from scheduling.access import actors, audit
from scheduling.access.authority import over_sign_in
from scheduling.access.permissions import SUPER_ADMIN, Actor
from scheduling.access.secrets import Keyring, new_token
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import DatabaseUnavailable, NotFound
from scheduling.models import BrowserSession as SessionRow
from scheduling.models import Credential, RolePermission, User

logger = logging.getLogger(__name__)

MOST = 50
"""Sessions of one user; the least recently used go first."""
CONFIRMED_FOR = timedelta(minutes=15)
"""How long somebody who has proved who it is may do sensitive things."""
_NOTED_EVERY = timedelta(minutes=5)

HAS_ACCESS = or_(
    User.calendar_access,
    User.role == SUPER_ADMIN,
    exists().where(RolePermission.role == User.role, ~RolePermission.permission.endswith("_own")),
)
"""In a statement over `users`: whether there is something to do on the pages, calendars or other people's affairs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Browser:
    """What asks: its address, and what it calls itself (User-Agent)."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A browser that is signed in. Times are to five minutes; `address` is where it was last seen."""

    id: int
    user_id: int
    began_by: Literal["password", "link"]
    created_at: datetime
    last_used_at: datetime
    confirmed_at: datetime
    address: str
    user_agent: str

    def is_confirmed(self, at: datetime) -> bool:
        """Whether the person has lately proved who it is, by the password or a fresh link."""
        return self.confirmed_at > at - CONFIRMED_FOR


COLUMNS = (
    SessionRow.id,
    SessionRow.user_id,
    SessionRow.began_by,
    SessionRow.created_at,
    SessionRow.last_used_at,
    SessionRow.confirmed_at,
    SessionRow.address,
    SessionRow.user_agent,
)
"""The columns of `Session`, in order."""
_VERSION = func.coalesce(
    select(Credential.version)
    .where(Credential.user_id == SessionRow.user_id)
    .correlate(SessionRow)
    .scalar_subquery(),
    "",
)
IS_LIVE: ColumnElement[bool] = and_(
    SessionRow.created_at > bindparam("began_after"),
    SessionRow.last_used_at > bindparam("used_after"),
    SessionRow.credential_version == _VERSION,
)
"""Whether a session counts, apart from its user; with the parameters of `limits`."""
_HAS_USER = exists().where(User.id == SessionRow.user_id, User.active, HAS_ACCESS)
_OF_USER = (
    select(*COLUMNS)
    .where(SessionRow.user_id == bindparam("user_id"), IS_LIVE, _HAS_USER)
    .order_by(SessionRow.last_used_at.desc(), SessionRow.id.desc())
)


def limits(config: Config, at: datetime) -> dict[str, datetime]:
    """When a session must have begun, and been used since, to count at `at`."""
    return {
        "began_after": at - timedelta(seconds=config.pages.session_lifetime),
        "used_after": at - timedelta(seconds=config.pages.session_idle),
    }


def begin(
    connection: Connection,
    keyring: Keyring,
    user_id: int,
    *,
    version: str | None,
    by: Literal["password", "link"],
    browser: Browser,
    at: datetime,
    replaces: str | None = None,
) -> str:
    """Sign a browser in, which is to have proved who it is: the token for its cookie, always a new one. `version` is
    that of the main password, which counts from now on; the session that the browser had before, with the token
    `replaces`, ends. Raises `NotFound` for a user who is gone or disabled.
    """
    actor = actors.of_user(connection, user_id, browser.address)
    if replaces is not None:
        connection.execute(delete(SessionRow).where(SessionRow.lookup == keyring.lookup(replaces)))
    token = new_token()
    number = connection.execute(
        insert(SessionRow)
        .values(
            user_id=user_id,
            lookup=keyring.lookup(token),
            credential_version=version or "",
            began_by=by,
            created_at=at,
            last_used_at=at,
            confirmed_at=at,
            address=browser.address[:64],
            user_agent=_printable(browser.user_agent),
        )
        .returning(SessionRow.id)
    ).scalar_one()
    _drop_beyond_most(connection, user_id)
    audit.record(connection, "session.start", f"session:{number}", user=actor.name, by=by, actor=actor)
    return token


def note_use(database: Database, session: Session, address: str, at: datetime) -> None:
    """Note that the session is used, where it is time to. A database that takes no writes at the moment is no reason
    to refuse anybody.
    """
    if at - session.last_used_at < _NOTED_EVERY:
        return
    noted = update(SessionRow).where(SessionRow.id == session.id, SessionRow.last_used_at < at)
    try:
        with database.write() as connection:
            connection.execute(noted.values(last_used_at=at, address=address[:64]))
    except DatabaseUnavailable:
        logger.info("could not note the use of session %d", session.id)


def sign_out(connection: Connection, keyring: Keyring, token: str, *, address: str) -> None:
    """End the session with this token, if there is one. Whoever has the token needs no permission."""
    ended = connection.execute(
        delete(SessionRow)
        .where(SessionRow.lookup == keyring.lookup(token))
        .returning(SessionRow.id, SessionRow.user_id)
    ).first()
    if ended is None:
        return
    username = connection.scalar(select(User.username).where(User.id == ended.user_id)) or ""
    actor = Actor(kind="user", user_id=ended.user_id, name=username, permissions=frozenset(), address=address)
    audit.record(connection, "session.end", f"session:{ended.id}", user=username, actor=actor)


def list_sessions(connection: Connection, user_id: int, config: Config, at: datetime) -> list[Session]:
    """The user's sessions that count, the last used first."""
    rows = connection.execute(_OF_USER, {"user_id": user_id, **limits(config, at)})
    return [session_of(row) for row in rows]


def end(connection: Connection, user_id: int, session_id: int, *, actor: Actor) -> None:
    """End one session at once. Raises `Forbidden`, `NotFound`."""
    owner = over_sign_in(connection, user_id, actor=actor)
    ended = delete(SessionRow).where(SessionRow.id == session_id, SessionRow.user_id == user_id)
    if connection.execute(ended).rowcount == 0:
        raise NotFound(f"The user has no session {session_id}.")
    audit.record(connection, "session.end", f"session:{session_id}", user=owner, actor=actor)


def end_all(connection: Connection, user_id: int, *, but: int | None = None, actor: Actor) -> int:
    """End every session of the user, but not the one with the id `but`; returns how many. Raises `Forbidden`,
    `NotFound`.
    """
    owner = over_sign_in(connection, user_id, actor=actor)
    ended = delete(SessionRow).where(SessionRow.user_id == user_id)
    if but is not None:
        ended = ended.where(SessionRow.id != but)
    count = connection.execute(ended).rowcount
    if count:
        audit.record(connection, "session.end", f"user:{owner}", sessions=count, actor=actor)
    return count


def drop(connection: Connection, user_id: int) -> None:
    """End what began under a password or an access that the user has no more. In the transaction that took it."""
    connection.execute(
        delete(SessionRow).where(
            SessionRow.user_id == user_id, or_(SessionRow.credential_version != _VERSION, ~_HAS_USER)
        )
    )


def confirm(connection: Connection, session_id: int, at: datetime) -> None:
    """Note that the person has just proved who it is."""
    connection.execute(update(SessionRow).where(SessionRow.id == session_id).values(confirmed_at=at))


def prune(connection: Connection, config: Config, at: datetime) -> int:
    """Delete sessions that do not count any more; returns how many."""
    return connection.execute(
        delete(SessionRow).where(or_(~IS_LIVE, ~_HAS_USER)), limits(config, at)
    ).rowcount


def session_of(values: Iterable[Any]) -> Session:
    """What was read of `COLUMNS`."""
    return Session(**{column.key: value for column, value in zip(COLUMNS, values, strict=True)})


def _drop_beyond_most(connection: Connection, user_id: int) -> None:
    kept = (
        select(SessionRow.id)
        .where(SessionRow.user_id == user_id)
        .order_by(SessionRow.last_used_at.desc(), SessionRow.id.desc())
        .limit(MOST)
    )
    connection.execute(
        delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.id.not_in(kept.scalar_subquery()))
    )


def _printable(user_agent: str) -> str:
    return "".join(it for it in user_agent if it.isprintable())[:255]
