# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of conflicts: everybody's jobs that overlap with something else, for those who may see them."""

from __future__ import annotations

from sqlalchemy import select

from scheduling.ical.event import Event
from scheduling.ical.spans import Horizon
from scheduling.kinds import registry
from scheduling.kinds.kind import IDS, Kind, Look, Owner, SourceRow
from scheduling.kinds.periods import epoch
from scheduling.kinds.rendered import Rendered, from_event
from scheduling.models import Conflict, User


def _render(row: SourceRow, owner: Owner, _look: Look, horizon: Horizon) -> Rendered | None:
    """An open one is TENTATIVE, an acknowledged one CONFIRMED; neither takes the dispatcher's time."""
    if row.status == "resolved":
        return None
    acknowledged = row.status == "acknowledged"
    kind = registry.of_event(row.other_kind)
    other = f"busy in {row.other_title}" if kind.imported else row.other_title
    lines = [f"Job: {row.job_title} ({row.job_reference})", f"With: {other} ({kind.noun})"]
    if row.overlap_count > 1:
        lines.append(f"Overlaps: {row.overlap_count}, this is the first.")
    if acknowledged:
        lines.append(f"Acknowledged by {row.acknowledged_by}" + (f": {row.note}" if row.note else "."))
    event = Event(
        uid=owner.uid("conflict", row.id),
        span=(row.starts_at, row.ends_at),
        summary=f"{row.display_name or row.username}: {row.job_title} / {other}",
        description="\n".join(lines),
        status="CONFIRMED" if acknowledged else "TENTATIVE",
        transparency="TRANSPARENT",
        busy_status="FREE",
        categories=("Conflict", "Acknowledged" if acknowledged else "Open"),
        classification="PRIVATE",
        created=epoch(row.opened_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="", horizon=horizon)


CONFLICTS = Kind(
    slug="conflicts",
    event=None,
    noun="conflict",
    entries="conflicts",
    in_feed="conflicts",
    description="Jobs that overlap with something else, of everybody {name} may see. Read-only.",
    position=4,
    ids=select(Conflict.id).where(Conflict.status != "resolved"),
    rows=select(Conflict, User.display_name, User.username)
    .join(User, User.id == Conflict.user_id)
    .where(Conflict.id.in_(IDS)),
    render=_render,
    name="Conflicts",
    color="#D62728FF",
    blocks=False,
    restricted=True,
    switch="conflicts",
)
