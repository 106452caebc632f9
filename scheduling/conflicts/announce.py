# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling of a conflict that was opened, resolved or acknowledged: to webhooks, and to the calendars of conflicts, in
the transaction that made it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from scheduling import kinds
from scheduling.conflicts import checks
from scheduling.models import Conflict, User
from scheduling.webhooks.events import EventType, listeners, send

_CONFLICTS = (
    select(Conflict, User.username)
    .outerjoin(User, User.id == Conflict.user_id)
    .where(Conflict.id.in_(bindparam("ids", expanding=True)))
    .order_by(Conflict.starts_at, Conflict.id)
)
_TYPES = {
    "opened": EventType.CONFLICT_OPENED,
    "resolved": EventType.CONFLICT_RESOLVED,
    "acknowledged": EventType.CONFLICT_ACKNOWLEDGED,
}


def told(connection: Connection, changes: Mapping[int, str], now: int) -> None:
    """Queue an event for each conflict (id to opened, resolved or acknowledged); each version is told once."""
    if not changes:
        return
    checks.touch(connection, changes.keys(), now)
    found = {it: listeners(connection, _TYPES[it]) for it in sorted(set(changes.values()))}
    wanted = [conflict for conflict, change in changes.items() if found[change]]
    if not wanted:
        return
    for row in connection.execute(_CONFLICTS, {"ids": wanted}).all():
        change = changes[row.id]
        about = {"subject": f"conflict:{row.id}", "dedupe": str(row.version)}
        send(connection, found[change], _TYPES[change], {"conflict": _payload(row)}, **about)


def _payload(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """Ids, times and the job's reference; no titles and no note."""
    other: dict[str, Any] = {"kind": row.other_kind, "id": row.other_id}
    if kinds.of_event(row.other_kind).imported:
        other["calendar"] = row.other_title
    return {
        "id": row.id,
        "version": row.version,
        "status": row.status,
        "user": row.username,
        "job": {"id": row.job_id, "reference": row.job_reference},
        "with": other,
        "starts_at": datetime.fromtimestamp(row.starts_at, UTC),
        "ends_at": datetime.fromtimestamp(row.ends_at, UTC),
        "overlaps": row.overlap_count,
        "opened_at": row.opened_at,
        "acknowledged_by": row.acknowledged_by,
        "reason": row.reason,
    }
