# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/deliveries and /jobs/{job_id}/deliveries: who has fetched what."""

from __future__ import annotations

from pydantic import Field

from scheduling.access.permissions import Permission
from scheduling.readership import deliveries
from scheduling.schedule.entries import Kind
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.values import Id, Shown, ShownMoment, Username
from server.api.schedule import items

routes = Routes(
    tag="Deliveries",
    about="What calendar apps have fetched, for each feed and app password. Requests are noted in "
    "batches, so the last few seconds may be missing.",
)


class Delivery(Shown):
    """One family of clients behind one feed or app password."""

    source: str = Field(description="feed or app-password.")
    source_id: int
    label: str
    client: str
    up_to_date: bool
    stale_since: ShownMoment | None = Field(
        description="When the first change was made that it has not fetched."
    )
    first_at: ShownMoment
    fetched_at: ShownMoment | None = Field(
        description="When it last fetched something new. Null: it only asked."
    )
    last_at: ShownMoment = Field(description="Its last request.")
    requests: int
    address: str | None = Field(description="Null if addresses are not kept, or not any more.")


class Deliveries(Shown):
    """Every subscriber of a user's calendars."""

    deliveries: list[Delivery]


class Reader(Shown):
    """One subscriber of an assignee."""

    source: str
    source_id: int
    label: str
    client: str
    seen: bool = Field(description="Whether it has fetched the job as it is now.")
    last_at: ShownMoment


class Assignee(Shown):
    """Somebody who does a job."""

    username: str
    seen: bool = Field(description="Whether any of the subscribers has fetched the job as it is now.")
    changed_at: ShownMoment | None = Field(
        description="When its appearance last changed. Null: it is not in the calendar."
    )
    readers: list[Reader]


class JobDeliveries(Shown):
    """Who of those who do a job has it on a device."""

    assignees: list[Assignee]


@routes.operation("GET", "/users/{user}/deliveries", returns=Deliveries)
def list_deliveries(call: Call, user: Username) -> Reply:
    """Show whether each of a user's devices and subscriptions is up to date."""
    found = owner(call, user, Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_VIEW_OWN)
    call.snapshot.calendars_of(found.id)
    listed = [_shown(it) for it in deliveries.of_user(call.connection, found.id)]
    return Reply(body=Deliveries(deliveries=listed))


@routes.operation("GET", "/jobs/{job_id}/deliveries", returns=JobDeliveries)
def list_job_deliveries(call: Call, job_id: Id) -> Reply:
    """Show which devices of the job's users have the job as it is now."""
    item = items.readable(call, Kind.JOB, job_id)
    for user_id in item.user_ids:
        call.snapshot.calendars_of(user_id)
    everybody = Permission.SCHEDULE_READ_ALL in call.actor.permissions
    shown = [
        _assignee(it)
        for it in deliveries.seen_job(call.connection, job_id)
        if everybody or it.user_id == call.actor.user_id
    ]
    return Reply(body=JobDeliveries(assignees=shown))


def _shown(it: deliveries.Delivery) -> Delivery:
    return Delivery(
        source=it.source,
        source_id=it.source_id,
        label=it.label,
        client=it.client,
        up_to_date=it.up_to_date,
        stale_since=it.stale_since,
        first_at=it.first_at,
        fetched_at=it.fetched_at,
        last_at=it.last_at,
        requests=it.requests,
        address=it.address,
    )


def _assignee(it: deliveries.AssigneeDelivery) -> Assignee:
    readers = [
        Reader(
            source=one.source,
            source_id=one.source_id,
            label=one.label,
            client=one.client,
            seen=one.seen,
            last_at=one.last_at,
        )
        for one in it.readers
    ]
    return Assignee(username=it.username, seen=it.seen, changed_at=it.changed_at, readers=readers)
