# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a person's calendar apps ask with a wrong password, and since when: the password of a device was ended or
typed wrongly, and its owner sees only that nothing comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, delete, literal, select

from scheduling.database.dialects import insert_into
from scheduling.models import SignInRefusal, User

_APART = timedelta(days=1)
"""After so long without a refusal the next one begins anew."""
KEPT = timedelta(days=30)
_LISTED = (
    select(SignInRefusal.client, SignInRefusal.first_at, SignInRefusal.last_at, SignInRefusal.count)
    .where(SignInRefusal.user_id == bindparam("user_id"), SignInRefusal.last_at > bindparam("since"))
    .order_by(SignInRefusal.last_at.desc(), SignInRefusal.client)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A family of clients that was refused from `first_at` to `last_at`, `count` times."""

    client: str
    first_at: datetime
    last_at: datetime
    count: int


def note(connection: Connection, user_id: int | None, client: str, at: datetime) -> None:
    """Note a wrong password. Without such a user nothing is stored, after the same work."""
    row = select(
        User.id,
        literal(client),
        literal(at, SignInRefusal.last_at.type),
        literal(at, SignInRefusal.last_at.type),
        literal(1),
    ).where(User.id == (user_id or 0))
    insert = insert_into(connection, SignInRefusal).from_select(
        ["user_id", "client", "first_at", "last_at", "count"], row
    )
    is_new = SignInRefusal.last_at < at - _APART
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "client"],
            set_={
                "first_at": case((is_new, insert.excluded.first_at), else_=SignInRefusal.first_at),
                "count": case((is_new, 1), else_=SignInRefusal.count + 1),
                "last_at": insert.excluded.last_at,
            },
        )
    )


def of_user(connection: Connection, user_id: int, *, since: datetime) -> list[Refusal]:
    """The families of clients that were refused after `since`, the latest first."""
    rows = connection.execute(_LISTED, {"user_id": user_id, "since": since})
    return [Refusal(**row._asdict()) for row in rows]


def prune(connection: Connection, at: datetime) -> int:
    """Forget what is older than `KEPT`; returns how many."""
    return connection.execute(delete(SignInRefusal).where(SignInRefusal.last_at < at - KEPT)).rowcount
