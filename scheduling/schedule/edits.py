# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, replacing, changing and removing one job, blocker or time off, by the same rules as schedule files.

This is the one door for single items: each function asks whether the actor may write the schedule, and notes in the
audit log what it changed (`scheduling/schedule/acts.py`), inside the caller's transaction.

Values are given in the types of their columns (`scheduling/schedule/sorts.py`); None clears a column. The triggers
on the tables note each change for the calendars; nothing else has to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from scheduling.access.permissions import Actor
from scheduling.errors import Conflict
from scheduling.models import Blocker, TimeOff, User
from scheduling.schedule import acts, items
from scheduling.schedule.apply import assign, blank, named
from scheduling.schedule.columns import COLUMNS, entry
from scheduling.schedule.entries import BadValue, Entry, Input, Kind
from scheduling.schedule.items import TABLES, Item
from scheduling.schedule.resolve import Person, Stored, differences, resolved
from scheduling.schedule.sorts import Text
from scheduling.sentences import a

Values = Mapping[str, Input]
_PAIRS = (("starts_at", "ends_at"), ("start_date", "end_date"))
_LONGEST = 255


def for_change(connection: Connection, kind: Kind, item_id: int, *, actor: Actor) -> Item:
    """The item, which nobody else changes until the transaction ends. Raises `Forbidden`, whether it exists or not, and
    `NotFound`.
    """
    acts.require_write(actor=actor)
    return items.get(connection, kind, item_id, lock=True)


def create(
    connection: Connection,
    kind: Kind,
    reference: str | None,
    given: Values,
    users: tuple[str, ...],
    *,
    actor: Actor,
) -> Item:
    """Add an item. Raises `Forbidden`, `BadValue` for values that cannot be, `Conflict` for a reference in use."""
    acts.require_write(actor=actor)
    made = _entry(kind, reference or kind.value, given, users)
    values, assignees = resolved(made, named(connection, [made]), None)
    row = {**blank(kind), **values, "reference": _reference(reference)}
    table = TABLES[kind]
    try:
        with connection.begin_nested():
            item_id = connection.execute(insert(table).values(**row).returning(table.id)).scalar_one()
    except IntegrityError as error:
        raise _conflict(kind, reference) from error
    if assignees:
        assign(connection, item_id, assignees, set())
    acts.note(connection, "create", kind, item_id, row["reference"], actor=actor)
    return items.get(connection, kind, item_id)


def replace(
    connection: Connection,
    item: Item,
    reference: str | None,
    given: Values,
    users: tuple[str, ...],
    *,
    actor: Actor,
) -> Item:
    """Make the item what is given and nothing else. Raises as `create`."""
    every: Values = {
        name: None for name in COLUMNS[item.kind] if name != "time_zone" or item.kind is Kind.JOB
    }
    more = {"reference": _reference(reference)}
    return _write(connection, item, {**every, **given}, users, more, actor)


def change(
    connection: Connection,
    item: Item,
    given: Values,
    *,
    users: tuple[str, ...] | None = None,
    references: tuple[str | None, ...] = (),
    actor: Actor,
) -> Item:
    """Change what is given and leave the rest; `references` holds the new reference, if that changes. Of a period one
    end may be given alone. Raises as `create`.
    """
    more = {"reference": _reference(references[0])} if references else {}
    return _write(connection, item, _with_other_end(given, item), users, more, actor)


def remove(connection: Connection, item: Item, *, actor: Actor) -> None:
    """Delete the row; it leaves every calendar. Raises `Forbidden`."""
    acts.require_write(actor=actor)
    table = TABLES[item.kind]
    gone = connection.execute(delete(table).where(table.id == item.id).returning(table.id)).first()
    if gone is not None:
        acts.note(connection, "delete", item.kind, item.id, item.values["reference"], actor=actor)


def _write(
    connection: Connection,
    item: Item,
    given: Values,
    users: tuple[str, ...] | None,
    more: dict[str, Any],
    actor: Actor,
) -> Item:
    acts.require_write(actor=actor)
    made = _entry(item.kind, str(item.values["reference"] or item.kind.value), given, users)
    known = _stored(connection, item)
    values, assignees = resolved(made, named(connection, [made]), known)
    changed = differences({**values, **more}, known.row)
    names = set(changed)
    table = TABLES[item.kind]
    if changed:
        try:
            with connection.begin_nested():
                connection.execute(update(table).where(table.id == item.id).values(**changed))
        except IntegrityError as error:
            raise _conflict(item.kind, more.get("reference")) from error
    if assignees is not None and assignees != known.users:
        assign(connection, item.id, assignees, known.users)
        names.add("users")
    if names:
        before = item.values["reference"]
        acts.note(connection, "change", item.kind, item.id, before, changed=names, actor=actor)
    return items.get(connection, item.kind, item.id)


def _entry(kind: Kind, key: str, given: Values, users: tuple[str, ...] | None) -> Entry:
    return entry(kind, kind.value, key, given, users=users)


def _stored(connection: Connection, item: Item) -> Stored:
    columns = (
        select(User.id, User.username, User.time_zone).where(User.id.in_(item.user_ids)).order_by(User.id)
    )
    people = tuple(Person(**row._asdict()) for row in connection.execute(columns))
    row = {**item.values, "id": item.id}
    if TABLES[item.kind] in (Blocker, TimeOff):
        row["user_id"] = item.user_ids[0]
    return Stored(row=row, people=people)


def _with_other_end(given: Values, item: Item) -> Values:
    completed = dict(given)
    for pair in _PAIRS:
        for name, other in (pair, pair[::-1]):
            stored = item.values[other]
            if given.get(name) is not None and other not in given and stored is not None:
                completed[other] = stored
    return completed


def _reference(given: str | None) -> str | None:
    given = (given or "").strip()
    if len(given) > _LONGEST:
        raise BadValue(f"the reference is longer than {_LONGEST} characters")
    return Text().checked(given) or None


def _conflict(kind: Kind, reference: str | None) -> Conflict:
    return Conflict(f'There is {a(kind.noun)} with the reference "{(reference or "")[:60]}" already.')
