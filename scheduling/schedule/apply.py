# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the contract tables in line with a file's entries: by reference, writing only what differs.

A row that says what the table says already is not touched, so it leaves no trace in the outbox. All that is changed
together is one entry of the audit log; users have entries of their own beside it (`scheduling/access/users.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from scheduling.access import roles, users
from scheduling.access.authority import over_belongings
from scheduling.access.permissions import Actor, Permission, require
from scheduling.database.chunks import chunks
from scheduling.errors import Conflict, SchedulingError
from scheduling.models import Blocker, Job, JobAssignment, TimeOff, User
from scheduling.schedule import acts
from scheduling.schedule.columns import COLUMNS, EMPTY
from scheduling.schedule.entries import BadValue, Counts, Entry, Kind, LoadFailed, UnknownUser
from scheduling.schedule.resolve import Person, Stored, differences, resolved

Outcome = Literal["inserted", "updated", "unchanged"]

_AUDITED = {"role", "active", "calendar_access"}
_TABLES: dict[Kind, type[Job | Blocker | TimeOff]] = {
    Kind.JOB: Job,
    Kind.BLOCKER: Blocker,
    Kind.TIME_OFF: TimeOff,
}
_PERSON = select(User.id, User.username, User.time_zone)
_BY_NAME = _PERSON.where(User.username.in_(bindparam("names", expanding=True)))
_BY_ID = _PERSON.where(User.id.in_(bindparam("ids", expanding=True)))
_ASSIGNED = select(JobAssignment.job_id, JobAssignment.user_id).where(
    JobAssignment.job_id.in_(bindparam("ids", expanding=True))
)


@dataclass(slots=True)
class _Loading:
    """One load under way; nothing of it may be committed once there are problems."""

    connection: Connection
    problems: list[str]
    outcome: Callable[[Entry, Outcome], None]
    actor: Actor
    misses_users: bool = False
    done: Counter[str] = field(default_factory=Counter)

    def count(self, entry: Entry, *, new: bool, changed: bool) -> None:
        outcome: Outcome = "inserted" if new else "updated" if changed else "unchanged"
        self.done[outcome] += 1
        self.outcome(entry, outcome)


def apply(
    connection: Connection,
    entries: Sequence[Entry],
    *,
    problems: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
    outcome: Callable[[Entry, Outcome], None] = lambda _entry, _outcome: None,
    act: acts.ManyAct = "load",
    actor: Actor,
) -> Counts:
    """Add and change rows so that they say what the entries say, inside one `Database.write()`.

    `progress` is told how many more entries have been seen to, `outcome` what became of each; `act` is the word for it
    in the audit log. `problems` are what reading the file found already. Raises `Forbidden` without `schedule.write`,
    for users without `users.manage`; `LoadFailed` with every problem, and `Conflict` when somebody else wrote the same
    rows; nothing must be committed then.
    """
    kinds = {entry.kind for entry in entries}
    if Kind.USER in kinds:
        require(Permission.USERS_MANAGE, actor=actor)
    if kinds - {Kind.USER}:
        acts.require_write(actor=actor)
    loading = _Loading(
        connection=connection, problems=[*problems, *_given_twice(entries)], outcome=outcome, actor=actor
    )
    try:
        for kind in Kind:
            for chunk in chunks([entry for entry in entries if entry.kind is kind]):
                if kind is Kind.USER:
                    _apply_users(loading, chunk)
                else:
                    _apply_rows(loading, kind, chunk)
                progress(len(chunk))
    except IntegrityError as error:
        raise Conflict("The schedule was changed by someone else meanwhile; load the file again.") from error
    if loading.problems:
        raise LoadFailed(loading.problems, noun="user" if loading.misses_users else "")
    done = loading.done
    counts = Counts(inserted=done["inserted"], updated=done["updated"], unchanged=done["unchanged"])
    acts.note_many(connection, act, kinds, counts, actor=actor)
    return counts


def _given_twice(entries: Sequence[Entry]) -> list[str]:
    first: dict[tuple[Kind, str], str] = {}
    problems = []
    for entry in entries:
        before = first.setdefault((entry.kind, entry.key), entry.place)
        if before != entry.place:
            problems.append(f'{entry.place}: "{entry.key}" is given twice, first in {before}.')
    return problems


def _apply_users(loading: _Loading, chunk: Sequence[Entry]) -> None:
    known = _users(loading.connection, [entry.key for entry in chunk])
    for entry in chunk:
        if entry.key not in known:
            try:
                users.create(loading.connection, username=entry.key, actor=loading.actor)
            except SchedulingError as error:
                loading.problems.append(f"{entry.place}: {error}")
    stored = _users(loading.connection, [entry.key for entry in chunk])
    there = roles.names(loading.connection)
    for entry in chunk:
        role = entry.values.get("role")
        if isinstance(role, str) and role not in there:
            loading.problems.append(f'{entry.place}: role "{role}" is not one of {", ".join(there)}.')
        elif entry.key in stored:
            row = stored[entry.key]
            changed = differences(entry.values, row)
            if changed.keys() & _AUDITED:
                users.change(loading.connection, entry.key, changed, actor=loading.actor)
            elif changed:
                over_belongings(loading.connection, row["id"], actor=loading.actor)
                loading.connection.execute(update(User).where(User.id == row["id"]).values(**changed))
            loading.count(entry, new=entry.key not in known, changed=bool(changed))


def _users(connection: Connection, names: list[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(User).where(User.username.in_(names))).mappings()
    return {row["username"]: dict(row) for row in rows}


def _apply_rows(loading: _Loading, kind: Kind, chunk: Sequence[Entry]) -> None:
    table = _TABLES[kind]
    stored = _stored(loading.connection, kind, chunk)
    people = named(loading.connection, chunk)
    new: list[dict[str, Any]] = []
    assignees: dict[str, set[int]] = {}
    for entry in chunk:
        known = stored.get(entry.key)
        try:
            values, wanted = resolved(entry, people, known)
        except BadValue as error:
            loading.problems.append(f"{entry.place}: {error}.")
            loading.misses_users |= isinstance(error, UnknownUser)
            continue
        if wanted is not None and (known is None or wanted != known.users):
            assignees[entry.key] = wanted
        if known is None:
            new.append({**blank(kind), **values, "reference": entry.key})
            loading.count(entry, new=True, changed=True)
            continue
        changed = differences(values, known.row)
        if changed:
            statement = update(table).where(table.id == known.id).values(**changed)
            loading.connection.execute(statement)
        loading.count(entry, new=False, changed=bool(changed) or entry.key in assignees)
    if loading.problems:
        return
    ids = {reference: known.id for reference, known in stored.items()}
    if new:
        added = loading.connection.execute(insert(table).returning(table.id, table.reference), new)
        ids |= {str(reference): row_id for row_id, reference in added}
    fresh = [(ids[it], wanted) for it, wanted in assignees.items() if it not in stored]
    rows = [{"job_id": job_id, "user_id": user_id} for job_id, wanted in fresh for user_id in sorted(wanted)]
    if rows:
        loading.connection.execute(insert(JobAssignment), rows)
    for reference, wanted in assignees.items():
        if reference in stored:
            assign(loading.connection, ids[reference], wanted, stored[reference].users)


def blank(kind: Kind) -> dict[str, Any]:
    """Every column of a new row, so that all rows of one insert have the same."""
    names = [name for name in COLUMNS[kind] if name != "time_zone" or kind is Kind.JOB]
    return {name: EMPTY[kind].get(name) for name in names}


def assign(connection: Connection, job_id: int, wanted: set[int], present: set[int]) -> None:
    """Make `wanted` the users of a job that are `present` now."""
    if wanted - present:
        rows = [{"job_id": job_id, "user_id": user_id} for user_id in sorted(wanted - present)]
        connection.execute(insert(JobAssignment), rows)
    if present - wanted:
        gone = JobAssignment.user_id.in_(sorted(present - wanted))
        connection.execute(delete(JobAssignment).where(JobAssignment.job_id == job_id, gone))


def named(connection: Connection, chunk: Sequence[Entry]) -> dict[str, Person]:
    """The users whom entries name, by username."""
    names = sorted({name for entry in chunk for name in entry.users or ()})
    rows = (row for some in chunks(names) for row in connection.execute(_BY_NAME, {"names": some}))
    return {row.username: Person(**row._asdict()) for row in rows}


def _stored(connection: Connection, kind: Kind, chunk: Sequence[Entry]) -> dict[str, Stored]:
    table = _TABLES[kind]
    references = [entry.key for entry in chunk]
    rows = connection.execute(select(table).where(table.reference.in_(references))).mappings().all()
    if kind is Kind.JOB:
        assigned: dict[int, set[int]] = {row["id"]: set() for row in rows}
        for job_id, user_id in connection.execute(_ASSIGNED, {"ids": list(assigned)}):
            assigned[job_id].add(user_id)
    else:
        assigned = {row["id"]: {row["user_id"]} for row in rows}
    ids = sorted(set().union(*assigned.values()))
    found = (row for some in chunks(ids) for row in connection.execute(_BY_ID, {"ids": some}))
    people = {row.id: Person(**row._asdict()) for row in found}
    return {
        row["reference"]: Stored(
            row=dict(row), people=tuple(people[user_id] for user_id in sorted(assigned[row["id"]]))
        )
        for row in rows
    }
