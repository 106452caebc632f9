# SPDX-License-Identifier: GPL-3.0-or-later
"""/claims: taking people's time only if nobody was faster."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from scheduling.availability import claims
from scheduling.availability.busy_time import default_question
from scheduling.availability.claims import Changed, Taken
from scheduling.composition import FOLLOWERS
from scheduling.schedule import edits
from scheduling.schedule.entries import Kind
from scheduling.schedule.items import Item
from scheduling.settings import stored
from server.api.availability import questions
from server.api.availability.questions import TYPES, Beside
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import Refused
from server.api.protocol.values import Amount, Given, Instant, Line, Name, Shown, Username, Words, Zone
from server.api.schedule import blockers, items, jobs

routes = Routes(
    tag="Claims",
    about="Book people's time only if nothing has changed since you saw it, and it is free. When "
    "several claims are made at the same time, exactly one succeeds.",
)

Crew = Annotated[list[Username], Field(min_length=1, max_length=100)]


class ClaimedJob(Given):
    """The job that takes the time."""

    reference: Name = Field(description="The number that the dispatch application uses; unique among jobs.")
    status: jobs.Status = Field(default="confirmed", description="A status that calendars show.")
    job_type: Line | None = None
    organisation: Line | None = None
    time_zone: Zone | None = None
    address: Words | None = None
    latitude: jobs.Latitude | None = None
    longitude: jobs.Longitude | None = None
    contact: Words | None = None
    rate: Amount | None = None
    currency: jobs.Currency | None = None
    notes: Words | None = None


class ClaimedBlocker(Given):
    """The blocker that takes the time, one for each user."""

    title: Name
    notes: Words | None = None
    reference: Name | None = Field(default=None, description="Only for one user.")


class ClaimGiven(Given):
    """Whose time, when, and what takes it: either a job or a blocker."""

    users: Crew
    starts_at: Instant
    ends_at: Instant
    job: ClaimedJob | None = None
    blocker: ClaimedBlocker | None = None
    allow: list[Beside] = Field(
        default=[], description="Also accept this time beside free time. Busy time is never accepted."
    )


class Claimed(Shown):
    """What was created."""

    job: jobs.Job | None
    blockers: list[blockers.Blocker]


@routes.operation(
    "POST", "/claims", returns=Claimed, status=201, refuses=(404, 409), creates=True, claims=True
)
def create_claim(call: Call, body: ClaimGiven) -> Reply:
    """Book the time of one or more users, if nothing has changed since you saw it.

    If-Match is the ETag of a slot, or of /availability for exactly these users and a range that holds this time. `*`
    asks for free time only, whatever has changed. 412: the availability has changed. 409: nothing has changed, but the
    time is not free. Both answers say in `conflicts` what is in the way, and give the present ETag.
    """
    if not (call.if_match or "").strip():
        raise Refused(  # RFC 6585, section 3
            HTTPStatus.PRECONDITION_REQUIRED,
            "Send If-Match with the ETag of the availability that you have seen.",
        )
    if (body.job is None) == (body.blocker is None):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "A claim needs either a job or a blocker.")
    crew = tuple(dict.fromkeys(body.users))
    if body.blocker is not None and body.blocker.reference is not None and len(crew) > 1:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Each user gets a separate blocker; leave the reference out."
        )
    try:
        made = _hold(call, body, crew)
    except (Changed, Taken) as refused:
        raise _refused(call, body, refused) from None
    if body.job is not None:
        (job,) = made
        return Reply(body=Claimed(job=jobs.shown(job), blockers=[]), location=f"/jobs/{job.id}")
    shown = [blockers.shown(it) for it in made]
    return Reply(body=Claimed(job=None, blockers=shown), location=f"/blockers/{made[0].id}")


def _hold(call: Call, body: ClaimGiven, crew: tuple[str, ...]) -> list[Item]:
    low, high = int(body.starts_at.timestamp()), int(body.ends_at.timestamp())
    seen = tuple(it.strip() for it in (call.if_match or "").split(",") if it.strip())

    configured = stored.effective(call.connection, call.settings.config).availability
    return claims.hold(
        call.connection,
        claims.Claim(
            usernames=crew,
            start=low,
            end=high,
            seen=() if "*" in seen else seen,
            permitted=[TYPES[name] for name in body.allow],
        ),
        default_question(configured, low, high),
        stored.view(call.connection, call.settings.config),
        int(time.time()),
        lambda: _create(call, body, crew),
        followers=FOLLOWERS,
        actor=call.actor,
    )


def _create(call: Call, body: ClaimGiven, crew: tuple[str, ...]) -> list[Item]:
    period = {"starts_at": body.starts_at, "ends_at": body.ends_at}
    if body.job is not None:
        values = {**items.values(body.job), **period}
        return [edits.create(call.connection, Kind.JOB, body.job.reference, values, crew, actor=call.actor)]
    assert body.blocker is not None
    values = {**items.values(body.blocker), **period}
    return [
        edits.create(
            call.connection, Kind.BLOCKER, body.blocker.reference, values, (username,), actor=call.actor
        )
        for username in crew
    ]


def _refused(call: Call, body: ClaimGiven, refused: Changed | Taken) -> Refused:
    permitted = [TYPES[name] for name in body.allow]
    return Refused(
        HTTPStatus.PRECONDITION_FAILED if isinstance(refused, Changed) else HTTPStatus.CONFLICT,
        str(refused),
        conflicts=questions.obstacles(call, refused.answers, permitted),
        headers={"ETag": refused.etag} if refused.etag else {},
    )
