# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of schedule blockers: times, once or recurring, in which a user cannot be booked."""

from __future__ import annotations

from sqlalchemy import select

from scheduling.ical.event import Event
from scheduling.ical.spans import Horizon
from scheduling.kinds.kind import IDS, USER, Kind, Look, Owner, SourceRow, Wording
from scheduling.kinds.periods import epoch, recurring
from scheduling.kinds.rendered import Rendered, from_event
from scheduling.models import Blocker

_FIELDS = ("title", "notes", "reference", "user")
_SUMMARY = Wording(
    option="blocker_summary", default="{title}", fields=_FIELDS, doc="The title of a schedule blocker."
)
_DESCRIPTION = Wording(
    option="blocker_description", default="{notes}", fields=_FIELDS, doc="The text of a schedule blocker."
)


def _render(row: SourceRow, owner: Owner, look: Look, horizon: Horizon) -> Rendered | None:
    values = {"title": row.title, "notes": row.notes, "reference": row.reference, "user": owner.display_name}
    event = Event(
        uid=owner.uid("blocker", row.id),
        span=recurring(row, owner.time_zone, "BUSY"),
        summary=look.text(_SUMMARY).render(values) or "Blocked",
        description=look.text(_DESCRIPTION).render(values),
        categories=("Blocker",),
        classification="PRIVATE",
        created=epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="BUSY", horizon=horizon)


def _reason(_status: str, _busy: str) -> tuple[str, str]:
    return "blocker", "A blocker always blocks."


BLOCKERS = Kind(
    slug="blockers",
    event="blocker",
    noun="blocker",
    entries="schedule blockers",
    in_feed="blocked times",
    description="Times in which {name} cannot be booked, from the schedule. Read-only.",
    position=2,
    ids=select(Blocker.id).where(Blocker.user_id == USER),
    rows=select(Blocker).where(Blocker.user_id == USER, Blocker.id.in_(IDS)),
    render=_render,
    name="Blocked",
    color="#7F7F7FFF",
    wordings=(_SUMMARY, _DESCRIPTION),
    reason=_reason,
)
