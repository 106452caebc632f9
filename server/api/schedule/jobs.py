# SPDX-License-Identifier: GPL-3.0-or-later
"""/jobs: work, and who does it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from scheduling.schedule import edits
from scheduling.schedule.entries import Kind
from scheduling.schedule.items import Item
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import FORMS
from server.api.protocol.values import (
    Amount,
    Given,
    Id,
    Line,
    Name,
    Shown,
    ShownMoment,
    Username,
    Words,
    Zone,
)
from server.api.schedule import items
from server.api.schedule.items import ItemQuery, Many, Mode, Period, ShownPeriod, UpsertResults

routes = Routes(
    tag="Jobs",
    about="Work at a place and time, for any number of users. The users' calendars show jobs in the "
    "statuses of the setting calendars.job_statuses.",
)

Status = Literal["offered", "confirmed", "delivered", "invoiced", "paid", "cancelled"]
FORMS["^[A-Z]{3}$"] = "It has to be a currency code such as EUR"
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Team = Annotated[list[Username], Field(max_length=100)]


class JobFields(Period):
    """What a job says, but for its status and reference."""

    job_type: Line | None = Field(default=None, description="What kind of work.")
    organisation: Line | None = Field(default=None, description="Customer or site.")
    time_zone: Zone | None = Field(default=None, description="IANA name of the place's time zone.")
    address: Words | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    contact: Words | None = None
    rate: Amount | None = Field(
        default=None, description="An amount with at most two decimals, as a number or a text with a point."
    )
    currency: Currency | None = Field(default=None, description="ISO 4217 code.")
    notes: Words | None = None


class JobGiven(JobFields):
    """A whole job; what is left out is empty."""

    reference: Name = Field(description="The number that the dispatch application uses; unique among jobs.")
    status: Status = "offered"
    users: Team = Field(default=[], description="Who does it.")


class JobChange(JobFields):
    """What shall be different; null empties a field, and what is left out stays."""

    reference: Name = Field(default_factory=str)
    status: Status = Field(default_factory=lambda: "offered")
    users: Team = Field(default_factory=list)


class JobUpsert(JobFields):
    """A job by its reference; what is left out stays as it is, or is empty in a new job."""

    reference: Name
    status: Status = Field(default_factory=lambda: "offered")
    users: Team = Field(default_factory=list)


class JobUpserts(Given):
    """Up to 1,000 jobs."""

    mode: Mode = "all-or-nothing"
    items: Annotated[list[JobUpsert], Many]


class Job(ShownPeriod):
    """A job."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    reference: str
    status: str
    users: list[str] = Field(description="Usernames of those who do it.")
    job_type: str | None
    organisation: str | None
    time_zone: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    contact: str | None
    rate: str | None
    currency: str | None
    notes: str | None
    created_at: ShownMoment | None


class Jobs(Shown):
    """A page of jobs."""

    jobs: list[Job]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class JobQuery(ItemQuery):
    """Which jobs."""

    status: list[Status] = Field(default=[], description="Only jobs in these statuses; may be repeated.")


@routes.operation("GET", "/jobs", returns=Jobs, refuses=(404,))
def list_jobs(call: Call, query: JobQuery) -> Reply:
    """List jobs, by id.

    Without the permission schedule.read_all you see only your own.
    """
    found, following = items.listed(call, Kind.JOB, query, query.status, shown)
    return Reply(body=Jobs(jobs=found, next=following))


@routes.operation("POST", "/jobs", returns=Job, status=201, refuses=(409,), creates=True, versioned=True)
def create_job(call: Call, body: JobGiven) -> Reply:
    """Add a job.

    409: there is a job with this reference already.
    """
    item = edits.create(
        call.connection, Kind.JOB, body.reference, items.values(body), tuple(body.users), actor=call.actor
    )
    return Reply(body=shown(item), etag=item.etag, location=f"/jobs/{item.id}")


@routes.operation("POST", "/jobs/bulk", returns=UpsertResults, refuses=(409,))
def upsert_jobs(call: Call, body: JobUpserts) -> Reply:
    """Add and change up to 1,000 jobs by reference.

    A job without a difference is not written, so you can safely repeat the request.
    """
    return Reply(body=items.upserted(call, Kind.JOB, body.items, body.mode, _team))


@routes.operation("GET", "/jobs/{job_id}", returns=Job, versioned=True)
def get_job(call: Call, job_id: Id) -> Reply:
    """Show a job."""
    return items.answered(items.readable(call, Kind.JOB, job_id), shown)


@routes.operation("PUT", "/jobs/{job_id}", returns=Job, refuses=(409,), versioned=True)
def replace_job(call: Call, job_id: Id, body: JobGiven) -> Reply:
    """Replace all fields of a job."""
    return items.replaced(call, Kind.JOB, job_id, body, body.reference, tuple(body.users), shown)


@routes.operation("PATCH", "/jobs/{job_id}", returns=Job, refuses=(409,), versioned=True)
def change_job(call: Call, job_id: Id, body: JobChange) -> Reply:
    """Change some fields of a job."""
    return items.changed(call, Kind.JOB, job_id, body, body.reference, _team(body), shown)


@routes.operation("DELETE", "/jobs/{job_id}", versioned=True)
def delete_job(call: Call, job_id: Id) -> Reply:
    """Delete a job. It leaves every calendar.

    A job in the status cancelled stays in the schedule, and feeds may show it struck through for a while.
    """
    edits.remove(call.connection, items.writable(call, Kind.JOB, job_id), actor=call.actor)
    return Reply()


def _team(body: JobChange | JobUpsert) -> tuple[str, ...] | None:
    return tuple(body.users) if "users" in body.model_fields_set else None


def shown(item: Item) -> Job:
    """A stored one as it is answered."""
    values = {name: value for name, value in item.values.items() if not name.endswith(("_at", "_date"))}
    rate = values.pop("rate")
    return Job(
        **values,
        **items.shown_period(item.values),
        created_at=item.values["created_at"],
        rate=None if rate is None else f"{rate:.2f}",
        id=item.id,
        etag=item.etag,
        users=list(item.users),
    )
