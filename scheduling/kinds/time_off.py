# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of time off: leave, sickness and other absence that was approved."""

from __future__ import annotations

from sqlalchemy import select

from scheduling.database.types import TimeOffStatus
from scheduling.ical.event import Event
from scheduling.ical.spans import Horizon
from scheduling.kinds.kind import IDS, USER, Kind, Look, Owner, SourceRow, Wording
from scheduling.kinds.periods import categories, epoch, period
from scheduling.kinds.rendered import Rendered, from_event
from scheduling.models import TimeOff

_FIELDS = ("kind", "status", "notes", "reference", "user")
_SUMMARY = Wording(option="time_off_summary", default="{kind}", fields=_FIELDS, doc="The title of time off.")
_DESCRIPTION = Wording(
    option="time_off_description", default="{notes}", fields=_FIELDS, doc="The text of time off."
)


def _render(row: SourceRow, owner: Owner, look: Look, horizon: Horizon) -> Rendered | None:
    if row.status != TimeOffStatus.APPROVED:
        return None
    values = {
        "kind": row.kind,
        "status": row.status,
        "notes": row.notes,
        "reference": row.reference,
        "user": owner.display_name,
    }
    event = Event(
        uid=owner.uid("time-off", row.id),
        span=period(row),
        summary=look.text(_SUMMARY).render(values) or "Time off",
        description=look.text(_DESCRIPTION).render(values),
        busy_status="OOF",
        categories=categories("Time off", row.kind),
        classification="PRIVATE",
        created=epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy="BUSY-UNAVAILABLE", horizon=horizon)


def _reason(_status: str, _busy: str) -> tuple[str, str]:
    return "time-off-approved", "The user has approved time off."


TIME_OFF = Kind(
    slug="time-off",
    event="time_off",
    noun="time off",
    entries="time off",
    in_feed="time off",
    description="Approved time off of {name}, from the schedule. Read-only.",
    position=3,
    ids=select(TimeOff.id).where(TimeOff.user_id == USER),
    rows=select(TimeOff).where(TimeOff.user_id == USER, TimeOff.id.in_(IDS)),
    render=_render,
    name="Time off",
    color="#2CA02CFF",
    wordings=(_SUMMARY, _DESCRIPTION),
    reason=_reason,
)
