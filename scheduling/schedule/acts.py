# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody who writes the schedule through Daysheet needs, and leaves in the audit log.

An entry names the item and the fields that changed. It holds no value of a field: what is in the schedule belongs to
customers and is forgotten with the row, while the log is never shortened. The reference is the exception, since the
row may be gone when somebody reads the log. SQL writers do not pass here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Connection

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.schedule.entries import Counts, Kind

Act = Literal["create", "change", "delete"]
ManyAct = Literal["upsert", "load"]


def require_write(*, actor: Actor) -> None:
    """Whoever changes a job, a blocker, time off or who does a job has `schedule.write`. Raises `Forbidden`."""
    require(Permission.SCHEDULE_WRITE, actor=actor)


def note(
    connection: Connection,
    act: Act,
    kind: Kind,
    item_id: int,
    reference: str | None,
    *,
    changed: Iterable[str] = (),
    actor: Actor,
) -> None:
    """Note what was done to one item: `schedule.change` of `job:7`. `reference` is the one before the change, `changed`
    are column names, and `users` or `user` for whose it is. Inside the transaction of the act.
    """
    names = sorted("user" if name == "user_id" else name for name in changed)
    audit.record(
        connection,
        f"schedule.{act}",
        f"{kind}:{item_id}",
        reference=reference,
        changed=", ".join(names) or None,
        actor=actor,
    )


def note_many(
    connection: Connection, act: ManyAct, kinds: Iterable[Kind], counts: Counts, *, actor: Actor
) -> None:
    """Note many rows as one act on the `schedule`: how many of which kinds were added, changed and left alone. Where
    none was added or changed, nothing was done and nothing is noted. Inside the transaction of the act.
    """
    if not counts.inserted and not counts.updated:
        return
    audit.record(
        connection,
        f"schedule.{act}",
        "schedule",
        kinds=", ".join(sorted(set(kinds))),
        added=counts.inserted,
        changed=counts.updated,
        unchanged=counts.unchanged,
        actor=actor,
    )
