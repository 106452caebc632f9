# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading stale sources again because somebody wants to know now: they are made due, and the importer does the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, or_, select, update

from scheduling.availability.people import Person
from scheduling.models import Subscription

MINIMUM = 60
"""Seconds between two attempts that were asked for so; whoever asks more often gets what the last one found."""


def stale(people: Iterable[Person], now: int, max_staleness: int) -> list[int]:
    """The subscriptions that were not read within `max_staleness` seconds and that are fetched at all."""
    return [
        it.subscription_id
        for person in people
        for it in person.sources
        if it.subscription_id is not None and it.status != "paused" and it.is_stale(now, max_staleness)
    ]


def request(connection: Connection, subscriptions: Sequence[int], now: int) -> list[int]:
    """Make those of them due that were not attempted within the last minute, and whose servers did not ask to be left
    alone for longer (Retry-After, RFC 9110, section 10.2.3); returns these.
    """
    since = datetime.fromtimestamp(now - MINIMUM, UTC)
    row = Subscription
    return list(
        connection.scalars(
            update(row)
            .where(
                row.id.in_(subscriptions),
                row.status != "paused",
                row.rest_until <= now,
                or_(row.last_attempt_at.is_(None), row.last_attempt_at <= since),
            )
            .values(next_at=0)
            .returning(row.id)
        )
    )


def pending(connection: Connection, subscriptions: Sequence[int], since: int) -> int:
    """How many of them have not been attempted since that moment (epoch seconds)."""
    row = Subscription
    attempted = datetime.fromtimestamp(since, UTC)
    statement = (
        select(func.count())
        .select_from(row)
        .where(
            row.id.in_(subscriptions),
            row.status != "paused",
            or_(row.last_attempt_at.is_(None), row.last_attempt_at < attempted),
        )
    )
    return connection.scalar(statement) or 0
