# SPDX-License-Identifier: GPL-3.0-or-later
"""Acknowledging a conflict: somebody knows of it and lets it be."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, update

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.conflicts import announce, listing
from scheduling.conflicts.listing import Conflict
from scheduling.errors import Conflict as Refusal
from scheduling.errors import Invalid
from scheduling.models import Conflict as ConflictRow

LONGEST_NOTE = 1000


def acknowledge(
    connection: Connection, conflict_id: int, note: str | None = None, now: int | None = None, *, actor: Actor
) -> Conflict:
    """Note that the actor knows of a conflict, inside a write transaction. Doing so again changes who and the note;
    where nothing would be different, nothing is done. Raises `Forbidden`, `NotFound`, `Conflict` for a resolved one,
    `Invalid` for a long note.
    """
    require(Permission.SCHEDULE_WRITE, actor=actor)
    require(Permission.CALENDARS_READ_ALL, actor=actor)
    note = (note or "").strip() or None
    if note is not None and (len(note) > LONGEST_NOTE or "\x00" in note):
        raise Invalid(f"A note must have at most {LONGEST_NOTE} characters, and no NUL.")
    found = listing.get(connection, conflict_id, lock=True)
    if found.status == "resolved":
        raise Refusal(f"Conflict {conflict_id} is resolved; there is nothing to acknowledge.")
    same = (found.status, found.acknowledged_by, found.note) == ("acknowledged", actor.name[:255], note)
    if same:
        return found
    moment = datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)
    connection.execute(
        update(ConflictRow)
        .where(ConflictRow.id == conflict_id)
        .values(
            status="acknowledged",
            version=ConflictRow.version + 1,
            acknowledged_at=moment,
            acknowledged_by=actor.name[:255],
            note=note,
            changed_at=moment,
        )
    )
    audit.record(
        connection,
        "conflict.acknowledge",
        f"conflict:{conflict_id}",
        user=found.username,
        job=found.job_id,
        actor=actor,
    )
    announce.told(connection, {conflict_id: "acknowledged"}, int(moment.timestamp()))
    return listing.get(connection, conflict_id)
