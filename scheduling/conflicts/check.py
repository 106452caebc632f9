# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a user's conflicts as the changed events demand: opened, opened again, resolved.

One step compares in a snapshot, without a lock (comparison.py), and then writes in one short transaction under a lock
per user, so that any number of workers and servers open a conflict once and tell of it once. What was written to
calendars meanwhile makes the comparison void: it is made again. Where that happens again and again, a few objects are
compared under the lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from scheduling.conflicts import announce, checks
from scheduling.conflicts.comparison import (
    MOST,
    MOST_OF_USER,
    STEP,
    UNRESOLVED,
    Comparison,
    ConflictRow,
    compare,
)
from scheduling.conflicts.pairs import is_material, load, values_of
from scheduling.conflicts.rules import Rules
from scheduling.database.connection import Database
from scheduling.database.dialects import insert_into
from scheduling.database.steps import Steps
from scheduling.kinds import JOBS
from scheduling.models import Conflict, ConflictUser, User

_ATTEMPTS = 3
_UNDER_LOCK = 5
"""Changed objects that are compared under the lock at most."""

_C = Conflict
_STATE = (
    select(User.id.label("present"), ConflictUser.epoch, ConflictUser.crowded)
    .select_from(select(bindparam("user").label("id")).subquery("asked"))
    .outerjoin(User, User.id == bindparam("user"))
    .outerjoin(ConflictUser, ConflictUser.user_id == bindparam("user"))
)
_LOCK = select(ConflictUser.epoch).where(ConflictUser.user_id == bindparam("user")).with_for_update()
_SET = update(Conflict).where(_C.id == bindparam("conflict"))


def check_step(database: Database, user_id: int, rules: Rules, now: int, size: int = STEP) -> int:
    """Work off at most `size` changed objects of one user. Returns how many to compare in the next step, 0 where
    nothing is left. Raises `DatabaseUnavailable`.
    """
    for _ in range(_ATTEMPTS):
        with database.read() as connection:
            follows = _follows(connection, user_id, rules)
            compared = compare(connection, user_id, rules, now, size) if follows else None
        if not follows:
            _mark_everything(database, user_id, rules, now)
            with database.write() as connection:
                if not _follow(connection, user_id, rules, now):
                    return 0
            continue
        if compared is None:
            return 0
        comparison, size = compared
        with database.write() as connection:
            _lock(connection, user_id)
            if comparison.is_current(connection, user_id):
                return _keep(connection, user_id, comparison, now, size)
    with database.write() as connection:
        _lock(connection, user_id)
        compared = compare(connection, user_id, rules, now, _UNDER_LOCK)
        return 0 if compared is None else _keep(connection, user_id, compared[0], now, size)


def _mark_everything(database: Database, user_id: int, rules: Rules, now: int) -> None:
    """Have all of a user's jobs compared by new rules, in steps. Nobody compares by any rules meanwhile, since the user
    is noted to follow none until the last.
    """
    steps = Steps(database)
    with steps.write() as connection:
        is_there = connection.scalar(select(User.id).where(User.id == user_id)) is not None
        if not is_there or not rules.enabled or _lock(connection, user_id) == rules.epoch:
            return
        connection.execute(update(ConflictUser).where(ConflictUser.user_id == user_id).values(epoch=""))
    after: str | None = ""
    while after is not None:
        with steps.write() as connection:
            after = checks.mark_page(connection, user_id, now, after)


def _keep(connection: Connection, user_id: int, comparison: Comparison, now: int, size: int) -> int:
    _Keeping(connection, user_id, comparison, now).keep()
    if not checks.waits(connection, user_id):
        return 0
    return min(STEP, size * 2 if size < STEP else size)


def _follows(connection: Connection, user_id: int, rules: Rules) -> bool:
    """Whether the user is there and was last compared by these rules, and there can be conflicts by them."""
    state = connection.execute(_STATE, {"user": user_id}).one()
    return rules.enabled and state.present is not None and state.epoch == rules.epoch


def _lock(connection: Connection, user_id: int) -> str:
    """Take the user's lock; returns the epoch of the rules by which everything was compared."""
    epoch: str | None = connection.scalar(_LOCK, {"user": user_id})
    if epoch is None:
        state = insert_into(connection, ConflictUser).values(user_id=user_id, epoch="")
        connection.execute(state.on_conflict_do_nothing(index_elements=["user_id"]))
        epoch = connection.scalar(_LOCK, {"user": user_id})
    return epoch or ""


def _follow(connection: Connection, user_id: int, rules: Rules, now: int) -> bool:
    """By new rules everything is to be compared, which was marked before. Returns whether there can be conflicts."""
    epoch = _lock(connection, user_id)
    is_there = connection.scalar(select(User.id).where(User.id == user_id)) is not None
    if not is_there or not rules.enabled:
        _resolve_all(connection, user_id, "gone" if rules.enabled else "off", now)
        checks.clear(connection, user_id)
        if not is_there:
            connection.execute(delete(ConflictUser).where(ConflictUser.user_id == user_id))
    if epoch != rules.epoch:
        state = update(ConflictUser).where(ConflictUser.user_id == user_id)
        connection.execute(state.values(epoch=rules.epoch, crowded=False))
    return is_there and rules.enabled


def _resolve_all(connection: Connection, user_id: int, reason: str, now: int) -> None:
    rows = connection.execute(select(Conflict).where(UNRESOLVED, _C.user_id == user_id)).all()
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


class _Keeping:
    """One step for one user, under the lock."""

    def __init__(self, connection: Connection, user_id: int, comparison: Comparison, now: int) -> None:
        self._connection = connection
        self._user_id = user_id
        self._is = comparison
        self._now = now
        self._moment = datetime.fromtimestamp(now, UTC)
        self._told: dict[int, str] = {}
        self._touched: set[int] = set()

    def keep(self) -> None:
        """Make conflicts what the comparison found, and take what it was about from the queue."""
        checks.done(self._connection, self._user_id, self._is.changed)
        for pair, row in self._is.known.items():
            if pair in self._is.found and row.status != "resolved":
                self._go_on(pair, row)
        self._end()
        self._open()
        announce.told(self._connection, self._told, self._now)
        checks.touch(self._connection, self._touched - self._told.keys(), self._now)

    def _go_on(self, pair: tuple[str, str, str], row: ConflictRow) -> None:
        """Still in conflict: note what is different, and open one again that was acknowledged as something else."""
        spans, sides = sorted(self._is.found[pair]), self._is.sides
        values = values_of(sides.job(pair), sides.other(pair), spans)
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

    def _end(self) -> None:
        ended, counts = self._is.ended, self._is.counts
        _resolve(self._connection, [(row, self._reason(row)) for row in ended], self._now)
        self._told.update((row.id, "resolved") for row in ended)
        # What was left out because a job had too many has its turn now.
        full = {row.job_name for row in ended if counts.get(row.job_name, 0) >= MOST}
        checks.mark(self._connection, self._user_id, JOBS.slug, full)

    def _reason(self, row: ConflictRow) -> str:
        pair = (row.job_name, row.other_slug, row.other_name)
        if row.last_ends_at <= self._now:
            return "past"
        return "moved" if self._is.sides.is_busy(pair) else "gone"

    def _open(self) -> None:
        rows: list[dict[str, Any]] = []
        for pair in self._is.opening:
            values = values_of(
                self._is.sides.job(pair), self._is.sides.other(pair), sorted(self._is.found[pair])
            )
            values |= {
                "status": "open",
                "reason": None,
                "opened_at": self._moment,
                "changed_at": self._moment,
            }
            values |= {"resolved_at": None, "acknowledged_at": None, "acknowledged_by": None, "note": None}
            if (known := self._is.known.get(pair)) is not None:
                again = {**values, "version": known.version + 1}
                self._connection.execute(_SET.values(again), {"conflict": known.id})
                self._told[known.id] = "opened"
            else:
                key = dict(zip(("job_name", "other_slug", "other_name"), pair, strict=True))
                rows.append({"user_id": self._user_id, **key, **values, "version": 1})
        if rows:
            added = insert(Conflict).returning(_C.id, sort_by_parameter_order=True)
            self._told.update((number, "opened") for number in self._connection.scalars(added, rows))
        self._note_whether_crowded()

    def _note_whether_crowded(self) -> None:
        """Remember that conflicts of the user were left out; look for them when half of what is kept has ended."""
        total = sum(self._is.counts.values()) - len(self._is.ended) + len(self._is.opening)
        state = update(ConflictUser).where(ConflictUser.user_id == self._user_id)
        if self._is.left_out and total >= MOST_OF_USER:
            self._connection.execute(state.where(~ConflictUser.crowded).values(crowded=True))
        elif self._is.ended and total <= MOST_OF_USER // 2:
            was = state.where(ConflictUser.crowded).values(crowded=False)
            if self._connection.execute(was.values(epoch="")).rowcount:
                # The next step finds that the user follows no rules, and has everything compared.
                checks.mark(self._connection, self._user_id, JOBS.slug, [self._is.ended[0].job_name])
