# SPDX-License-Identifier: GPL-3.0-or-later
"""Dropping calendars that belong to nobody, since their user or subscription is gone, in steps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, String, bindparam, cast, delete, exists, literal, or_, select, update

from scheduling.database.connection import Database
from scheduling.database.dialects import row_number
from scheduling.database.steps import ROWS, Steps
from scheduling.kinds import EXTERNAL, JOBS
from scheduling.models import (
    Calendar,
    CalendarObject,
    CalendarRevision,
    OccurrenceRow,
    ScheduleChange,
    Subscription,
    UnrenderedSource,
    User,
)
from scheduling.webhooks import EventType
from scheduling.webhooks.events import is_awaited

_NO_USER = ~exists().where(User.id == Calendar.user_id)
_NO_SUBSCRIPTION = (Calendar.kind == EXTERNAL.slug) & ~exists().where(
    Calendar.slug == literal(EXTERNAL.prefix) + cast(Subscription.id, String)
)
_ORPHANS = select(Calendar.id).where(or_(_NO_USER, _NO_SUBSCRIPTION))
_NO_CALENDAR = ~exists().where(
    Calendar.user_id == ScheduleChange.user_id, Calendar.slug == ScheduleChange.slug
)
_OF_A_USER = exists().where(User.id == ScheduleChange.user_id)
_OF_A_JOB = (ScheduleChange.slug == JOBS.slug) & _OF_A_USER
_HOLDING = (OccurrenceRow, CalendarObject, CalendarRevision, UnrenderedSource)
"""Whatever a calendar may have many rows of; the rest goes with it."""


def drop_calendars(database: Database) -> int:
    """Drop calendars whose user or subscription is gone; returns how many. Raises `DatabaseUnavailable`."""
    with database.read() as connection:
        found = connection.scalars(_ORPHANS).all()
    steps = Steps(database)
    dropped = 0
    for calendar_id in found:
        with steps.write() as connection:
            # From now on it is nobody's, also where its user's id is given to another one meanwhile.
            still = connection.scalar(_ORPHANS.where(Calendar.id == calendar_id).with_for_update())
            if still is None:
                continue
            disowned = update(Calendar).where(Calendar.id == calendar_id).values(user_id=-Calendar.id)
            connection.execute(disowned)
        for table in _HOLDING:
            _empty(steps, table, calendar_id)
        with steps.write() as connection:
            dropped += connection.execute(delete(Calendar).where(Calendar.id == calendar_id)).rowcount
    return dropped


def drop_changes(database: Database, noticed: int | None = None) -> int:
    """Drop outbox rows of calendars that do not exist, which a new calendar does not need; returns how many. Where
    conflicts are looked for, rows written since the epoch second `noticed` stay, to be compared. Raises
    `DatabaseUnavailable`.
    """
    steps = Steps(database)
    dropped = 0
    while True:
        with steps.write() as connection:
            some = _drop_changes(connection, noticed)
        dropped += some
        if some < ROWS:
            return dropped


def _drop_changes(connection: Connection, noticed: int | None) -> int:
    number = row_number(connection)
    unneeded = select(number).select_from(ScheduleChange).where(_NO_CALENDAR)
    if is_awaited(connection, EventType.JOB_CHANGED):
        unneeded = unneeded.where(~_OF_A_JOB)  # these are still to become events
    if noticed is not None:
        unneeded = unneeded.where(~(_OF_A_USER & (ScheduleChange.changed_at >= noticed)))
    return connection.execute(delete(ScheduleChange).where(number.in_(unneeded.limit(ROWS)))).rowcount


def _empty(steps: Steps, table: Any, calendar_id: int) -> None:
    of_calendar = table.calendar_id == bindparam("calendar")
    while True:
        with steps.write() as connection:
            number = row_number(connection)
            some = select(number).select_from(table).where(of_calendar).limit(ROWS)
            # By calendar too: a number is only one of its part where the table is partitioned.
            statement = delete(table).where(of_calendar, number.in_(some))
            if connection.execute(statement, {"calendar": calendar_id}).rowcount < ROWS:
                return
