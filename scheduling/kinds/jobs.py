# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of jobs: those a user is assigned to, in the statuses that are shown."""

from __future__ import annotations

from sqlalchemy import select

from scheduling.database.types import JobStatus
from scheduling.ical.event import Event
from scheduling.ical.spans import Horizon
from scheduling.kinds.kind import IDS, USER, Cancelled, Choices, Kind, Look, Owner, SourceRow, Wording
from scheduling.kinds.periods import categories, epoch, period
from scheduling.kinds.rendered import Rendered, from_event
from scheduling.models import Job, JobAssignment

FIELDS = (
    *("reference", "job_type", "organisation", "status", "address", "contact", "rate", "currency", "notes"),
    *("user", "latitude", "longitude"),
)
_STATUS = {JobStatus.OFFERED: "TENTATIVE", JobStatus.CANCELLED: "CANCELLED"}
_BUSY_STATUS = {"TENTATIVE": "TENTATIVE", "CANCELLED": "FREE", "CONFIRMED": "BUSY"}
_FBTYPE = {"TENTATIVE": "BUSY-TENTATIVE", "CANCELLED": "", "CONFIRMED": "BUSY"}
_DESCRIPTION_TEXT = """\
Status: {status}
Rate: {rate} {currency}
Contact: {contact}

{notes}"""
_SUMMARY = Wording(
    option="job_summary", default="{job_type}: {organisation}", fields=FIELDS, doc="The title of a job."
)
_DESCRIPTION = Wording(
    option="job_description",
    default=_DESCRIPTION_TEXT,
    fields=FIELDS,
    doc="The text of a job. Indent further lines.",
)
_LOCATION = Wording(option="job_location", default="{address}", fields=FIELDS, doc="The place of a job.")
_URL = Wording(
    option="job_url",
    default="",
    fields=FIELDS,
    doc="The link of a job, for example https://app.example.com/jobs/{reference}.",
    is_url=True,
)

STATUSES = Choices(
    option="job_statuses",
    default="confirmed,delivered,invoiced,paid",
    among=tuple(JobStatus),
    doc="The statuses a job must have to be in a calendar.",
)


def _render(row: SourceRow, owner: Owner, look: Look, horizon: Horizon) -> Rendered | None:
    if row.status not in look.chosen(STATUSES):
        return None
    values = {
        "reference": row.reference,
        "job_type": row.job_type,
        "organisation": row.organisation,
        "status": row.status,
        "address": row.address,
        "contact": row.contact,
        "rate": None if row.rate is None else str(row.rate),
        "currency": row.currency,
        "notes": row.notes,
        "user": owner.display_name,
        "latitude": _plain(row.latitude),
        "longitude": _plain(row.longitude),
    }
    if row.rate is None:
        values["currency"] = None
    status = _STATUS.get(row.status, "CONFIRMED")
    has_place = row.latitude is not None and row.longitude is not None
    event = Event(
        uid=owner.uid("job", row.id),
        span=period(row),
        summary=look.text(_SUMMARY).render(values) or row.reference,
        description=look.text(_DESCRIPTION).render(values),
        location=look.text(_LOCATION).render(values),
        geo=(row.latitude, row.longitude) if has_place else None,
        url=look.text(_URL).render_url(values),
        status=status,
        transparency="TRANSPARENT" if status == "CANCELLED" else "OPAQUE",
        busy_status=_BUSY_STATUS[status],
        categories=categories("Job", row.job_type),
        created=epoch(row.created_at),
    )
    return from_event(event, row.id, tzid=owner.time_zone, busy=_FBTYPE[status], horizon=horizon)


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}"


def _reason(status: str, busy: str) -> tuple[str, str]:
    return "job-status", f"Its status makes it {busy or 'FREE'}: calendars show it as {status}."


JOBS = Kind(
    slug="jobs",
    event="job",
    noun="job",
    entries="jobs",
    in_feed="jobs",
    description="Jobs assigned to {name}, from the schedule. Read-only.",
    position=1,
    ids=select(JobAssignment.job_id).where(JobAssignment.user_id == USER),
    rows=select(Job)
    .join(JobAssignment, JobAssignment.job_id == Job.id)
    .where(JobAssignment.user_id == USER, Job.id.in_(IDS)),
    render=_render,
    name="Jobs",
    color="#1F77B4FF",
    wordings=(_SUMMARY, _DESCRIPTION, _LOCATION, _URL),
    choices=(STATUSES,),
    buffered=True,
    cancelled=Cancelled(choices=STATUSES, word=JobStatus.CANCELLED),
    reason=_reason,
)
