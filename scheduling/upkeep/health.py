# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the database is in order: integrity, triggers, clock, secrets, and whether calendars keep up."""

from __future__ import annotations

import enum
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, text

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
    UnrenderedSource,
    User,
    Webhook,
)
from scheduling.sentences import counted
from scheduling.subscriptions import unread

_CLOCK_TOLERANCE = 5
_LATE = 3600


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found, in a sentence that says what to do."""

    check: str
    level: Level
    text: str


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


def examine(connection: Connection, keyring: Keyring | None) -> Iterator[Finding]:
    """Every check of an upgraded database; without a keyring, stored secrets are not tried."""
    for name, check in _CHECKS.items():
        level, words = check(connection)
        yield Finding(check=name, level=level, text=words)
    if keyring is not None:
        level, words = _secrets(connection, keyring)
        yield Finding(check="secrets", level=level, text=words)


_Result = tuple[Level, str]


def _integrity(connection: Connection) -> _Result:
    if connection.dialect.name != "sqlite":
        return Level.OK, "PostgreSQL looks after its own files."
    found = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(5)"))]
    if found == ["ok"]:
        return Level.OK, "The database file is intact."
    return Level.PROBLEM, f"The database file is damaged ({found[0]}): restore a backup."


def _triggers(connection: Connection) -> _Result:
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


def _clock(connection: Connection) -> _Result:
    if connection.dialect.name == "sqlite":
        return Level.OK, "The database uses this machine's clock."
    there = connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())::float8")) or 0.0
    apart = round(abs(there - time.time()))
    if apart <= _CLOCK_TOLERANCE:
        return Level.OK, "The database's clock agrees with this machine's."
    return Level.WARNING, f"The database's clock is {apart} s apart from this machine's: keep both by NTP."


def _unrendered(connection: Connection) -> _Result:
    count = _count(connection, UnrenderedSource)
    if not count:
        return Level.OK, "Every row could be turned into a calendar item."
    row = connection.execute(
        select(Calendar.slug, UnrenderedSource.source_id, UnrenderedSource.reason)
        .join(Calendar, Calendar.id == UnrenderedSource.calendar_id)
        .limit(1)
    ).first()
    example = "" if row is None else f"; {row.slug} {row.source_id}: {row.reason}"
    held = "it holds" if count == 1 else "they hold"
    rows = counted(count, "row is", "rows are")
    return Level.WARNING, f"{rows} left out of calendars because of what {held}{example}."


def _behind(connection: Connection) -> _Result:
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


def _subscriptions(connection: Connection) -> _Result:
    failing = (
        connection.scalar(
            select(func.count()).select_from(Subscription).where(Subscription.status == "error")
        )
        or 0
    )
    rows = connection.execute(
        select(Subscription.id, Subscription.unread, Subscription.busy).where(
            Subscription.unread.is_not(None)
        )
    )
    unknown = [row.id for row in rows if unread.loads(row.unread, everything_blocks=row.busy == "all")]
    words = "No imported calendar fails."
    if failing:
        words = f"{counted(failing, 'imported calendar fails', 'imported calendars fail')}."
    if unknown:
        words = f"{words} In {len(unknown)}, for example subscription {unknown[0]}: {unread.SENTENCE}"
    return (Level.WARNING if failing or unknown else Level.OK), words


def _webhooks(connection: Connection) -> _Result:
    states = connection.execute(select(Webhook.status, Webhook.reason)).all()
    failing = sum(row.status == "error" for row in states)
    stopped = sum(row.status == "paused" and row.reason == "http-410" for row in states)
    if not (failing or stopped):
        return Level.OK, "No webhook fails."
    fail = counted(failing, "webhook fails", "webhooks fail")
    return Level.WARNING, (
        f"{fail} and {counted(stopped, 'was', 'were')} paused because the address is gone."
    )


def _mail(connection: Connection) -> _Result:
    count, latest = outbox.failing(connection)
    if not count:
        return Level.OK, "No letter waits because it could not be sent."
    return Level.WARNING, f"{counted(count, 'letter')} could not be sent so far. The latest: {latest}"


def _secrets(connection: Connection, keyring: Keyring) -> _Result:
    kept = [
        *connection.scalars(select(FeedToken.encrypted).where(FeedToken.encrypted.is_not(None))),
        *connection.scalars(select(Subscription.encrypted_url)),
        *connection.scalars(select(Webhook.encrypted_url)),
        *connection.scalars(select(Webhook.encrypted_secret)),
        *connection.scalars(select(Mail.encrypted_content)),
    ]
    unreadable = sum(not _readable(keyring, data) for data in kept if data is not None)
    if not unreadable:
        return Level.OK, f"All stored secrets can be read with the key; they are {len(kept)}."
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


_CHECKS: dict[str, Callable[[Connection], _Result]] = {
    "integrity": _integrity,
    "triggers": _triggers,
    "clock": _clock,
    "unrendered": _unrendered,
    "calendars": _behind,
    "imports": _subscriptions,
    "webhooks": _webhooks,
    "mail": _mail,
}
