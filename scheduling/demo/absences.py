# SPDX-License-Identifier: GPL-3.0-or-later
"""The blockers and the time off of the demo schedule: recurring and single, in every status."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from scheduling.database.types import TimeOffStatus
from scheduling.demo.jobs import Technician
from scheduling.demo.words import OUTINGS

Row = dict[str, Any]
_FRIDAY: Final = 4
_WEEK = timedelta(weeks=1)


def blockers(rng: random.Random, technician: Technician, today: date) -> Iterator[Row]:
    """The rows of `blockers` of one user; recurrences are in the user's local time."""
    monday = today - timedelta(days=today.weekday())
    yield _blocker(
        technician,
        "meeting",
        "Team meeting",
        _hours(technician, monday - 12 * _WEEK, time(9), 45),
        notes="Dispatch call; the link is in the invitation.",
        rrule="FREQ=WEEKLY;BYDAY=MO",
    )
    friday = monday - 9 * _WEEK + timedelta(days=_FRIDAY)
    yield _blocker(
        technician, "friday", "Freier Freitag", _days(friday, 1), rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"
    )
    yield _stock_taking(technician, monday)
    yield _course(technician, monday)
    first = monday + timedelta(days=rng.randint(8, 12))
    again = [first + 13 * _WEEK, first + 26 * _WEEK]
    yield _blocker(
        technician,
        "inspection",
        "Vehicle inspection 🔧",
        _hours(technician, first, time(7, 30), 60),
        rdate=",".join(f"{day:%Y%m%d}T073000" for day in again),
    )
    for number in range(rng.randint(2, 4)):
        day = today + timedelta(days=rng.randint(-20, 40))
        yield _blocker(
            technician,
            f"outing-{number + 1}",
            rng.choice(OUTINGS),
            _hours(technician, day, time(rng.randint(10, 16), rng.choice((0, 30))), rng.choice((45, 60, 90))),
        )


def _stock_taking(technician: Technician, monday: date) -> Row:
    """The last Friday afternoon of each month, once left out."""
    lasts = [
        _last_friday(monday.year + (monday.month + ahead - 1) // 12, (monday.month + ahead - 1) % 12 + 1)
        for ahead in (-3, 1)
    ]
    return _blocker(
        technician,
        "stock",
        "Inventur / stock-taking",
        _hours(technician, lasts[0], time(15), 120),
        rrule="FREQ=MONTHLY;BYDAY=-1FR",
        exdate=f"{lasts[1]:%Y%m%d}T150000",
    )


def _course(technician: Technician, monday: date) -> Row:
    return _blocker(
        technician,
        "course",
        "Training: refrigerants",
        _hours(technician, monday + 2 * _WEEK + timedelta(days=1), time(13), 180),
        rrule="FREQ=WEEKLY;COUNT=6;BYDAY=TU,TH",
    )


def time_off(rng: random.Random, technician: Technician, today: date) -> Iterator[Row]:
    """The rows of `time_off` of one user."""
    monday = today - timedelta(days=today.weekday())
    leave = monday + rng.randint(2, 5) * _WEEK
    later = monday + rng.randint(7, 12) * _WEEK
    sick = today - timedelta(days=rng.randint(9, 25))
    doctor = today + timedelta(days=rng.randint(1, 13))
    approved, declined = TimeOffStatus.APPROVED, TimeOffStatus.DECLINED
    yield _absence(technician, "leave", "Annual leave", approved, _days(leave, rng.choice((5, 7, 12))))
    yield _absence(
        technician, "later", "Annual leave", TimeOffStatus.REQUESTED, _days(later, 5), "Skiing ⛷, if approved"
    )
    yield _absence(
        technician, "declined", "Urlaub", declined, _days(monday + _WEEK, 4), "Too many away that week."
    )
    yield _absence(technician, "sick", "Krankheit", approved, _days(sick, rng.randint(1, 3)))
    yield _absence(
        technician, "doctor", "Medical appointment", approved, _hours(technician, doctor, time(13), 150)
    )
    yield _absence(
        technician, "parental", "Parental leave", TimeOffStatus.CANCELLED, _days(later + 6 * _WEEK, 14)
    )


def _blocker(
    technician: Technician,
    name: str,
    title: str,
    period: Row,
    *,
    notes: str | None = None,
    rrule: str | None = None,
    rdate: str | None = None,
    exdate: str | None = None,
) -> Row:
    return {
        "user_id": technician.user_id,
        "reference": f"DEMO-{technician.username}-{name}",
        "title": title,
        "notes": notes,
        "rrule": rrule,
        "rdate": rdate,
        "exdate": exdate,
        "created_at": period["starts_at"] or datetime.combine(period["start_date"], time(), tzinfo=UTC),
        **period,
    }


def _absence(
    technician: Technician,
    name: str,
    kind: str,
    status: TimeOffStatus,
    period: Row,
    notes: str | None = None,
) -> Row:
    first = period["starts_at"] or datetime.combine(period["start_date"], time(), tzinfo=UTC)
    return {
        "user_id": technician.user_id,
        "reference": f"DEMO-{technician.username}-{name}",
        "kind": kind,
        "status": status.value,
        "notes": notes,
        "created_at": first - 14 * _WEEK,
        **period,
    }


def _hours(technician: Technician, day: date, start: time, minutes: int) -> Row:
    starts_at = datetime.combine(day, start, tzinfo=ZoneInfo(technician.time_zone)).astimezone(UTC)
    ends_at = starts_at + timedelta(minutes=minutes)
    return {"starts_at": starts_at, "ends_at": ends_at, "start_date": None, "end_date": None}


def _days(first: date, count: int) -> Row:
    return {
        "starts_at": None,
        "ends_at": None,
        "start_date": first,
        "end_date": first + timedelta(days=count),
    }


def _last_friday(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    back = (following.weekday() - _FRIDAY - 1) % 7 + 1
    return following - timedelta(days=back)
