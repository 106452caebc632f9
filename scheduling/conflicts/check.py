# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a user's changed events with the others, and keeping conflicts accordingly: opened, opened again, resolved.

One step is one transaction under a lock per user, so that any number of daemons and servers open a conflict once and
tell of it once. What was written to calendars meanwhile is in the queue again and looked at afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from scheduling.calendars.calendars import BLOCKING
from scheduling.calendars.catch_up import subscription_of
from scheduling.conflicts import announce, checks
from scheduling.conflicts.overlaps import Overlaps, Pair, Source
from scheduling.conflicts.pairs import Side, Sides, is_material, load, values_of
from scheduling.conflicts.rules import Rules
from scheduling.database.dialects import insert_into
from scheduling.models import Calendar, Conflict, ConflictUser, User

logger = logging.getLogger(__name__)

STEP = 100
"""Changed objects that one transaction compares at most."""
MOST = 100
"""Conflicts that one job has at the same time at most."""

_C = Conflict
_UNRESOLVED = _C.status != "resolved"
_LOCK = select(ConflictUser.epoch).where(ConflictUser.user_id == bindparam("user")).with_for_update()
_SOURCES = select(
    Calendar.id, Calendar.slug, Calendar.kind, Calendar.display_name, Calendar.expanded_until
).where(Calendar.user_id == bindparam("user"), Calendar.kind.in_(BLOCKING))
_COUNTS = (
    select(_C.job_name, func.count())
    .where(_C.user_id == bindparam("user"), _UNRESOLVED, _C.job_name.in_(bindparam("names", expanding=True)))
    .group_by(_C.job_name)
)
_SET = update(Conflict).where(_C.id == bindparam("conflict"))
ConflictRow = Row[*tuple[Any, ...]]


def check_step(connection: Connection, user_id: int, rules: Rules, now: int) -> bool:
    """Work off at most `STEP` changed objects of one user; returns whether there is more. In `Database.write()`."""
    if not _lock(connection, user_id, rules, now):
        return False
    changed = checks.take(connection, user_id, STEP)
    if not changed:
        return False
    work = _Work(connection, user_id, rules, now)
    work.compare(changed)
    return checks.waits(connection, user_id)


def _lock(connection: Connection, user_id: int, rules: Rules, now: int) -> bool:
    """Take the user's lock; by new rules everything is to be compared. Returns whether there can be conflicts."""
    epoch = connection.scalar(_LOCK, {"user": user_id})
    if epoch is None:
        _insert_state(connection, user_id)
        epoch = connection.scalar(_LOCK, {"user": user_id})
    is_there = connection.scalar(select(User.id).where(User.id == user_id)) is not None
    if not is_there or not rules.enabled:
        _resolve_all(connection, user_id, "gone" if rules.enabled else "off", now)
        checks.clear(connection, user_id)
        if not is_there:
            connection.execute(delete(ConflictUser).where(ConflictUser.user_id == user_id))
    elif epoch != rules.epoch:
        checks.mark_user(connection, user_id, now)
    if epoch != rules.epoch:
        state = update(ConflictUser).where(ConflictUser.user_id == user_id)
        connection.execute(state.values(epoch=rules.epoch))
    return is_there and rules.enabled


def _insert_state(connection: Connection, user_id: int) -> None:
    state = insert_into(connection, ConflictUser).values(user_id=user_id, epoch="")
    connection.execute(state.on_conflict_do_nothing(index_elements=["user_id"]))


def _resolve_all(connection: Connection, user_id: int, reason: str, now: int) -> None:
    rows = connection.execute(select(Conflict).where(_UNRESOLVED, _C.user_id == user_id)).all()
    _resolve(connection, [(row, reason) for row in rows], now)
    announce.told(connection, {row.id: "resolved" for row in rows}, now)


def _resolve(connection: Connection, ended: Iterable[tuple[ConflictRow, str]], now: int) -> None:
    moment = datetime.fromtimestamp(now, UTC)
    rows = [
        {
            "conflict": row.id,
            "status": "resolved",
            "reason": reason,
            "version": row.version + 1,
            "resolved_at": moment,
            "changed_at": moment,
        }
        for row, reason in ended
    ]
    if rows:
        names = ("status", "reason", "version", "resolved_at", "changed_at")
        connection.execute(_SET.values({name: bindparam(name) for name in names}), rows)


class _Work:
    """One step for one user, under the lock."""

    def __init__(self, connection: Connection, user_id: int, rules: Rules, now: int) -> None:
        self._connection = connection
        self._user_id = user_id
        self._rules = rules
        self._now = now
        self._moment = datetime.fromtimestamp(now, UTC)
        self._told: dict[int, str] = {}
        self._touched: set[int] = set()
        self._sources = {
            row.slug: Source(
                id=row.id,
                slug=row.slug,
                kind=row.kind,
                label=row.display_name or row.slug,
                expanded_until=row.expanded_until,
            )
            for row in connection.execute(_SOURCES, {"user": user_id})
        }

    def compare(self, changed: Mapping[str, set[str]]) -> None:
        """Make conflicts what the changed objects and the others are."""
        changed = self._with_equal(changed)
        overlaps = Overlaps(self._sources.values(), self._rules, self._now)
        overlaps.add(self._connection, changed)
        found = overlaps.once()
        known = {
            (row.job_name, row.other_slug, row.other_name): row
            for row in self._connection.execute(self._touching(changed))
        }
        ended = [row for pair, row in known.items() if row.status != "resolved" and pair not in found]
        sides = Sides(self._connection, self._sources)
        sides.load([*found, *((row.job_name, row.other_slug, row.other_name) for row in ended)])
        new = {
            pair: spans
            for pair, spans in found.items()
            if pair not in known or known[pair].status == "resolved"
        }
        counts = self._counts({pair[0] for pair in new} | {row.job_name for row in ended})
        for pair, row in known.items():
            if pair in found and row.status != "resolved":
                self._keep(row, sorted(found[pair]), sides.job(pair), sides.other(pair))
        self._end(ended, sides, counts)
        self._open(new, known, sides, counts)
        announce.told(self._connection, self._told, self._now)
        checks.touch(self._connection, self._touched - self._told.keys(), self._now)

    def _with_equal(self, changed: Mapping[str, set[str]]) -> dict[str, set[str]]:
        """With the objects of the same names, and so of the same UIDs, in all outside calendars: which of them counts
        depends on the others.
        """
        outside = [slug for slug, names in changed.items() if names and subscription_of(slug) is not None]
        names = set().union(*(changed[slug] for slug in outside))
        found = dict(changed)
        for slug in {*outside, *(it.slug for it in self._sources.values() if it.kind == "external")}:
            if names:
                found[slug] = names
        return found

    def _touching(self, changed: Mapping[str, set[str]]) -> Any:
        some: list[Any] = [
            (_C.other_slug == slug) & _C.other_name.in_(names) for slug, names in changed.items()
        ]
        if jobs := changed.get("jobs"):
            some.append(_C.job_name.in_(jobs))
        return select(Conflict).where(_C.user_id == self._user_id, or_(*some))

    def _counts(self, jobs: set[str]) -> dict[str, int]:
        """How many conflicts each of these jobs has before this step."""
        if not jobs:
            return {}
        rows = self._connection.execute(_COUNTS, {"user": self._user_id, "names": list(jobs)})
        return {row[0]: row[1] for row in rows}

    def _keep(self, row: ConflictRow, spans: list[tuple[int, int]], job: Side, other: Side) -> None:
        """Still in conflict: note what is different, and open one again that was acknowledged as something else."""
        values = values_of(job, other, spans)
        if is_material(load(row.overlaps), row.overlap_count, spans, self._now):
            values |= {"status": "open", "version": row.version + 1}
            values |= {"acknowledged_at": None, "acknowledged_by": None, "note": None}
            if row.status == "acknowledged":
                values["opened_at"] = self._moment
            self._told[row.id] = "opened"
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        if differing:
            differing["changed_at"] = self._moment
            self._connection.execute(_SET.values(differing), {"conflict": row.id})
            self._touched.add(row.id)

    def _end(self, ended: list[ConflictRow], sides: Sides, counts: Mapping[str, int]) -> None:
        _resolve(self._connection, [(row, self._reason(row, sides)) for row in ended], self._now)
        self._told.update((row.id, "resolved") for row in ended)
        # What was left out because a job had too many has its turn now.
        full = {row.job_name for row in ended if counts.get(row.job_name, 0) >= MOST}
        checks.mark(self._connection, self._user_id, "jobs", full)

    def _reason(self, row: ConflictRow, sides: Sides) -> str:
        pair = (row.job_name, row.other_slug, row.other_name)
        if row.last_ends_at <= self._now:
            return "past"
        there = sides.is_busy(pair, self._rules)
        return "moved" if there else "gone"

    def _open(
        self,
        new: Mapping[Pair, set[tuple[int, int]]],
        known: Mapping[Pair, ConflictRow],
        sides: Sides,
        counts: dict[str, int],
    ) -> None:
        rows: list[dict[str, Any]] = []
        for pair, found in sorted(new.items(), key=lambda it: (min(it[1]), it[0])):
            if counts.get(pair[0], 0) >= MOST:
                logger.warning("job %d is in more than %d conflicts", sides.job(pair).source_id, MOST)
                continue
            counts[pair[0]] = counts.get(pair[0], 0) + 1
            values = values_of(sides.job(pair), sides.other(pair), sorted(found))
            values |= {
                "status": "open",
                "reason": None,
                "opened_at": self._moment,
                "changed_at": self._moment,
            }
            values |= {"resolved_at": None, "acknowledged_at": None, "acknowledged_by": None, "note": None}
            if pair in known:
                again = {**values, "version": known[pair].version + 1}
                self._connection.execute(_SET.values(again), {"conflict": known[pair].id})
                self._told[known[pair].id] = "opened"
            else:
                key = dict(zip(("job_name", "other_slug", "other_name"), pair, strict=True))
                rows.append({"user_id": self._user_id, **key, **values, "version": 1})
        if rows:
            added = insert(Conflict).returning(_C.id, sort_by_parameter_order=True)
            self._told.update((it, "opened") for it in self._connection.scalars(added, rows))
