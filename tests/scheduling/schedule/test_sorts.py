# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values the columns of the schedule take, whoever gives them: in their own types, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from scheduling.database.types import JobStatus
from scheduling.schedule.columns import COLUMNS, entry
from scheduling.schedule.entries import BadValue, Input, Kind, Value
from scheduling.schedule.sorts import (
    Amount,
    Choice,
    Currency,
    Day,
    Degrees,
    Email,
    Instant,
    LocalMoments,
    Rule,
    Sort,
    Text,
    YesNo,
    Zone,
)

CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("sort", "given", "stored"),
    [
        (Text(longest=5), "abcde", "abcde"),
        (Choice(among=JobStatus), "Paid", "paid"),
        (
            Instant(),
            datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=CET),
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=CET),
        ),
        (Day(), date(2999, 12, 31), date(2999, 12, 31)),
        (Degrees(limit=90), -90, -90.0),
        (Amount(), Decimal("1e3"), Decimal("1000.00")),
        (YesNo(), False, False),
        (Email(), "anna@example.com", "anna@example.com"),
        (Zone(), "Europe/Berlin", "Europe/Berlin"),
        (Currency(), "eur", "EUR"),
        (Rule(), "freq=daily", "FREQ=DAILY"),
        (LocalMoments(), [date(2026, 1, 2), datetime(2026, 1, 3, 4, 5)], "20260102,20260103T040500"),  # noqa: DTZ001
        (LocalMoments(), (), None),
    ],
)
def test_a_value_is_brought_into_one_form(sort: Sort, given: Input, stored: Value) -> None:
    found = sort.checked(given)
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("sort", "given", "reason"),
    [
        (Text(), 7, "has to be a text"),
        (Text(longest=5), "abcdef", "has 6 characters; at most 5 are permitted"),
        (Text(), "a\x00", "has a control character"),
        (Choice(among=JobStatus), "lost", '"lost" is not one of'),
        (Choice(among=JobStatus), True, '"True" is not one of'),
        (Instant(), "2026-01-02T03:04:05Z", "is not a date and time"),
        (Instant(), date(2026, 1, 2), "is not a date and time"),
        (Instant(), datetime(3000, 1, 1, tzinfo=UTC), "is not in the years 1000 to 2999"),
        (Day(), datetime(2026, 1, 2, tzinfo=UTC), "is not a date"),
        (Day(), date(999, 12, 31), "is not in the years 1000 to 2999"),
        (Degrees(limit=90), 90.5, '"90.5" is not a number from -90 to 90'),
        (Degrees(limit=90), float("nan"), '"nan" is not a number'),
        (Degrees(limit=90), True, "is not a number"),
        (Degrees(limit=90), "7", "is not a number"),
        (Amount(), Decimal("0.001"), "is not an amount"),
        (Amount(), Decimal("NaN"), "is not an amount"),
        (Amount(), Decimal("1e10"), "is not an amount"),
        (Amount(), 7, "is not an amount"),
        (YesNo(), 1, "is not yes or no"),
        (Email(), "anna", "is not an e-mail address"),
        (Email(), 7, "has to be a text"),
        (Zone(), "Berlin", "is not an IANA time zone"),
        (Currency(), "EURO", "is not a currency code"),
        (Rule(), "FREQ=SOMETIMES", "cannot be used"),
        (Rule(), date(2026, 1, 2), "is not a recurrence rule"),
        (LocalMoments(), "20260102", "is not a list"),
        (LocalMoments(), [datetime(2026, 1, 2, tzinfo=UTC)], "is not a local time"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(sort: Sort, given: Input, reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        sort.checked(given)


def test_nothing_and_an_empty_text_clear_a_column() -> None:
    given: dict[str, Input] = {"notes": None, "organisation": "  ", "status": None, "rate": None}
    assert entry(Kind.JOB, "item", "J-1", given).values == {
        "notes": None,
        "organisation": None,
        "status": "offered",
        "rate": None,
    }


@pytest.mark.parametrize("kind", Kind)
def test_no_column_takes_just_anything(kind: Kind) -> None:
    """A value of no sort at all: the column names it, and nothing breaks."""
    for column in COLUMNS[kind]:
        with pytest.raises(BadValue, match=f"^{column} "):
            entry(kind, "item", "J-1", {column: b"x"})  # type: ignore[dict-item]
