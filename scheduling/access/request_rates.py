# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody may ask in a minute (RFC 6585, section 4), counted in the database so that all processes agree."""

from __future__ import annotations

from sqlalchemy import Connection, case, delete

from scheduling.access.secrets import Keyring
from scheduling.database.dialects import insert_into
from scheduling.models import RequestCount

WINDOW = 60
"""Seconds that are counted together."""


def count(connection: Connection, keyring: Keyring, who: str, limit: int, now: int) -> int:
    """Count one request of `who`; the seconds to wait when it is one too many, else 0. Inside `Database.write()`."""
    window, passed = divmod(now, WINDOW)
    statement = insert_into(connection, RequestCount).values(
        key=keyring.lookup(f"rate\x00{who}"), time_window=window, requests=1
    )
    same = RequestCount.time_window == window
    requests = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={"requests": case((same, RequestCount.requests + 1), else_=1), "time_window": window},
        ).returning(RequestCount.requests)
    )
    return WINDOW - passed if (requests or 1) > limit else 0


def prune(connection: Connection, now: int) -> int:
    """Delete the counts of earlier windows; returns how many."""
    return connection.execute(delete(RequestCount).where(RequestCount.time_window < now // WINDOW)).rowcount
