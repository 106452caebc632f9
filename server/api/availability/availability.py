# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/availability and /availability: when people are busy, free, or nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from scheduling.availability import slots as availability_slots
from scheduling.availability.answer import Availability as Answered
from scheduling.availability.answer import version
from scheduling.availability.people import Source as SourceOfTime
from scheduling.availability.slots import Search
from scheduling.calendars.free_busy import BUSY, OUTSIDE_HOURS, UNKNOWN, Period
from server.api.availability import questions
from server.api.availability.questions import TYPES, Beside, Many, Minutes, RangeQuery
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.values import DIGITS, Shown, ShownEpoch, Username

routes = Routes(
    tag="Availability",
    about="When people are busy, free or unknown. Time is free only if all their calendars were read "
    "lately; otherwise it is unknown. The ETag changes only when the requested time changes.",
)


class Stretch(Shown):
    """A stretch of time, the end exclusive."""

    starts_at: ShownEpoch
    ends_at: ShownEpoch


class BusyTime(Stretch):
    """Time that is taken."""

    type: Literal["BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"] = Field(
        description="RFC 5545 FBTYPE. When several things overlap, the strongest counts."
    )
    events: list[str] | None = Field(
        description="Ids of the events that take this time, as in /users/{user}/events. Null if you may not read "
        "them."
    )


class AvailabilitySource(Shown):
    """A calendar that takes time."""

    calendar: str = Field(description="As in CalDAV addresses.")
    label: str | None = Field(description="Null if you may not read it.")
    as_of: ShownEpoch | None = Field(
        description="When it was last read successfully. Now for the schedule itself, null for never."
    )
    known: bool = Field(
        description="Whether it was read recently enough and every entry can be read. If not, time that is not "
        "busy is unknown."
    )
    unreadable: list[str] | None = Field(
        description="A sentence for each of the first rows that cannot be read, which make time unknown. Null if you "
        "may not read them."
    )


class Availability(Shown):
    """The time of one user. The five kinds of stretches do not overlap and fill the range."""

    user: str
    time_zone: str
    etag: str = Field(description="The version of this user's availability, for claims.")
    busy: list[BusyTime]
    outside_hours: list[Stretch]
    unknown: list[Stretch]
    free: list[Stretch]
    sources: list[AvailabilitySource]


class Availabilities(Shown):
    """The time of several users, in the order asked."""

    users: list[Availability]


class Slot(Shown):
    """A time at which enough of the users are free."""

    starts_at: ShownEpoch
    ends_at: ShownEpoch
    users: list[str] = Field(description="Who is free, in the order of the request.")
    etag: str = Field(
        description="The version of their availability at this time, for a claim of all of them."
    )


class Slots(Shown):
    """The first slots, by time."""

    slots: list[Slot]


class AvailabilityQuery(RangeQuery):
    """About which time."""

    granularity: Minutes = Field(
        default=0,
        description="Round everything but free time outward to this number of minutes, counted from `start`. 0 "
        "does not round.",
    )


class ManyQuery(AvailabilityQuery):
    """About whom, and which time."""

    user: Many = Field(description="Usernames; repeat the parameter, up to 200 times.")


class SlotQuery(RangeQuery):
    """What is looked for, and among whom."""

    user: Many = Field(description="Usernames; repeat the parameter, up to 200 times.")
    length: Annotated[int, Field(ge=1, le=100_000), DIGITS] = Field(description="Minutes.")
    step: Annotated[int, Field(ge=1, le=100_000), DIGITS] = Field(
        default=15, description="Slots begin at `start` or a multiple of this many minutes later."
    )
    count: Annotated[int, Field(ge=1, le=1000), DIGITS] = Field(default=10, description="How many at most.")
    need: Annotated[int, Field(ge=1, le=200), DIGITS] | None = Field(
        default=None, description="How many of the users must be free. Without it, all."
    )
    allow: list[Beside] = Field(
        default=[], description="Also accept this time; may be repeated. Busy time is never a slot."
    )


@routes.operation(
    "GET",
    "/users/{user}/availability",
    returns=Availability,
    refuses=(422,),
    versioned=True,
    waits=True,
)
def get_availability(call: Call, user: Username, query: AvailabilityQuery) -> Reply:
    """Show when a user is busy, free or unknown.

    You see which events take the time only with calendars.read_all, or for yourself. Otherwise you see only times.
    """
    (found,), headers = _asked(call, [user], query)
    body = _shown(call, found)
    return Reply(body=body, etag=body.etag, headers=headers)


@routes.operation(
    "GET", "/availability", returns=Availabilities, refuses=(404, 422), versioned=True, waits=True
)
def list_availability(call: Call, query: ManyQuery) -> Reply:
    """Show when several users are busy, free or unknown."""
    found, headers = _asked(call, query.user, query)
    body = Availabilities(users=[_shown(call, it) for it in found])
    return Reply(body=body, etag=version(found), headers=headers)


@routes.operation("GET", "/availability/slots", returns=Slots, refuses=(404, 422), waits=True)
def find_slots(call: Call, query: SlotQuery) -> Reply:
    """Find times of a length at which all users are free, or as many of them as you need."""
    questions.require(call, query.user)
    people = list(dict.fromkeys(query.user))
    search = Search(
        length=query.length * 60,
        step=query.step * 60,
        count=query.count,
        need=len(people) if query.need is None else query.need,
        permitted=[TYPES[name] for name in query.allow],
    )
    asked = questions.question(query, call.snapshot.view.availability)
    search.check(len(people), asked.end - asked.start)
    found, headers = questions.ask(call, people, asked)
    shown = [
        Slot(starts_at=it.start, ends_at=it.end, users=list(it.usernames), etag=it.etag)
        for it in availability_slots.find(found, search)
    ]
    return Reply(body=Slots(slots=shown), headers=headers)


def _asked(
    call: Call, usernames: Sequence[str], query: AvailabilityQuery
) -> tuple[list[Answered], dict[str, str]]:
    questions.require(call, usernames)
    asked = questions.question(query, call.snapshot.view.availability, query.granularity)
    return questions.ask(call, usernames, asked)


def _shown(call: Call, it: Answered) -> Availability:
    sees = questions.sees_sources(call, it.person)
    return Availability(
        user=it.person.username,
        time_zone=it.person.time_zone,
        etag=version([it]),
        busy=[_busy(period, questions.event_ids(spans) if sees else None) for period, spans in it.causes()],
        outside_hours=_stretches(it.of_type(OUTSIDE_HOURS)),
        unknown=_stretches(it.of_type(UNKNOWN)),
        free=[Stretch(starts_at=low, ends_at=high) for low, high in it.free],
        sources=[_source(it, source, sees=sees) for source in it.person.sources],
    )


def _busy(period: Period, events: list[str] | None) -> BusyTime:
    assert period.fbtype in BUSY
    return BusyTime(starts_at=period.start, ends_at=period.end, type=period.fbtype, events=events)  # type: ignore[arg-type]


def _stretches(periods: Sequence[Period]) -> list[Stretch]:
    return [Stretch(starts_at=it.start, ends_at=it.end) for it in periods]


def _source(it: Answered, source: SourceOfTime, *, sees: bool) -> AvailabilitySource:
    return AvailabilitySource(
        calendar=source.slug,
        label=source.label if sees else None,
        as_of=source.as_of(it.now),
        known=source.is_known(it.now, it.question.max_staleness),
        unreadable=list(source.left_out) if sees else None,
    )
