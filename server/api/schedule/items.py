# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs, blockers and time off have in common over HTTP: who may read which, lists, and upserts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from scheduling.access.permissions import Permission, permits
from scheduling.errors import NotFound
from scheduling.schedule import edits, items
from scheduling.schedule.entries import Input, Kind
from scheduling.schedule.items import Filter, Item
from scheduling.schedule.upserts import MOST, Upsert, upsert
from server.api.protocol import cursor
from server.api.protocol.operations import Call, Reply
from server.api.protocol.owners import of_list
from server.api.protocol.values import (
    Day,
    Given,
    Instant,
    Moment,
    Name,
    Paged,
    Shown,
    ShownMoment,
    Username,
    moment,
)

S = TypeVar("S", bound=Shown)
Outcome = Literal["inserted", "updated", "unchanged", "failed"]
_BOTH = "Given together with the other end; items of whole days have dates instead."


class Period(Given):
    """When an item is: from `starts_at` to `ends_at`, or on whole days."""

    starts_at: Instant | None = Field(default=None, description=_BOTH)
    ends_at: Instant | None = None
    start_date: Day | None = Field(default=None, description="The first day, in the user's time zone.")
    end_date: Day | None = Field(default=None, description="The day after the last one.")


class ShownPeriod(Shown):
    """When an item is: either two moments or two dates, the end exclusive."""

    starts_at: ShownMoment | None
    ends_at: ShownMoment | None
    start_date: Annotated[str, Field(json_schema_extra={"format": "date"})] | None
    end_date: Annotated[str, Field(json_schema_extra={"format": "date"})] | None


class ItemQuery(Paged):
    """Which items a list holds."""

    start: Moment | None = Field(default=None, description="Only items that end after this moment.")
    end: Moment | None = Field(default=None, description="Only items that start before this moment.")
    user: Username | None = Field(default=None, description="Only items of this user.")
    reference: Name | None = Field(default=None, description="Only the item with this reference.")
    changed_since: Moment | None = Field(
        default=None,
        description="Only items created since, or whose appearance in somebody's calendar has changed since.",
    )


class UpsertResult(Shown):
    """What became of one item of a request."""

    reference: str
    outcome: Outcome
    id: int | None = Field(description="Null if the item failed.")
    etag: str | None = Field(description="The present version; null if the item failed.")
    problem: str | None = Field(description="Why it failed.")


class UpsertResults(Shown):
    """What became of each item, in the order in which they were given."""

    results: list[UpsertResult]


Mode = Annotated[
    Literal["all-or-nothing", "per-item"],
    Field(
        description="all-or-nothing: nothing is stored when one item cannot be stored (422). per-item: the "
        "others are stored, and each result says what happened."
    ),
]
Many = Field(min_length=1, max_length=MOST)


def listed(
    call: Call, kind: Kind, query: ItemQuery, statuses: Sequence[str], shown: Callable[[Item], S]
) -> tuple[list[S], str | None]:
    """One page of the items that the caller may read, and the cursor of the next."""
    user_id = of_list(call, query.user, Permission.SCHEDULE_READ_ALL, Permission.SCHEDULE_READ_OWN)
    wanted = Filter(
        start=moment(query.start, "start"),
        end=moment(query.end, "end"),
        statuses=statuses,
        user_id=user_id,
        reference=query.reference,
        changed_since=moment(query.changed_since, "changed_since"),
    )
    after = cursor.number(query.cursor)
    found = items.page(call.connection, kind, wanted, after=after, limit=query.limit + 1)
    more = found[: query.limit]
    return [shown(it) for it in more], cursor.write(more[-1].id) if len(found) > len(more) else None


def readable(call: Call, kind: Kind, item_id: int) -> Item:
    """The item. Raises `NotFound`, for one that the caller may not read too, so that nobody can probe for ids."""
    item = items.get(call.connection, kind, item_id)
    owner = call.actor.user_id if call.actor.user_id in item.user_ids else None
    if not permits(
        Permission.SCHEDULE_READ_ALL, own=Permission.SCHEDULE_READ_OWN, owner_id=owner, actor=call.actor
    ):
        raise NotFound(f"There is no {kind} {item_id}.")
    return item


def writable(call: Call, kind: Kind, item_id: int) -> Item:
    """The item, locked and in the version that If-Match names. Raises `Forbidden`, `NotFound`, `Refused`."""
    item = edits.for_change(call.connection, kind, item_id, actor=call.actor)
    call.require_current(item.etag)
    return item


def answered(item: Item, shown: Callable[[Item], S]) -> Reply:
    """One item, with its version."""
    return Reply(body=shown(item), etag=item.etag)


def replaced(
    call: Call,
    kind: Kind,
    item_id: int,
    body: BaseModel,
    reference: str | None,
    users: tuple[str, ...],
    shown: Callable[[Item], S],
) -> Reply:
    """Make the item what the body says and nothing else."""
    item = writable(call, kind, item_id)
    item = edits.replace(call.connection, item, reference, values(body), users, actor=call.actor)
    return answered(item, shown)


def changed(
    call: Call,
    kind: Kind,
    item_id: int,
    body: BaseModel,
    reference: str | None,
    users: tuple[str, ...] | None,
    shown: Callable[[Item], S],
) -> Reply:
    """Change what the body gives and leave the rest."""
    item = writable(call, kind, item_id)
    references = (reference,) if "reference" in body.model_fields_set else ()
    given = values(body, given_only=True)
    item = edits.change(call.connection, item, given, users=users, references=references, actor=call.actor)
    return answered(item, shown)


def upserted(
    call: Call,
    kind: Kind,
    given: Sequence[BaseModel],
    mode: str,
    users_of: Callable[[Any], tuple[str, ...] | None],
) -> UpsertResults:
    """Store many items by reference."""
    wanted = [
        Upsert(reference=it.reference.strip(), values=values(it, given_only=True), users=users_of(it))  # type: ignore[attr-defined]
        for it in given
    ]
    results = upsert(call.connection, kind, wanted, all_or_nothing=mode == "all-or-nothing", actor=call.actor)
    stored = items.by_reference(
        call.connection,
        kind,
        [it.reference for it, result in zip(wanted, results, strict=True) if result.outcome != "failed"],
    )
    shown = []
    for it, result in zip(wanted, results, strict=True):
        item = None if result.outcome == "failed" else stored.get(it.reference)
        shown.append(
            UpsertResult(
                reference=it.reference,
                outcome=result.outcome,
                id=None if item is None else item.id,
                etag=None if item is None else item.etag,
                problem=result.problem,
            )
        )
    return UpsertResults(results=shown)


_NO_COLUMNS = {"reference", "user", "users"}


def values(body: BaseModel, *, given_only: bool = False) -> dict[str, Input]:
    """The body's fields that are columns; None for null."""
    names = body.model_fields_set if given_only else type(body).model_fields.keys()
    return {name: getattr(body, name) for name in names if name not in _NO_COLUMNS}


def shown_period(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `ShownPeriod`."""
    days = {name: stored[name] and stored[name].isoformat() for name in ("start_date", "end_date")}
    return {"starts_at": stored["starts_at"], "ends_at": stored["ends_at"], **days}
