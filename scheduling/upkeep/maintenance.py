# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the database small and reads quick: catching up ahead of readers, forgetting old removals,
dropping what belongs to nobody. Every step is a short transaction and may run in any number of processes at
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, String, bindparam, cast, delete, exists, func, literal, or_, select, update

from scheduling.access import idempotency, one_time_links, request_rates, sessions, throttle
from scheduling.calendars import calendars
from scheduling.calendars.catch_up import catch_up_in_steps
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.conflicts import watch
from scheduling.database.connection import Database
from scheduling.kinds import EXTERNAL, JOBS
from scheduling.mail import outbox
from scheduling.models import (
    Calendar,
    CalendarObject,
    CalendarRevision,
    ScheduleChange,
    Subscription,
    User,
)
from scheduling.readership import deliveries, ledger
from scheduling.settings.stored import view
from scheduling.settings.view import View, today
from scheduling.webhooks import EventType, queue
from scheduling.webhooks.events import is_awaited

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
_NO_USER = ~exists().where(User.id == Calendar.user_id)
_NO_SUBSCRIPTION = (Calendar.kind == EXTERNAL.slug) & ~exists().where(
    Calendar.slug == literal(EXTERNAL.prefix) + cast(Subscription.id, String)
)
_NO_CALENDAR = ~exists().where(
    Calendar.user_id == ScheduleChange.user_id, Calendar.slug == ScheduleChange.slug
)

_OF_A_USER = exists().where(User.id == ScheduleChange.user_id)
_OF_A_JOB = (ScheduleChange.slug == JOBS.slug) & _OF_A_USER


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
        orphans = drop_orphans(connection, moment - _NOTICED if shown.conflicts.enabled else None)
    caught_up, changed = _catch_up_all(database, shown, moment, followers)
    pruned = 0
    while rows := _prune_batch(database, shown.calendars.tombstone_days, moment):
        pruned += rows
    with database.write() as connection:
        forgotten = throttle.prune(connection, moment)
        idempotency.prune(connection, moment)
        request_rates.prune(connection, moment)
        sessions.prune(connection, config, now)
        one_time_links.prune(connection, now)
        outbox.prune(connection, now)
        told = queue.prune(connection, moment)
        watch.prune(connection, shown.conflicts.resolved_days, moment)
        deliveries.drop_orphans(connection)
        ledger.forget_addresses(connection, config.security.reader_address_days, moment)
    return Report(
        calendars_caught_up=caught_up,
        objects_changed=changed,
        rows_pruned=pruned,
        orphans_dropped=orphans,
        login_failures_forgotten=forgotten,
        webhook_deliveries_forgotten=told,
    )


def prune(connection: Connection, tombstone_days: int, now: int) -> int:
    """Forget tombstones and revisions given out more than `tombstone_days` before `now` (epoch seconds) in up
    to 100 calendars; returns how many rows. The newest such revision stays, since it may still be the present
    one; sync tokens before it are refused from now on (RFC 6578, section 3.2).
    """
    due = connection.execute(_PRUNABLE, {"before": now - tombstone_days * 86400}).all()
    return sum(_prune_calendar(connection, calendar_id, kept) for calendar_id, kept in due)


def drop_orphans(connection: Connection, noticed: int | None = None) -> int:
    """Delete calendars whose user or subscription is gone, and outbox rows of calendars that do not exist,
    which a new calendar does not need; returns how many calendars. Where conflicts are looked for, rows written since
    the epoch second `noticed` stay, to be compared.
    """
    dropped = connection.execute(delete(Calendar).where(or_(_NO_USER, _NO_SUBSCRIPTION))).rowcount
    unneeded = delete(ScheduleChange).where(_NO_CALENDAR)
    if is_awaited(connection, EventType.JOB_CHANGED):
        unneeded = unneeded.where(~_OF_A_JOB)  # these are still to become events
    if noticed is not None:
        unneeded = unneeded.where(~(_OF_A_USER & (ScheduleChange.changed_at >= noticed)))
    connection.execute(unneeded)
    return dropped


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


def _prune_batch(database: Database, tombstone_days: int, now: int) -> int:
    with database.write() as connection:
        return prune(connection, tombstone_days, now)


def _prune_calendar(connection: Connection, calendar_id: int, kept: int) -> int:
    # The calendar's row first, as catching up does: the other way round they could wait for each other.
    advanced = connection.execute(
        update(Calendar)
        .where(Calendar.id == calendar_id, Calendar.pruned_revision < kept)
        .values(pruned_revision=kept)
    ).rowcount
    if not advanced:
        return 0
    tombstones = delete(CalendarObject).where(
        CalendarObject.calendar_id == calendar_id, CalendarObject.deleted, CalendarObject.revision <= kept
    )
    revisions = delete(CalendarRevision).where(
        CalendarRevision.calendar_id == calendar_id, CalendarRevision.last < kept
    )
    return connection.execute(tombstones).rowcount + connection.execute(revisions).rowcount
