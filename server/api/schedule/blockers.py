# SPDX-License-Identifier: GPL-3.0-or-later
"""/blockers: time in which a user cannot be booked, once or recurring."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from scheduling.schedule import edits
from scheduling.schedule.entries import Kind
from scheduling.schedule.items import Item
from server.api.protocol.operations import Call, Reply, Routes
from server.api.protocol.problems import FORMS
from server.api.protocol.values import Given, Id, Local, Name, Shown, ShownMoment, Username, Words
from server.api.schedule import items
from server.api.schedule.items import ItemQuery, Many, Mode, Period, ShownPeriod, UpsertResults

routes = Routes(tag="Blockers", about="Time in which a user cannot be booked, once or recurring.")

FORMS["^[A-Za-z0-9=;,+-]+$"] = "It has to be a rule such as FREQ=WEEKLY;BYDAY=MO,TH"
Rule = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern="^[A-Za-z0-9=;,+-]+$")]
Locals = Annotated[list[Local], Field(max_length=1000)]


class BlockerFields(Period):
    """What a blocker may say."""

    notes: Words | None = None
    rrule: Rule | None = Field(
        default=None,
        description="RFC 5545 recurrence rule without the name RRULE. Later times have the same clock time as "
        "the first one, in the user's time zone.",
    )
    rdate: Locals | None = Field(default=None, description="Further local times, such as 2026-11-09T09:00.")
    exdate: Locals | None = Field(default=None, description="Local times that are left out.")


class BlockerGiven(BlockerFields):
    """A whole blocker; what is left out is empty."""

    user: Username
    title: Name
    reference: Name | None = Field(
        default=None, description="The number that the dispatch application uses; unique among blockers."
    )


class BlockerChange(BlockerFields):
    """What shall be different; null empties a field, and what is left out stays."""

    user: Username = Field(default_factory=str)
    title: Name = Field(default_factory=str)
    reference: Name | None = None


class BlockerUpsert(BlockerFields):
    """A blocker by its reference; what is left out stays as it is, or is empty in a new one."""

    reference: Name
    user: Username = Field(default_factory=str)
    title: Name = Field(default_factory=str)


class BlockerUpserts(Given):
    """Up to 1,000 blockers."""

    mode: Mode = "all-or-nothing"
    items: Annotated[list[BlockerUpsert], Many]


class Blocker(ShownPeriod):
    """A blocker."""

    id: int
    etag: str = Field(description="Its version, for If-Match.")
    reference: str | None
    user: str
    title: str
    notes: str | None
    rrule: str | None
    rdate: list[str]
    exdate: list[str]
    created_at: ShownMoment | None


class Blockers(Shown):
    """A page of blockers."""

    blockers: list[Blocker]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


@routes.operation("GET", "/blockers", returns=Blockers, refuses=(404,))
def list_blockers(call: Call, query: ItemQuery) -> Reply:
    """List blockers, by id.

    A recurring blocker is listed by its first time. /users/{user}/events lists all times. Without the permission
    schedule.read_all you see only your own.
    """
    found, following = items.listed(call, Kind.BLOCKER, query, (), shown)
    return Reply(body=Blockers(blockers=found, next=following))


@routes.operation(
    "POST", "/blockers", returns=Blocker, status=201, refuses=(409,), creates=True, versioned=True
)
def create_blocker(call: Call, body: BlockerGiven) -> Reply:
    """Add a blocker."""
    item = edits.create(
        call.connection, Kind.BLOCKER, body.reference, items.values(body), (body.user,), actor=call.actor
    )
    return Reply(body=shown(item), etag=item.etag, location=f"/blockers/{item.id}")


@routes.operation("POST", "/blockers/bulk", returns=UpsertResults, refuses=(409,))
def upsert_blockers(call: Call, body: BlockerUpserts) -> Reply:
    """Add and change up to 1,000 blockers by reference."""
    return Reply(body=items.upserted(call, Kind.BLOCKER, body.items, body.mode, _owner))


@routes.operation("GET", "/blockers/{blocker_id}", returns=Blocker, versioned=True)
def get_blocker(call: Call, blocker_id: Id) -> Reply:
    """Show a blocker."""
    return items.answered(items.readable(call, Kind.BLOCKER, blocker_id), shown)


@routes.operation("PUT", "/blockers/{blocker_id}", returns=Blocker, refuses=(409,), versioned=True)
def replace_blocker(call: Call, blocker_id: Id, body: BlockerGiven) -> Reply:
    """Replace all fields of a blocker."""
    return items.replaced(call, Kind.BLOCKER, blocker_id, body, body.reference, (body.user,), shown)


@routes.operation("PATCH", "/blockers/{blocker_id}", returns=Blocker, refuses=(409,), versioned=True)
def change_blocker(call: Call, blocker_id: Id, body: BlockerChange) -> Reply:
    """Change some fields of a blocker."""
    return items.changed(call, Kind.BLOCKER, blocker_id, body, body.reference, _owner(body), shown)


@routes.operation("DELETE", "/blockers/{blocker_id}", versioned=True)
def delete_blocker(call: Call, blocker_id: Id) -> Reply:
    """Delete a blocker."""
    edits.remove(call.connection, items.writable(call, Kind.BLOCKER, blocker_id), actor=call.actor)
    return Reply()


def _owner(body: BlockerChange | BlockerUpsert) -> tuple[str, ...] | None:
    return (body.user,) if "user" in body.model_fields_set else None


def shown(item: Item) -> Blocker:
    """A stored one as it is answered."""
    values = item.values
    return Blocker(
        **items.shown_period(values),
        **{name: values[name] for name in ("reference", "title", "notes", "rrule", "created_at")},
        rdate=_moments(values["rdate"]),
        exdate=_moments(values["exdate"]),
        id=item.id,
        etag=item.etag,
        user=item.users[0] if item.users else "",
    )


def _moments(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()
