# SPDX-License-Identifier: GPL-3.0-or-later
"""/conflicts: jobs that overlap with something else that takes the same person's time."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission, permits
from scheduling.conflicts import acknowledge, listing
from scheduling.conflicts.acknowledge import LONGEST_NOTE
from scheduling.conflicts.listing import Conflict as ReadConflict
from scheduling.errors import NotFound
from scheduling.kinds import CONFLICTS
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import of_list
from server.api.protocol.values import (
    Given,
    Id,
    Moment,
    Paged,
    Shown,
    ShownEpoch,
    ShownMoment,
    Source,
    Username,
    moment,
)

routes = Routes(
    tag="Conflicts",
    about="Jobs that overlap with something else of the same person: another job, a schedule blocker, "
    "time off, or an imported event. Daysheet opens and resolves them by itself. "
    "docs/conflicts.md says when.",
)

Status = Literal["open", "acknowledged", "resolved"]
Note = Annotated[
    str, StringConstraints(max_length=LONGEST_NOTE, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]


class Overlap(Shown):
    """A time that both events take, the buffers around the job included."""

    starts_at: ShownEpoch
    ends_at: ShownEpoch


class ConflictingJob(Shown):
    """The job of a conflict."""

    id: int
    reference: str
    title: str


class ConflictingEvent(Shown):
    """What a job is in conflict with."""

    kind: Source
    id: int = Field(description="The id of the job, blocker or time off. For external_ical an internal id.")
    calendar: str = Field(description="The calendar that it is in, as in CalDAV addresses.")
    title: str = Field(description="For an imported event only the label of its calendar.")


class Conflict(Shown):
    """A job and another event of one person that overlap."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    user: str
    status: Status
    job: ConflictingJob
    other: ConflictingEvent
    starts_at: ShownEpoch = Field(description="The first overlap that was not over at the last comparison.")
    ends_at: ShownEpoch
    overlaps: list[Overlap] = Field(description="At most the first 100.")
    overlap_count: int
    reason: str | None = Field(description="Why it is resolved: moved, gone, past or off.")
    opened_at: ShownMoment
    changed_at: ShownMoment
    resolved_at: ShownMoment | None
    acknowledged_at: ShownMoment | None
    acknowledged_by: str | None
    note: str | None


class Conflicts(Shown):
    """A page of conflicts."""

    conflicts: list[Conflict]
    next: str | None = Field(description="The cursor of the next page; null on the last.")
    crowded: list[str] = Field(
        description="On the first page: users with more conflicts than are kept. At most 100 for one job and "
        "1,000 for one user are kept. The others are opened when these are resolved."
    )


class ConflictQuery(Paged):
    """Which conflicts."""

    user: Username | None = Field(default=None, description="Only those of this user.")
    status: list[Status] = Field(default=[], description="Only in these statuses; may be repeated.")
    kind: list[Source] = Field(default=[], description="Only with these kinds of event; may be repeated.")
    start: Moment | None = Field(default=None, description="Only those that end after this moment.")
    end: Moment | None = Field(default=None, description="Only those that start before this moment.")


class Acknowledgement(Given):
    """What somebody has to say about a conflict."""

    note: Note | None = None


@routes.operation("GET", "/conflicts", returns=Conflicts, refuses=(404,))
def list_conflicts(call: Call, query: ConflictQuery) -> Reply:
    """List conflicts, by the start of their first overlap.

    Without the permission calendars.read_all you see only your own.
    """
    user_id = of_list(call, query.user, Permission.CALENDARS_READ_ALL, Permission.SCHEDULE_READ_OWN)
    start, end = moment(query.start, "start"), moment(query.end, "end")
    wanted = listing.Filter(
        user_id=user_id,
        statuses=tuple(query.status),
        kinds=tuple(query.kind),
        start=None if start is None else int(start.timestamp()),
        end=None if end is None else int(end.timestamp()),
    )
    after = cast("tuple[int, int] | None", cursor.read(query.cursor, int, int))
    call.snapshot.settle(CONFLICTS.slug)
    found = listing.page(call.connection, wanted, after=after, limit=query.limit + 1)
    page = found[: query.limit]
    following = cursor.write(*page[-1].position) if len(found) > len(page) else None
    crowded = listing.crowded(call.connection, user_id) if after is None else []
    return Reply(body=Conflicts(conflicts=[_shown(it) for it in page], next=following, crowded=crowded))


@routes.operation("GET", "/conflicts/{conflict_id}", returns=Conflict, versioned=True)
def get_conflict(call: Call, conflict_id: Id) -> Reply:
    """Show a conflict."""
    call.snapshot.settle(CONFLICTS.slug)
    found = listing.get(call.connection, conflict_id)
    if not permits(
        Permission.CALENDARS_READ_ALL,
        own=Permission.SCHEDULE_READ_OWN,
        owner_id=found.user_id,
        actor=call.actor,
    ):
        raise NotFound(f"There is no conflict {conflict_id}.")
    return Reply(body=_shown(found), etag=found.etag)


@routes.operation(
    "POST", "/conflicts/{conflict_id}/acknowledge", returns=Conflict, refuses=(409,), versioned=True
)
def acknowledge_conflict(call: Call, conflict_id: Id, body: Acknowledgement) -> Reply:
    """Accept a conflict: note that you know of it.

    When its overlap changes, it is open again. A resolved conflict is refused with 409.
    """
    call.require(Permission.SCHEDULE_WRITE)
    call.require(Permission.CALENDARS_READ_ALL)
    call.require_current(listing.get(call.connection, conflict_id, lock=True).etag)
    found = acknowledge.acknowledge(call.connection, conflict_id, body.note, actor=call.actor)
    return Reply(body=_shown(found), etag=found.etag)


def _shown(it: ReadConflict) -> Conflict:
    return Conflict(
        id=it.id,
        etag=it.etag,
        user=it.username,
        status=cast("Status", it.status),
        job=ConflictingJob(id=it.job_id, reference=it.job_reference, title=it.job_title),
        other=ConflictingEvent(
            kind=it.other_kind,
            id=it.other_id,
            calendar=it.other_calendar,
            title=it.other_title,
        ),
        starts_at=it.starts_at,
        ends_at=it.ends_at,
        overlaps=[Overlap(starts_at=start, ends_at=end) for start, end in it.overlaps],
        overlap_count=it.overlap_count,
        reason=it.reason,
        opened_at=it.opened_at,
        changed_at=it.changed_at,
        resolved_at=it.resolved_at,
        acknowledged_at=it.acknowledged_at,
        acknowledged_by=it.acknowledged_by,
        note=it.note,
    )
