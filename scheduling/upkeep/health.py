# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the database is in order: integrity, triggers, clock, secrets, and whether calendars keep up."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, text
from sqlalchemy.exc import DBAPIError

from scheduling.access.secrets import Keyring
from scheduling.database import triggers
from scheduling.errors import SecretsUnreadable
from scheduling.mail import outbox
from scheduling.models import (
    Blocker,
    Calendar,
    CalendarObject,
    FeedToken,
    Job,
    Mail,
    ScheduleChange,
    Subscription,
    TimeOff,
    User,
    Webhook,
)
from scheduling.sentences import counted
from scheduling.subscriptions import unread
from scheduling.upkeep import processes, rows
from scheduling.upkeep.finding import Check, Finding, Level, Result

__all__ = ["Finding", "Level", "counts", "examine"]

_CLOCK_TOLERANCE = 5
_LATE = 3600


def counts(connection: Connection) -> dict[str, int]:
    """How many rows the tables people care about have."""
    tables: dict[str, type[Any]] = {
        **{it.__tablename__: it for it in (User, Job, Blocker, TimeOff)},
        "calendars": Calendar,
        "pending_changes": ScheduleChange,
    }
    found = {name: _count(connection, table) for name, table in tables.items()}
    live = select(func.count()).select_from(CalendarObject).where(~CalendarObject.deleted)
    return {**found, "calendar_objects": connection.scalar(live) or 0}


def examine(connection: Connection, keyring: Keyring | None, *, has_tables: bool = True) -> Iterator[Finding]:
    """Every check of a database; without a keyring, stored secrets are not tried, and without tables at the present
    revision nothing that needs them. A check that fails is a finding.
    """
    checks = dict(_CHECKS)
    if keyring is not None:
        checks["secrets"] = partial(_secrets, keyring=keyring)
    for name, check in checks.items():
        if has_tables or check in _WITHOUT_TABLES:
            yield _found(connection, name, check)


def _found(connection: Connection, name: str, check: Check) -> Finding:
    try:
        level, words, *rows = check(connection)
    except DBAPIError as error:
        connection.rollback()  # or PostgreSQL would refuse the next ones
        why = str(error.orig).strip().partition("\n")[0].removesuffix(".")
        return Finding(check=name, level=Level.PROBLEM, text=f"This cannot be checked: {why}.")
    return Finding(check=name, level=level, text=words, rows=tuple(rows))


def _integrity(connection: Connection) -> Result:
    if connection.dialect.name != "sqlite":
        return Level.OK, "PostgreSQL looks after its own files."
    found = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(5)"))]
    if found == ["ok"]:
        return Level.OK, "The database file is intact."
    return Level.PROBLEM, f"The database file is damaged ({found[0]}): restore a backup."


def _triggers(connection: Connection) -> Result:
    """Without its triggers a change of the schedule never reaches a calendar."""
    sqlite = connection.dialect.name == "sqlite"
    created = "\n".join(triggers.statements("sqlite" if sqlite else "postgresql"))
    expected = set(re.findall(r"^CREATE TRIGGER (\w+)", created, re.MULTILINE))
    active = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if sqlite
        else "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace"
    )
    missing = sorted(expected - set(connection.scalars(text(active))))
    if not missing:
        return Level.OK, f"All {counted(len(expected), 'change-tracking trigger')} are there and enabled."
    return Level.PROBLEM, (
        f"{len(missing)} of {counted(len(expected), 'change-tracking trigger')} are missing or disabled,"
        f" {missing[0]} for one: changes are lost until they are enabled or restored."
    )


def _clock(connection: Connection) -> Result:
    if connection.dialect.name == "sqlite":
        return Level.OK, "The database uses this machine's clock."
    there = connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8")) or 0.0
    apart = round(abs(there - time.time()))
    if apart <= _CLOCK_TOLERANCE:
        return Level.OK, "The database's clock agrees with this machine's."
    return Level.WARNING, f"The database's clock is {apart} s apart from this machine's: keep both by NTP."


def _behind(connection: Connection) -> Result:
    waiting: ColumnElement[bool] = exists().where(
        and_(Calendar.user_id == ScheduleChange.user_id, Calendar.slug == ScheduleChange.slug)
    )
    row = connection.execute(select(func.count(), func.min(ScheduleChange.changed_at)).where(waiting)).one()
    count, oldest = row
    if not count:
        return Level.OK, "Every calendar has caught up with the schedule."
    minutes = int(time.time() - oldest) // 60
    if minutes * 60 < _LATE:
        changes = counted(count, "recent change waits", "recent changes wait")
        return Level.OK, f"{changes} until a calendar is next read."
    changes = counted(count, "change waits", "changes wait")
    return Level.WARNING, (
        f"{changes} to reach a calendar, the oldest for {minutes} min: nothing works them off."
    )


def _subscriptions(connection: Connection) -> Result:
    """What stayed of a subscription that was ended is fetched no more, so nothing can fail."""
    found = connection.execute(
        select(
            Subscription.id,
            Subscription.status,
            Subscription.reason,
            Subscription.unread,
            Subscription.busy,
            Subscription.next_at,
            Subscription.lease_until,
            Subscription.detached_at,
        ).order_by(Subscription.id)
    ).all()
    fetched = [row for row in found if row.detached_at is None]
    failing = [row for row in fetched if row.status == "error"]
    unknown = [row for row in found if unread.loads(row.unread, everything_blocks=row.busy == "all")]
    before = time.time() - _LATE
    late = [row for row in fetched if row.status == "active" and max(row.next_at, row.lease_until) < before]
    words = "No imported calendar fails."
    if failing:
        words = f"{counted(len(failing), 'imported calendar fails', 'imported calendars fail')}."
    if late:
        due = counted(len(late), "imported calendar has", "imported calendars have")
        words = f"{words} {due} been due for more than an hour: nothing fetches."
    if unknown:
        words = f"{words} In {len(unknown)}, for example subscription {unknown[0].id}: {unread.SENTENCE}"
    told = [
        *(f"subscription {row.id} fails: {row.reason or 'for an unknown reason'}" for row in failing),
        *(f"subscription {row.id} is due" for row in late),
        *(f"subscription {row.id}: something in it cannot be read" for row in unknown),
    ]
    return Level.WARNING if told else Level.OK, words, *told


def _webhooks(connection: Connection) -> Result:
    states = connection.execute(select(Webhook.status, Webhook.reason)).all()
    failing = sum(row.status == "error" for row in states)
    stopped = sum(row.status == "paused" and row.reason == "http-410" for row in states)
    if not (failing or stopped):
        return Level.OK, "No webhook fails."
    fail = counted(failing, "webhook fails", "webhooks fail")
    return Level.WARNING, (
        f"{fail} and {counted(stopped, 'was', 'were')} paused because the address is gone."
    )


def _mail(connection: Connection) -> Result:
    count, latest = outbox.failing(connection)
    if not count:
        return Level.OK, "No letter waits because it could not be sent."
    return Level.WARNING, f"{counted(count, 'letter')} could not be sent so far. The latest: {latest}"


def _secrets(connection: Connection, keyring: Keyring) -> Result:
    kept = [
        *connection.scalars(select(FeedToken.encrypted).where(FeedToken.encrypted.is_not(None))),
        *connection.scalars(select(Subscription.encrypted_url).where(Subscription.detached_at.is_(None))),
        *connection.scalars(select(Webhook.encrypted_url)),
        *connection.scalars(select(Webhook.encrypted_secret)),
        *connection.scalars(select(Mail.encrypted_content)),
    ]
    unreadable = sum(not _readable(keyring, data) for data in kept if data is not None)
    if not unreadable:
        return Level.OK, f"All stored secrets ({len(kept)}) can be read with the key."
    return Level.PROBLEM, (
        f"{unreadable} of {counted(len(kept), 'stored secret')} cannot be read with this key: restore the key they were"
        " written with, beside or instead of the present one."
    )


def _readable(keyring: Keyring, data: bytes) -> bool:
    try:
        keyring.decrypt(data)
    except SecretsUnreadable:
        return False
    return True


def _count(connection: Connection, table: type[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


_CHECKS: dict[str, Check] = {
    "integrity": _integrity,
    "triggers": _triggers,
    "clock": _clock,
    "unrendered": rows.left_out,
    "time zones of users": rows.unusable_zones,
    "roles of users": rows.unusable_roles,
    "calendars": _behind,
    "imports": _subscriptions,
    "webhooks": _webhooks,
    "mail": _mail,
    "worker": lambda connection: processes.worker(connection, int(time.time())),
}
_WITHOUT_TABLES = (_integrity, _clock)
