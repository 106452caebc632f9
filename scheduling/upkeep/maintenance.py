# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the database small and reads quick: catching up ahead of readers, forgetting old removals,
dropping what belongs to nobody. Every step is a short transaction and may run in any number of processes at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from scheduling.access import idempotency, one_time_links, request_rates, sessions, throttle
from scheduling.calendars import calendars
from scheduling.calendars.catch_up import catch_up_in_steps
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.conflicts import watch
from scheduling.database.chunks import chunks
from scheduling.database.connection import Database
from scheduling.database.steps import ROWS, Steps
from scheduling.mail import outbox
from scheduling.models import Calendar, CalendarObject, CalendarRevision
from scheduling.readership import deliveries, ledger, refusals
from scheduling.settings.stored import view
from scheduling.settings.view import View, today
from scheduling.subscriptions import erasing
from scheduling.upkeep import clock, orphans
from scheduling.webhooks import queue

_BATCH = 100
_NOTICED = 3600
"""Seconds within which a daemon that looks for conflicts has seen a change."""
_PRUNABLE = (
    select(Calendar.id, func.max(CalendarRevision.last).label("kept"))
    .join(CalendarRevision, CalendarRevision.calendar_id == Calendar.id)
    .where(CalendarRevision.issued_at < bindparam("before"))
    .group_by(Calendar.id, Calendar.pruned_revision)
    .having(func.max(CalendarRevision.last) > Calendar.pruned_revision)
    .order_by(Calendar.id)
    .limit(_BATCH)
)
_TOMBSTONES = (
    select(CalendarObject.name, CalendarObject.revision)
    .where(
        CalendarObject.calendar_id == bindparam("calendar"),
        CalendarObject.deleted,
        CalendarObject.revision <= bindparam("kept"),
    )
    .order_by(CalendarObject.revision)
    .limit(bindparam("some"))
)
_REVISIONS = (
    select(CalendarRevision.last)
    .where(CalendarRevision.calendar_id == bindparam("calendar"), CalendarRevision.last <= bindparam("kept"))
    .order_by(CalendarRevision.last)
    .limit(bindparam("some"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What one run did: calendars caught up and objects changed in them, rows about old removals forgotten,
    calendars of users or subscriptions that are gone, failed logins forgotten, and webhooks' old deliveries forgotten.
    """

    calendars_caught_up: int
    objects_changed: int
    rows_pruned: int
    orphans_dropped: int
    login_failures_forgotten: int
    webhook_deliveries_forgotten: int


def run(database: Database, config: Config, now: datetime, *, followers: Followers) -> Report:
    """Everything once. Raises `DatabaseUnavailable`; what was done until then stays done."""
    moment = int(now.timestamp())
    with database.read() as connection:
        shown = view(connection, config)
    with database.write() as connection:
        clock.put_right(connection, moment)
    dropped = orphans.drop_calendars(database)
    orphans.drop_changes(database, moment - _NOTICED if shown.conflicts.enabled else None)
    erasing.forget_detached(database)
    caught_up, changed = _catch_up_all(database, shown, moment, followers)
    pruned = 0
    steps = Steps(database)
    while rows := _prune_some(database, steps, shown.calendars.tombstone_days, moment):
        pruned += rows
    steps = Steps(database)
    with steps.write() as connection:
        forgotten = throttle.prune(connection, moment)
        idempotency.prune(connection, moment)
        request_rates.prune(connection, moment)
        sessions.prune(connection, config, now)
        one_time_links.prune(connection, now)
        refusals.prune(connection, now)
        outbox.prune(connection, now)
    with steps.write() as connection:
        told = queue.prune(connection, moment)
    with steps.write() as connection:
        watch.prune(connection, shown.conflicts.resolved_days, moment)
    with steps.write() as connection:
        deliveries.drop_orphans(connection)
    with steps.write() as connection:
        ledger.forget_addresses(connection, config.security.reader_address_days, moment)
    return Report(
        calendars_caught_up=caught_up,
        objects_changed=changed,
        rows_pruned=pruned,
        orphans_dropped=dropped,
        login_failures_forgotten=forgotten,
        webhook_deliveries_forgotten=told,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Old:
    """What one step forgets of a calendar: everything up to the revision `kept`, which stays, since it may still be the
    present one. Sync tokens before it are refused from now on (RFC 6578, section 3.2).
    """

    calendar_id: int
    kept: int
    tombstones: tuple[str, ...]
    revisions: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.tombstones) + len(self.revisions)


def prune(connection: Connection, tombstone_days: int, now: int) -> int:
    """Forget some of the tombstones and revisions given out more than `tombstone_days` before `now` (epoch seconds),
    the oldest first; returns how many rows, 0 where there are none.
    """
    return _forget(connection, _old(connection, tombstone_days, now))


def _old(connection: Connection, tombstone_days: int, now: int) -> list[_Old]:
    """About `ROWS` rows of up to `_BATCH` calendars."""
    found: list[_Old] = []
    room = ROWS
    for calendar_id, newest in connection.execute(_PRUNABLE, {"before": now - tombstone_days * 86400}):
        if room <= 0:
            break
        found.append(_old_of(connection, calendar_id, newest, room))
        room -= found[-1].rows
    return found


def _old_of(connection: Connection, calendar_id: int, newest: int, room: int) -> _Old:
    """Revisions given out together are forgotten together. So it may be somewhat more than `room`."""
    key = {"calendar": calendar_id, "some": room + 1}
    revisions = connection.scalars(_REVISIONS, {**key, "kept": newest}).all()
    kept = revisions[-1] if len(revisions) > room else newest
    tombstones = connection.execute(_TOMBSTONES, {**key, "kept": kept}).all()
    if len(tombstones) > room:
        fitting = [it for it in revisions if it < tombstones[-1].revision]
        kept = fitting[-1] if len(fitting) > 1 else revisions[min(1, len(revisions) - 1)]
        tombstones = connection.execute(_TOMBSTONES, {**key, "kept": kept, "some": newest}).all()
    return _Old(
        calendar_id=calendar_id,
        kept=kept,
        tombstones=tuple(it.name for it in tombstones),
        revisions=tuple(it for it in revisions if it < kept),
    )


def _forget(connection: Connection, found: Sequence[_Old]) -> int:
    rows = 0
    for it in found:
        # The calendar's row first, as catching up does: the other way round they could wait for each other.
        advanced = update(Calendar).where(Calendar.id == it.calendar_id, Calendar.pruned_revision < it.kept)
        if not connection.execute(advanced.values(pruned_revision=it.kept)).rowcount:
            continue
        for names in chunks(it.tombstones):
            gone = delete(CalendarObject).where(
                CalendarObject.calendar_id == it.calendar_id,
                CalendarObject.name.in_(names),
                CalendarObject.deleted,
                CalendarObject.revision <= it.kept,
            )
            rows += connection.execute(gone).rowcount
        for some in chunks(it.revisions):
            over = delete(CalendarRevision).where(
                CalendarRevision.calendar_id == it.calendar_id, CalendarRevision.last.in_(some)
            )
            rows += connection.execute(over).rowcount
    return rows


def _catch_up_all(database: Database, shown: View, now: int, followers: Followers) -> tuple[int, int]:
    tried: set[tuple[int, str]] = set()
    changed = 0
    while True:
        with database.read() as connection:
            late = set(calendars.behind(connection, shown, today(now), _BATCH)) - tried
        if not late:
            return len(tried), changed
        for user_id, slug in sorted(late):
            changed += catch_up_in_steps(database, user_id, slug, shown, now, followers=followers)
        tried |= late


def _prune_some(database: Database, steps: Steps, tombstone_days: int, now: int) -> int:
    with database.read() as connection:
        found = _old(connection, tombstone_days, now)
    if not found:
        return 0
    with steps.write() as connection:
        return _forget(connection, found)
