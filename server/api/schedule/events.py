# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/events: everything in a user's calendars in one list, wherever it comes from."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling import kinds
from scheduling.access import users
from scheduling.access.permissions import Permission
from scheduling.calendars import events
from scheduling.calendars.events import Event as ReadEvent
from scheduling.schedule import edits
from scheduling.schedule import items as stored_items
from scheduling.schedule.items import Item
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.owners import owner
from server.api.protocol.problems import FORMS, Refused
from server.api.protocol.values import Moment, Paged, Shown, ShownEpoch, Source, Username, Words, moment
from server.api.schedule import items
from server.api.schedule.items import Period

routes = Routes(
    tag="Events",
    about="Everything in a user's calendars in one list: jobs, blockers, time off, and events of "
    "imported calendars (external_ical). Imported events cannot be changed here.",
)

LONGEST_RANGE = timedelta(days=400)
FORMS[f"^{events.ID_PATTERN}$"] = "It has to be the id of an event such as job-12"
EventId = Annotated[str, StringConstraints(pattern=f"^{events.ID_PATTERN}$")]
_ITEMS = {kinds.of(slug).event: item for item, slug in stored_items.SLUGS.items()}
"""The kinds of item that are changed here, by the words for their events."""


class Instance(Shown):
    """One time at which a recurring event takes place."""

    starts_at: ShownEpoch
    ends_at: ShownEpoch


class Event(Shown):
    """An event as calendar apps show it."""

    id: str
    source: Source
    source_id: int = Field(
        description="The id of the job, blocker or time off. For external_ical an internal id."
    )
    calendar: str = Field(description="The calendar that it is in, as in CalDAV addresses.")
    title: str
    location: str
    all_day: bool = Field(
        description="Whether it takes whole days in the user's time zone. The moments are then their start and "
        "end."
    )
    starts_at: ShownEpoch = Field(
        description="For a recurring event: the start of its first instance in the range, or of its first time."
    )
    ends_at: ShownEpoch
    recurring: bool
    instances: list[Instance] = Field(
        description="The instances of a recurring event in the range, at most 1,000."
    )
    status: str = Field(description="RFC 5545 status: TENTATIVE, CONFIRMED or CANCELLED.")
    busy: str = Field(description="RFC 5545 FBTYPE; empty when the time is free.")
    read_only: bool = Field(
        description="Whether it can be changed only in the calendar that it was imported from."
    )
    changed_at: ShownEpoch = Field(description="When its appearance last changed.")
    etag: str


class Events(Shown):
    """A page of events."""

    events: list[Event]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class EventQuery(Paged):
    """Which events."""

    start: Moment = Field(description="Events that end after this moment ...")
    end: Moment = Field(description="... and start before this one, at most 400 days later.")
    source: list[Source] = Field(default=[], description="Only of these kinds; may be repeated.")
    changed_since: Moment | None = Field(
        default=None, description="Only events whose appearance has changed since."
    )


class EventChange(Period):
    """What shall be different; what is left out stays."""

    notes: Words | None = None


@routes.operation("GET", "/users/{user}/events", returns=Events, refuses=(422,))
def list_events(call: Call, user: Username, query: EventQuery) -> Reply:
    """List a user's events in a range, by their start.

    Only what is in the calendars is listed: jobs in the statuses that are shown, approved time off, and nothing older
    than the history window.
    """
    found = owner(call, user, Permission.CALENDARS_READ_ALL, Permission.SCHEDULE_READ_OWN)
    start, end = moment(query.start, "start"), moment(query.end, "end")
    assert start is not None
    assert end is not None
    if not start < end <= start + LONGEST_RANGE:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY, "The end must be later than the start, by at most 400 days."
        )
    since = moment(query.changed_since, "changed_since")
    behind = cursor.read(query.cursor, int, str)
    calendars = call.snapshot.calendars_of(found.id)
    every = events.during(
        call.connection,
        calendars,
        int(start.timestamp()),
        int(end.timestamp()),
        sources=query.source,
        changed_since=None if since is None else int(since.timestamp()),
    )
    rest = every if behind is None else [it for it in every if events.position(it) > behind]
    page = rest[: query.limit]
    following = cursor.write(*events.position(page[-1])) if len(rest) > len(page) else None
    shown = [_shown(it, own=call.actor.user_id == found.id) for it in page]
    return Reply(body=Events(events=shown, next=following))


@routes.operation("GET", "/users/{user}/events/{event_id}", returns=Event, versioned=True)
def get_event(call: Call, user: Username, event_id: EventId) -> Reply:
    """Show an event."""
    found = owner(call, user, Permission.CALENDARS_READ_ALL, Permission.SCHEDULE_READ_OWN)
    calendars = call.snapshot.calendars_of(found.id)
    event = events.get(call.connection, calendars, event_id)
    return Reply(body=_shown(event, own=call.actor.user_id == found.id), etag=event.etag)


@routes.operation("PATCH", "/users/{user}/events/{event_id}", refuses=(409,))
def change_event(call: Call, user: Username, event_id: EventId, body: EventChange) -> Reply:
    """Move the job, blocker or time off behind an event, or change its notes.

    An imported event is refused with 403. Change everything else at the address of the item itself, which also has
    versions.
    """
    item = _item(call, user, event_id)
    edits.change(call.connection, item, items.values(body, given_only=True), actor=call.actor)
    return Reply()


@routes.operation("DELETE", "/users/{user}/events/{event_id}")
def delete_event(call: Call, user: Username, event_id: EventId) -> Reply:
    """Delete the job, blocker or time off behind an event. A job is deleted for all its users.

    An imported event is refused with 403. Delete it in the calendar that it comes from, or end the subscription.
    """
    edits.remove(call.connection, _item(call, user, event_id), actor=call.actor)
    return Reply()


def _item(call: Call, user: str, event_id: str) -> Item:
    source, source_id = events.parse_id(event_id)
    kind = _ITEMS.get(source)
    if kind is None:
        why = (
            "This event is imported; it can only be changed in the calendar it comes from."
            if kinds.of_event(source).imported
            else "This event cannot be changed here."
        )
        raise Refused(HTTPStatus.FORBIDDEN, why)
    item = edits.for_change(call.connection, kind, source_id, actor=call.actor)
    if users.get(call.connection, user).id not in item.user_ids:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no event {event_id} of this user.")
    return item


def _shown(event: ReadEvent, *, own: bool) -> Event:
    """What others see of an imported event is that it takes time."""
    private = kinds.of_event(event.source).imported and not own
    return Event(
        id=event.id,
        source=event.source,
        source_id=event.source_id,
        calendar=event.calendar,
        title="Busy" if private else event.title,
        location="" if private else event.location,
        all_day=event.all_day,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        recurring=event.recurring,
        instances=[Instance(starts_at=begins, ends_at=ends) for begins, ends in event.instances],
        status=event.status,
        busy=event.busy,
        read_only=event.source not in _ITEMS,
        changed_at=event.changed_at,
        etag=event.etag,
    )
