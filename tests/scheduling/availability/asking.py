# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for availability in the tests: moments are hours from `NOW`, the start of 2026-03-10 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from scheduling.availability import busy_time, spans
from scheduling.availability.answer import Availability, answer
from scheduling.availability.people import caught_up
from scheduling.availability.question import Question
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.models import Subscription
from scheduling.snapshot import Snapshot

NOW = 1_773_100_800
HOUR, DAY = 3600, 86400
Found = list[tuple[float, float, str]]


def at(hour: float) -> str:
    """As a column of the contract tables."""
    return datetime.fromtimestamp(NOW + hour * HOUR, UTC).isoformat(" ")


def answers(
    database: Database, usernames: Sequence[str], start: float, end: float, **options: Any
) -> list[Availability]:
    """The availability of users, as of `NOW`."""
    question = Question(start=int(NOW + start * HOUR), end=int(NOW + end * HOUR), **options)
    with Snapshot(database, Config(), clock=lambda: NOW, followers=FOLLOWERS) as snapshot:
        people = caught_up(snapshot, usernames)
        return answer(snapshot.connection, people, question, NOW)


def ask(
    database: Database, usernames: Sequence[str], start: float, end: float, **options: Any
) -> list[Availability]:
    """As `answers`, which are the same without asking what makes people busy."""
    found = answers(database, usernames, start, end, **options)
    with database.read() as connection:
        for it in found:
            bare = spans.bare(connection, it.person.sources, it.question)
            assert busy_time.periods(it.person, it.question, NOW, bare, it.hours) == it.periods
    return found


def periods(found: Availability) -> Found:
    """What is not free."""
    return [((it.start - NOW) / HOUR, (it.end - NOW) / HOUR, it.fbtype) for it in found.periods]


def states(database: Database, username: str, start: float, end: float, **options: Any) -> Found:
    """What of one user's time is not free."""
    (found,) = ask(database, [username], start, end, **options)
    return periods(found)


def subscribe(database: Database, user_id: int, *, read_at: int | None = None, status: str = "active") -> int:
    """A subscription that was last read at that moment (epoch seconds), as the importer leaves it."""
    with database.write() as connection:
        values = {
            "user_id": user_id,
            "label": "Private",
            "host": "calendar.example",
            "encrypted_url": b"",
            "status": status,
            "created_at": datetime.fromtimestamp(NOW, UTC),
            "last_success_at": None if read_at is None else datetime.fromtimestamp(read_at, UTC),
            "next_at": 0,
        }
        return connection.execute(
            insert(Subscription).values(**values).returning(Subscription.id)
        ).scalar_one()
