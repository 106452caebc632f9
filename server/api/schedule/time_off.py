# SPDX-License-Identifier: GPL-3.0-or-later
"""/time-off: leave, sickness and other absence of a user."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from scheduling.schedule import edits
from scheduling.schedule.entries import Kind
from scheduling.schedule.items import Item
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.values import Given, Id, Name, Shown, ShownMoment, Username, Words
from server.api.schedule import items
from server.api.schedule.items import ItemQuery, Many, Mode, Period, ShownPeriod, UpsertResults

routes = Routes(
    tag="Time off", about="Leave, sickness and other absence. Approved time off is in the user's calendar."
)

Status = Literal["requested", "approved", "declined", "cancelled"]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]


class TimeOffFields(Period):
    """What time off may say."""

    notes: Words | None = None


class TimeOffGiven(TimeOffFields):
    """A whole time off; what is left out is empty."""

    user: Username
    kind: Reason = Field(description="Shown as the title: Vacation, Sick leave, Training, ...")
    status: Status = "requested"
    reference: Name | None = Field(
        default=None, description="The number that the dispatch application uses; unique among time off."
    )


class TimeOffChange(TimeOffFields):
    """What shall be different; null empties a field, and what is left out stays."""

    user: Username = Field(default_factory=str)
    kind: Reason = Field(default_factory=str)
    status: Status = Field(default_factory=lambda: "requested")
    reference: Name | None = None


class TimeOffUpsert(TimeOffFields):
    """Time off by its reference; what is left out stays as it is, or is empty in a new one."""

    reference: Name
    user: Username = Field(default_factory=str)
    kind: Reason = Field(default_factory=str)
    status: Status = Field(default_factory=lambda: "requested")


class TimeOffUpserts(Given):
    """Up to 1,000 of them."""

    mode: Mode = "all-or-nothing"
    items: Annotated[list[TimeOffUpsert], Many]


class TimeOff(ShownPeriod):
    """Time off."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    reference: str | None
    user: str
    kind: str
    status: str
    notes: str | None
    created_at: ShownMoment | None


class TimesOff(Shown):
    """A page of time off."""

    time_off: list[TimeOff]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class TimeOffQuery(ItemQuery):
    """Which time off."""

    status: list[Status] = Field(default=[], description="Only in these statuses; may be repeated.")


@routes.operation("GET", "/time-off", returns=TimesOff, refuses=(404,))
def list_time_off(call: Call, query: TimeOffQuery) -> Reply:
    """List time off, by id.

    Without the permission schedule.read_all you see only your own.
    """
    found, following = items.listed(call, Kind.TIME_OFF, query, query.status, _shown)
    return Reply(body=TimesOff(time_off=found, next=following))


@routes.operation(
    "POST", "/time-off", returns=TimeOff, status=201, refuses=(409,), creates=True, versioned=True
)
def create_time_off(call: Call, body: TimeOffGiven) -> Reply:
    """Add time off."""
    item = edits.create(
        call.connection, Kind.TIME_OFF, body.reference, items.values(body), (body.user,), actor=call.actor
    )
    return Reply(body=_shown(item), etag=item.etag, location=f"/time-off/{item.id}")


@routes.operation("POST", "/time-off/bulk", returns=UpsertResults, refuses=(409,))
def upsert_time_off(call: Call, body: TimeOffUpserts) -> Reply:
    """Add and change up to 1,000 times off by reference."""
    return Reply(body=items.upserted(call, Kind.TIME_OFF, body.items, body.mode, _owner))


@routes.operation("GET", "/time-off/{time_off_id}", returns=TimeOff, versioned=True)
def get_time_off(call: Call, time_off_id: Id) -> Reply:
    """Show one time off."""
    return items.answered(items.readable(call, Kind.TIME_OFF, time_off_id), _shown)


@routes.operation("PUT", "/time-off/{time_off_id}", returns=TimeOff, refuses=(409,), versioned=True)
def replace_time_off(call: Call, time_off_id: Id, body: TimeOffGiven) -> Reply:
    """Replace all fields of a time off."""
    return items.replaced(call, Kind.TIME_OFF, time_off_id, body, body.reference, (body.user,), _shown)


@routes.operation("PATCH", "/time-off/{time_off_id}", returns=TimeOff, refuses=(409,), versioned=True)
def change_time_off(call: Call, time_off_id: Id, body: TimeOffChange) -> Reply:
    """Change some fields of a time off, for example approve it."""
    return items.changed(call, Kind.TIME_OFF, time_off_id, body, body.reference, _owner(body), _shown)


@routes.operation("DELETE", "/time-off/{time_off_id}", versioned=True)
def delete_time_off(call: Call, time_off_id: Id) -> Reply:
    """Delete time off."""
    edits.remove(call.connection, items.writable(call, Kind.TIME_OFF, time_off_id), actor=call.actor)
    return Reply()


def _owner(body: TimeOffChange | TimeOffUpsert) -> tuple[str, ...] | None:
    return (body.user,) if "user" in body.model_fields_set else None


def _shown(item: Item) -> TimeOff:
    values = item.values
    return TimeOff(
        **items.shown_period(values),
        **{name: values[name] for name in ("reference", "kind", "status", "notes", "created_at")},
        id=item.id,
        etag=item.etag,
        user=item.users[0] if item.users else "",
    )
