# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: who did what security-relevant act, when, from where, and to what. The database refuses to change
or delete an entry.

An entry is written in the transaction of the act, so there is never one without the other. Facts are names and
numbers; a password, token or URL is never one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from scheduling.access.permissions import Actor
from scheduling.models import AuditEntry

_BATCH = 1000
Fact = str | int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One act. `actor_kind` is user, api-key or system; `actor_id` the user's or the key's id; `address` where from,
    None for the machine itself.
    """

    id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    actor: str
    address: str | None
    action: str
    subject: str
    facts: dict[str, Fact]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What entries are wanted: None does not restrict. `action` also takes in what is below it (`feed` for
    `feed.create`); `since` is included, `until` is not.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_E = AuditEntry
_SELECT = select(
    _E.id, _E.at, _E.actor_kind, _E.actor_id, _E.actor, _E.address, _E.action, _E.subject, _E.facts
)


def record(connection: Connection, action: str, subject: str, *, actor: Actor, **facts: Fact) -> None:
    """Note an act: `action` as noun.verb (`feed.create`), `subject` as noun:name (`user:anna`). Facts that are None
    are left out. Inside the transaction of the act.
    """
    record_each(connection, action, (subject,), actor=actor, **facts)


def record_each(
    connection: Connection, action: str, subjects: Iterable[str], *, actor: Actor, **facts: Fact
) -> None:
    """As `record`, the same act on several things, in one statement."""
    known = {name: value for name, value in facts.items() if value is not None}
    row = {
        "at": datetime.now(UTC),
        "actor_kind": actor.kind,
        "actor_id": actor.api_key_id or actor.user_id,
        "actor": actor.name[:255],
        "address": None if actor.address is None else actor.address[:64],
        "action": action,
        "facts": json.dumps(known, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
    }
    rows = [{**row, "subject": subject.replace("\x00", "")[:320]} for subject in subjects]
    if rows:
        connection.execute(insert(_E), rows)


def page(
    connection: Connection, *, before: int | None = None, limit: int = 100, filters: Filters | None = None
) -> list[Entry]:
    """Up to `limit` entries, newest first, older than the entry with the id `before`."""
    statement = _filtered(filters or Filters()).order_by(_E.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(_E.id < before)
    return [_entry(row) for row in connection.execute(statement)]


def walk(connection: Connection, filters: Filters | None = None) -> Iterator[Entry]:
    """Every entry, oldest first, read in batches."""
    last = 0
    while True:
        statement = _filtered(filters or Filters()).where(_E.id > last).order_by(_E.id).limit(_BATCH)
        rows = connection.execute(statement).all()
        yield from map(_entry, rows)
        if len(rows) < _BATCH:
            return
        last = rows[-1].id


def _filtered(filters: Filters) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = _SELECT
    if filters.actor is not None:
        statement = statement.where(_E.actor == filters.actor)
    if filters.action is not None:
        below = _E.action.startswith(f"{filters.action}.", autoescape=True)
        statement = statement.where((_E.action == filters.action) | below)
    if filters.subject is not None:
        statement = statement.where(_E.subject == filters.subject)
    if filters.since is not None:
        statement = statement.where(_E.at >= filters.since)
    if filters.until is not None:
        statement = statement.where(_E.at < filters.until)
    return statement


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(**{**row._asdict(), "facts": json.loads(row.facts)})
