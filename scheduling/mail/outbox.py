# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that waits: rows that are written in the transaction of what they tell, and that the worker sends afterwards,
so that no request and no transaction waits for a mail server. A letter is sent at least once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import SecretsUnreadable
from scheduling.mail.letters import Letter
from scheduling.models import Mail

RETRY_AFTER = (10, 60, 300, 900, 3600)
"""Seconds to wait after the first, second, ... failure; the last again and again."""
_LEASE = 600
_M = Mail
Kind = Literal["letter", "reset"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A row whose turn it is. `content` is a secret."""

    id: int
    kind: Kind
    created_at: datetime
    attempts: int
    content: Mapping[str, str] = field(repr=False)

    @property
    def letter(self) -> Letter:
        """What to send."""
        return Letter(**self.content)


def put(connection: Connection, keyring: Keyring, letter: Letter, *, at: datetime, until: datetime) -> None:
    """Have a letter sent, until `until` at the latest. In the transaction of what it tells."""
    put_content(connection, keyring, "letter", asdict(letter), at=at, until=until)


def put_content(
    connection: Connection,
    keyring: Keyring,
    kind: Kind,
    content: Mapping[str, str],
    *,
    at: datetime,
    until: datetime,
) -> None:
    """Leave something for the worker."""
    connection.execute(
        insert(_M).values(
            kind=kind,
            encrypted_content=keyring.encrypt(json.dumps(content)),
            created_at=at,
            expires_at=until,
            attempts=0,
            next_attempt_at=int(at.timestamp()),
        )
    )


def claim(database: Database, keyring: Keyring, now: int) -> Waiting | None:
    """The row that has waited longest; no other worker gets it for ten minutes. Writes nothing where nothing is due.
    Raises `DatabaseUnavailable`.
    """
    at = datetime.fromtimestamp(now, UTC)
    due = (
        select(_M.id, _M.kind, _M.created_at, _M.attempts, _M.encrypted_content, _M.next_attempt_at)
        .where(_M.next_attempt_at <= now, _M.expires_at > at)
        .order_by(_M.next_attempt_at, _M.id)
        .limit(1)
    )
    while True:
        with database.read() as connection:
            row = connection.execute(due).first()
        if row is None:
            return None
        taken = update(_M).where(_M.id == row.id, _M.next_attempt_at == row.next_attempt_at)
        with database.write() as connection:
            won = connection.execute(taken.values(next_attempt_at=now + _LEASE)).rowcount
        if not won:
            continue
        try:
            content = json.loads(keyring.decrypt(row.encrypted_content))
        except SecretsUnreadable as error:
            give_up(database, row.id, str(error))
            continue
        return Waiting(
            id=row.id, kind=row.kind, created_at=row.created_at, attempts=row.attempts, content=content
        )


def done(connection: Connection, waiting: Waiting) -> None:
    """Forget a row that is done with."""
    connection.execute(delete(_M).where(_M.id == waiting.id))


def try_again(database: Database, waiting: Waiting, error: str, now: int) -> None:
    """Note why an attempt failed, and wait longer each time."""
    pause = RETRY_AFTER[min(waiting.attempts, len(RETRY_AFTER) - 1)]
    noted = {
        "attempts": waiting.attempts + 1,
        "next_attempt_at": now + pause,
        "error": error[:255],
    }
    with database.write() as connection:
        connection.execute(update(_M).where(_M.id == waiting.id).values(**noted))


def give_up(database: Database, number: int, error: str) -> None:
    """Note why there is no use in another attempt."""
    noted = {"attempts": _M.attempts + 1, "next_attempt_at": None, "error": error[:255]}
    with database.write() as connection:
        connection.execute(update(_M).where(_M.id == number).values(noted))


def failing(connection: Connection) -> tuple[int, str | None]:
    """How many letters could not be sent so far, and why the latest could not."""
    count = connection.scalar(select(func.count()).where(_M.error.is_not(None))) or 0
    latest = select(_M.error).where(_M.error.is_not(None)).order_by(_M.id.desc()).limit(1)
    return count, connection.scalar(latest)


def prune(connection: Connection, at: datetime) -> int:
    """Forget letters whose link has expired; returns how many."""
    return connection.execute(delete(_M).where(_M.expires_at <= at)).rowcount
