# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the demo schedule: working days with up to three visits, night work, work over a change of the
clock, jobs of several days and of several people, in every status.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.database.types import JobStatus
from scheduling.demo.words import CONTACTS, CURRENCIES, JOB_TYPES, LONG_NOTE, NOTES, ORGANISATIONS, PLACES
from scheduling.ical.vtimezone import transitions

_VISITS = (time(8), time(11), time(14))
_WORKDAYS = 5
_NEAR_WEEKS, _FAR_WEEKS = 8, 26
_VISITS_PER_WEEK = len(_VISITS) * _WORKDAYS
_ALL_DAY_EVERY, _NIGHT_EVERY, _ABROAD_EVERY = 19, 13, 17

_PAST = (
    *(JobStatus.PAID, JobStatus.DELIVERED, JobStatus.INVOICED, JobStatus.CANCELLED, JobStatus.PAID),
    *(JobStatus.CONFIRMED, JobStatus.PAID, JobStatus.DELIVERED, JobStatus.INVOICED, JobStatus.DELIVERED),
)
_COMING = (
    *(JobStatus.CONFIRMED, JobStatus.OFFERED, JobStatus.CONFIRMED, JobStatus.CANCELLED, JobStatus.CONFIRMED),
    *(JobStatus.CONFIRMED, JobStatus.CONFIRMED, JobStatus.OFFERED, JobStatus.CONFIRMED, JobStatus.CONFIRMED),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Technician:
    """A demo user as far as a schedule needs to know."""

    user_id: int
    username: str
    time_zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoJob:
    """The columns of one row of `jobs`, and the ids of the users who do it."""

    columns: Mapping[str, Any]
    assignees: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _When:
    """The period columns of a job, and what time zone they were planned in."""

    time_zone: str
    columns: Mapping[str, datetime | date | str | None]
    day: date


def jobs(
    rng: random.Random,
    technician: Technician,
    everyone: Sequence[Technician],
    number: int,
    count: int,
    today: date,
) -> Iterator[DemoJob]:
    """`count` jobs of the user at position `number` in `everyone`; half of them before `today`."""
    past, coming = cycle(_PAST), cycle(_COMING)
    for index, when in enumerate(_periods(rng, technician.time_zone, count, today)):
        status = next(past if when.day < today else coming)
        columns = {
            "reference": f"DEMO-{number + 1:04d}-{index + 1:05d}",
            "status": status.value,
            "created_at": _created(rng, when, today),
            **when.columns,
            **_particulars(rng, when.time_zone),
        }
        yield DemoJob(columns=columns, assignees=_assignees(rng, technician, everyone))


def _periods(rng: random.Random, time_zone: str, count: int, today: date) -> Iterator[_When]:
    before, after = count // 2, count - count // 2
    change = _clock_change(time_zone, today) if count > 2 else None
    if change is not None:
        yield _over(change, time_zone)
        before, after = before - (change.date() < today), after - (change.date() >= today)
    days = [*_days(rng, before, today, -1), *_days(rng, after, today, 1)]
    for index, (day, visit) in enumerate(days, start=1):
        zone = rng.choice(tuple(PLACES)) if index % _ABROAD_EVERY == 0 else time_zone
        if index % _ALL_DAY_EVERY == 0:
            yield _all_day(day, rng.randint(1, 3), zone)
        elif index % _NIGHT_EVERY == 0:
            yield _timed(day, time(21, 30), timedelta(hours=rng.randint(3, 6)), zone)
        else:
            start = visit.replace(minute=rng.choice((0, 15, 30, 45)))
            yield _timed(day, start, timedelta(minutes=rng.choice((60, 75, 90, 120, 135))), zone)


def _days(rng: random.Random, count: int, today: date, direction: int) -> list[tuple[date, time]]:
    """`count` different visits before or from `today` on, nine in ten of them near where there is room."""
    far = count // 10
    near_weeks = max(_NEAR_WEEKS, -(-count // _VISITS_PER_WEEK))
    chosen = [
        *_visits(rng, count - far, 0, near_weeks, today, direction),
        *_visits(rng, far, near_weeks, max(_FAR_WEEKS, 2 * near_weeks), today, direction),
    ]
    return sorted(chosen)


def _visits(
    rng: random.Random, count: int, first_week: int, last_week: int, today: date, direction: int
) -> list[tuple[date, time]]:
    offsets = range(first_week * 7, last_week * 7)
    days = [today + timedelta(days=offset if direction > 0 else -offset - 1) for offset in offsets]
    room = [(day, visit) for day in days if day.weekday() < _WORKDAYS for visit in _VISITS]
    return rng.sample(room, count)


@lru_cache(maxsize=64)
def _clock_change(time_zone: str, today: date) -> datetime | None:
    """The wall clock of the zone's change of the clock nearest to `today`, None where there is none."""
    found = transitions(ZoneInfo(time_zone), today.year - 1, today.year + 1)
    onsets = (change.onset for change in found)
    return min(onsets, key=lambda onset: abs(onset.date() - today), default=None)


def _over(change: datetime, time_zone: str) -> _When:
    evening = change - timedelta(hours=3)
    return _timed(evening.date(), evening.time(), timedelta(hours=6), time_zone)


def _timed(day: date, start: time, length: timedelta, time_zone: str) -> _When:
    starts_at = datetime.combine(day, start, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    columns = {
        "starts_at": starts_at,
        "ends_at": starts_at + length,
        "start_date": None,
        "end_date": None,
        "time_zone": time_zone,
    }
    return _When(time_zone=time_zone, columns=columns, day=day)


def _all_day(day: date, days: int, time_zone: str) -> _When:
    columns = {
        "starts_at": None,
        "ends_at": None,
        "start_date": day,
        "end_date": day + timedelta(days=days),
        "time_zone": time_zone,
    }
    return _When(time_zone=time_zone, columns=columns, day=day)


def _created(rng: random.Random, when: _When, today: date) -> datetime:
    day = min(when.day - timedelta(days=rng.randint(3, 40)), today - timedelta(days=1))
    return datetime.combine(day, time(rng.randint(7, 17), rng.randint(0, 59)), tzinfo=UTC)


def _particulars(rng: random.Random, time_zone: str) -> dict[str, Any]:
    place = rng.choice(PLACES[time_zone])
    rated = rng.random() < 0.9
    return {
        "job_type": rng.choice(JOB_TYPES),
        "organisation": rng.choice(ORGANISATIONS),
        "address": place.address,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "contact": rng.choice(CONTACTS) if rng.random() < 0.8 else None,
        "rate": Decimal(rng.randint(45, 480)) + Decimal(rng.choice((0, 50))) / 100 if rated else None,
        "currency": CURRENCIES[time_zone] if rated else None,
        "notes": _notes(rng),
    }


def _notes(rng: random.Random) -> str | None:
    kind = rng.random()
    if kind < 0.2:
        return None
    if kind < 0.27:
        return LONG_NOTE
    return "\n".join(rng.sample(NOTES, rng.choice((1, 1, 1, 2, 3))))


def _assignees(rng: random.Random, technician: Technician, everyone: Sequence[Technician]) -> tuple[int, ...]:
    others = rng.choices((0, 1, 2), weights=(85, 10, 5))[0]
    colleagues = rng.sample(everyone, min(others, len(everyone)))
    return tuple(dict.fromkeys((technician.user_id, *(one.user_id for one in colleagues))))
