# SPDX-License-Identifier: GPL-3.0-or-later
"""One user's made-up schedule, the same whenever it is made on the same day, written with plain SQL.

All events are schedule blockers, the one kind that can recur, so that one calendar holds single, all-day and
recurring ones. The user's zone has the days of UTC, because Radicale takes every all-day event for a UTC day.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

USER = "bench"
SLUG = "blockers"
TIME_ZONE = "Africa/Abidjan"
_INSTANCE = "benchmark"
_SEED = 5545
_DAYS = 365
_DENSE = 10_000
"""Larger schedules are not denser: they reach further into the past and the future, like a calendar in longer use. A
week holds the same number of events, also from the series without an end.
"""
_ALL_DAY_EVERY, _RECURRING_EVERY = 20, 50
_RULES = (
    ("FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=40", 0),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", 1),
    ("FREQ=MONTHLY;BYDAY=1TH;COUNT=12", 3),
    ("FREQ=DAILY;COUNT=10", None),
)
_ENDING = tuple(rule for rule in _RULES if "COUNT" in rule[0])
"""With the weekday of the start, which has to be the first instance (RFC 5545, section 3.8.5.3)."""
_TITLES = (
    "Team meeting",
    "Truck inspection",
    "Training: heat pumps",
    "Depot duty",
    "Standby",
    "Doctor's appointment",
)
_NOTES = (
    "Bring the signed checklist; the old one is no longer accepted.",
    "Key is with the neighbour, second bell on the left.\nCall half an hour before.",
    "Größere Teile vorher im Lager bestellen, Lieferzeit zwei Tage.",
    "Agenda: open orders, vacation plan, accident prevention, anything else that came up during the week.",
)
_COLUMNS = (
    "reference",
    "title",
    "notes",
    "starts_at",
    "ends_at",
    "start_date",
    "end_date",
    "rrule",
    "created_at",
)

Row = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranges:
    """The ranges that are asked for, as RFC 5545 UTC date-times: a week and thirty days from its Monday."""

    monday: date

    @classmethod
    def now(cls) -> Ranges:
        """The ranges from the Monday of this week (UTC). Schedules are laid around it."""
        today = datetime.now(UTC).date()
        return cls(monday=today - timedelta(days=today.weekday()))

    @property
    def week(self) -> tuple[str, str]:
        """Seven days."""
        return self._from_monday(7)

    @property
    def month(self) -> tuple[str, str]:
        """Thirty days."""
        return self._from_monday(30)

    def _from_monday(self, days: int) -> tuple[str, str]:
        return f"{self.monday:%Y%m%d}T000000Z", f"{self.monday + timedelta(days=days):%Y%m%d}T000000Z"


def blockers(events: int, around: date) -> Iterator[Row]:
    """`events` rows around `around`, within a year of it up to 10,000 of them: one in fifty recurring, one in twenty
    all-day, single ones.
    """
    rng = random.Random(_SEED)  # noqa: S311
    days = _DAYS * max(_DENSE, events) // _DENSE
    for number in range(events):
        day = around + timedelta(days=rng.randint(-days, days))
        row: dict[str, str | None] = dict.fromkeys(_COLUMNS)
        row["reference"] = f"B-{number:06d}"
        row["title"] = f"{rng.choice(_TITLES)} {number}"
        row["notes"] = rng.choice(_NOTES)
        row["created_at"] = _text(datetime.combine(around - timedelta(days=days), time(7), UTC))
        if number % _RECURRING_EVERY == 0:
            row["rrule"], weekday = rng.choice(_RULES if number < _DENSE else _ENDING)
            day = day if weekday is None else _first(day, weekday)
        if number % _ALL_DAY_EVERY == 1:
            row["start_date"] = day.isoformat()
            row["end_date"] = (day + timedelta(days=rng.randint(1, 3))).isoformat()
        else:
            start = datetime.combine(day, time(rng.randint(6, 18), rng.choice((0, 15, 30, 45))), UTC)
            row["starts_at"] = _text(start)
            row["ends_at"] = _text(start + timedelta(minutes=rng.choice((30, 60, 90, 120, 240))))
        yield row


def _first(day: date, weekday: int) -> date:
    """The first such weekday in the month of `day`."""
    first = day.replace(day=1)
    return first + timedelta(days=(weekday - first.weekday()) % 7)


def write(url: str, rows: Sequence[Row]) -> None:
    """The user and `rows` as the dispatch application writes them; `url` is a SQLite path or a libpq URL."""
    mark = "%s" if url.startswith("postgresql") else "?"
    marks = ", ".join([mark] * len(_COLUMNS))
    # Every database gives its objects the same UIDs, so that answers can be compared.
    instance = f"UPDATE instance SET name = {mark}"  # noqa: S608
    user = f"INSERT INTO users (username, display_name, time_zone) VALUES ({mark}, 'Bench', {mark})"  # noqa: S608
    blocker = (
        f"INSERT INTO blockers (user_id, {', '.join(_COLUMNS)})"  # noqa: S608
        f" VALUES ((SELECT id FROM users WHERE username = {mark}), {marks})"
    )
    values = [(USER, *(row[column] for column in _COLUMNS)) for row in rows]
    connection: Any = psycopg.connect(url) if mark == "%s" else sqlite3.connect(url)
    with closing(connection), connection:
        cursor = connection.cursor()
        cursor.execute(instance, (_INSTANCE,))
        cursor.execute(user, (USER, TIME_ZONE))
        cursor.executemany(blocker, values)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S+00:00")
