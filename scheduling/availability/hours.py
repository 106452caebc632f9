# SPDX-License-Identifier: GPL-3.0-or-later
"""Working hours: weekly, on the wall clock of the user's zone. Whoever has none stored works at any time.

A moment is inside working hours when the clock on the wall says so, also on days on which the clock is changed: the
hour that is shown twice counts twice, and the one that is skipped not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from sqlalchemy import Connection, bindparam, delete, insert, select

from scheduling.access import audit
from scheduling.access.permissions import Actor, Permission, require
from scheduling.errors import Invalid
from scheduling.ical.timezones import is_zone, zone
from scheduling.models import WorkingPeriod

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = 86400
_STEP = _DAY // 2
_THURSDAY = 3
"""The weekday of 1970-01-01."""
_MOST = 12
"""Periods of one weekday."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Working:
    """Part of a weekday (Monday is 0) in minutes after midnight; an end of 1440 is the midnight after."""

    weekday: int
    starts: int
    ends: int


Hours = tuple[Working, ...]

_STORED = (
    select(WorkingPeriod.user_id, WorkingPeriod.weekday, WorkingPeriod.starts, WorkingPeriod.ends)
    .where(WorkingPeriod.user_id.in_(bindparam("ids", expanding=True)))
    .order_by(WorkingPeriod.user_id, WorkingPeriod.weekday, WorkingPeriod.starts)
)


def of_users(connection: Connection, user_ids: Sequence[int]) -> dict[int, Hours]:
    """The working hours of those users who have some. One statement."""
    found: dict[int, list[Working]] = {}
    for row in connection.execute(_STORED, {"ids": list(user_ids)}):
        found.setdefault(row.user_id, []).append(
            Working(weekday=row.weekday, starts=row.starts, ends=row.ends)
        )
    return {user_id: tuple(own) for user_id, own in found.items()}


def of_user(connection: Connection, user_id: int, *, actor: Actor) -> Hours:
    """The working hours of one user, nothing where none are stored. Raises `Forbidden`."""
    require(Permission.SCHEDULE_READ_ALL, own=Permission.SCHEDULE_READ_OWN, owner_id=user_id, actor=actor)
    return of_users(connection, [user_id]).get(user_id, ())


def store(connection: Connection, user_id: int, hours: Iterable[Working], *, actor: Actor) -> Hours:
    """Replace a user's working hours; none at all means any time. Raises `Forbidden`, `Invalid`."""
    require(Permission.SCHEDULE_WRITE, actor=actor)
    wanted = _checked(hours)
    connection.execute(delete(WorkingPeriod).where(WorkingPeriod.user_id == user_id))
    rows = [
        {"user_id": user_id, "weekday": it.weekday, "starts": it.starts, "ends": it.ends} for it in wanted
    ]
    if rows:
        connection.execute(insert(WorkingPeriod), rows)
    audit.record(connection, "working-hours.change", f"user:{user_id}", user_id=user_id, actor=actor)
    return wanted


def by_weekday(hours: Hours) -> dict[str, list[Working]]:
    """The parts of each day, by its name; days without working hours have none."""
    return {name: [it for it in hours if it.weekday == number] for number, name in enumerate(WEEKDAYS)}


def clock(minutes: int) -> str:
    """Minutes after midnight as 08:30; 1440 is 24:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def periods(hours: Hours, tzid: str, start: int, end: int) -> list[tuple[int, int]]:
    """The working time within [start, end) epoch seconds, in order, touching periods as one. A zone that is not known
    is read as UTC, as calendars do.
    """
    found: list[tuple[int, int]] = []
    for low, high, offset in _segments(tzid if is_zone(tzid) else "UTC", start, end):
        for day in range((low + offset) // _DAY, (high - 1 + offset) // _DAY + 1):
            midnight = day * _DAY - offset
            for it in hours:
                if it.weekday != (day + _THURSDAY) % 7:
                    continue
                begins = max(low, midnight + it.starts * 60)
                ends = min(high, midnight + it.ends * 60)
                if begins >= ends:
                    continue
                if found and found[-1][1] == begins:
                    found[-1] = (found[-1][0], ends)
                else:
                    found.append((begins, ends))
    return found


@lru_cache(maxsize=256)
def _segments(tzid: str, start: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """[start, end) in parts with one offset from UTC each: (low, high, offset) in seconds."""
    parts: list[tuple[int, int, int]] = []
    low, offset, at = start, _offset(tzid, start), start
    while at < end:
        following = min(at + _STEP, end)
        if _offset(tzid, following) != offset:
            changed = _change(tzid, at, following)
            if changed < end:
                parts.append((low, changed, offset))
                low, offset = changed, _offset(tzid, changed)
        at = following
    return (*parts, (low, end, offset))


def _change(tzid: str, before: int, after: int) -> int:
    """The first second with the offset of `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(tzid, middle) == _offset(tzid, before):
            before = middle
        else:
            after = middle
    return after


def _offset(tzid: str, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, zone(tzid)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _checked(hours: Iterable[Working]) -> Hours:
    wanted = tuple(sorted(set(hours)))
    for weekday, name in enumerate(WEEKDAYS):
        own = [it for it in wanted if it.weekday == weekday]
        if len(own) > _MOST:
            raise Invalid(f"The working hours of a day may have at most {_MOST} parts; {name} has more.")
        if any(not 0 <= it.starts < it.ends <= 1440 for it in own):
            raise Invalid(
                f"Working hours on {name} must end after they start; for a night give two parts, until 24:00 "
                "and from 00:00."
            )
        if any(before.ends > after.starts for before, after in pairwise(own)):
            raise Invalid(f"The parts of the working hours on {name} overlap.")
    return wanted
