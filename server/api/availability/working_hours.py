# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/working-hours, and why a moment is free or not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling.access.permissions import Permission
from scheduling.availability import hours
from scheduling.availability.busy_time import default_question
from scheduling.availability.explain import Reason as Found
from scheduling.availability.explain import explain
from scheduling.availability.hours import WEEKDAYS, Hours, Working
from server.api.availability import questions
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.problems import FORMS
from server.api.protocol.values import Asked, Given, Moment, Shown, ShownEpoch, Username, moment

routes = Routes(
    tag="Working hours",
    about="When a user works, weekly, on the clock of the user's time zone. A user without working "
    "hours works at any time.",
)

FORMS["^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"] = "It has to be a time of day such as 08:30"
Clock = Annotated[str, StringConstraints(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class WorkingPeriod(Given):
    """Part of a day."""

    starts: Clock
    ends: Clock = Field(description="24:00 is midnight at the end of the day.")


Day = Annotated[list[WorkingPeriod], Field(max_length=12)]


class WorkingHours(Given):
    """The working time of each day of the week; a day that is left out has none."""

    monday: Day = Field(default=[])
    tuesday: Day = Field(default=[])
    wednesday: Day = Field(default=[])
    thursday: Day = Field(default=[])
    friday: Day = Field(default=[])
    saturday: Day = Field(default=[])
    sunday: Day = Field(default=[])


class ShownPeriod(Shown):
    """Part of a day."""

    starts: str
    ends: str


class ShownHours(Shown):
    """The working time of each day of the week; all empty for whoever works at any time."""

    monday: list[ShownPeriod]
    tuesday: list[ShownPeriod]
    wednesday: list[ShownPeriod]
    thursday: list[ShownPeriod]
    friday: list[ShownPeriod]
    saturday: list[ShownPeriod]
    sunday: list[ShownPeriod]


class Reason(Shown):
    """One thing that touches the moment."""

    effect: str = Field(description="blocks, unavailable, tentative, outside-hours, unknown or free.")
    rule: str = Field(
        description="The rule that decides. Its name does not change. docs/availability.md lists all rules."
    )
    detail: str
    calendar: str | None
    event: str | None = Field(description="The event's id, as in /users/{user}/events.")
    title: str | None
    starts_at: ShownEpoch | None
    ends_at: ShownEpoch | None


class Explanation(Shown):
    """What the moment is, and why; the first reason decided."""

    effect: str
    rule: str = Field(description="The rule of the first reason; nothing-there if there is no reason.")
    reasons: list[Reason]


class ExplainQuery(Asked):
    """Which moment."""

    at: Moment


@routes.operation("GET", "/users/{user}/working-hours", returns=ShownHours)
def get_working_hours(call: Call, user: Username) -> Reply:
    """Show when a user works."""
    found = owner(call, user, Permission.SCHEDULE_READ_ALL, Permission.SCHEDULE_READ_OWN)
    return Reply(body=_shown(hours.of_user(call.connection, found.id, actor=call.actor)))


@routes.operation("PUT", "/users/{user}/working-hours", returns=ShownHours)
def replace_working_hours(call: Call, user: Username, body: WorkingHours) -> Reply:
    """Set when a user works. An empty list means at any time."""
    found = owner(call, user, Permission.SCHEDULE_WRITE)
    wanted = [
        Working(weekday=number, starts=_minutes(it.starts), ends=_minutes(it.ends))
        for number, name in enumerate(WEEKDAYS)
        for it in getattr(body, name)
    ]
    return Reply(body=_shown(hours.store(call.connection, found.id, wanted, actor=call.actor)))


@routes.operation("DELETE", "/users/{user}/working-hours")
def delete_working_hours(call: Call, user: Username) -> Reply:
    """Delete the working hours: the user works at any time."""
    found = owner(call, user, Permission.SCHEDULE_WRITE)
    hours.store(call.connection, found.id, (), actor=call.actor)
    return Reply()


@routes.operation("GET", "/users/{user}/availability/explain", returns=Explanation, refuses=(422,))
def explain_availability(call: Call, user: Username, query: ExplainQuery) -> Reply:
    """Say why a user is busy, free or unknown at a moment: what touches it, what that does, and by which rule."""
    found = owner(call, user, Permission.CALENDARS_READ_ALL, Permission.SCHEDULE_READ_OWN)
    at = moment(query.at, "at")
    assert at is not None
    second = int(at.timestamp())
    asked = default_question(call.snapshot.view.availability, second, second + 1)
    calendars = call.snapshot.calendars_of(found.id)
    (answer,), _ = questions.ask(call, [found.username], asked)
    why = explain(call.connection, answer, calendars, second)
    return Reply(
        body=Explanation(effect=why.effect, rule=why.rule, reasons=[_reason(it) for it in why.reasons])
    )


def _reason(it: Found) -> Reason:
    return Reason(
        effect=it.effect,
        rule=it.rule,
        detail=it.detail,
        calendar=it.calendar,
        event=None if it.event is None else it.event.id,
        title=None if it.event is None else it.event.title,
        starts_at=it.starts_at,
        ends_at=it.ends_at,
    )


def _shown(found: Hours) -> ShownHours:
    days = {
        name: [ShownPeriod(starts=hours.clock(it.starts), ends=hours.clock(it.ends)) for it in parts]
        for name, parts in hours.by_weekday(found).items()
    }
    return ShownHours(**days)


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)
