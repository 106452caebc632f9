# SPDX-License-Identifier: GPL-3.0-or-later
"""Column types that read the same on SQLite and PostgreSQL, and the closed sets of the contract tables."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Dialect, Integer, Numeric, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

BigInt = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer; SQLite only auto-numbers a column spelled INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. PostgreSQL: `timestamptz`. SQLite: UTC text `YYYY-MM-DD HH:MM:SS`; `T`, fractions, `Z` and
    `+hh:mm` are read too, since the dispatch application writes this column. Naive datetimes are refused.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of one database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """From Python to the driver."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given for an instant: attach a time zone")
        value = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return value.strftime("%Y-%m-%d %H:%M:%S")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the driver to Python; None for what cannot be read."""
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return None
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class IsoDate(TypeDecorator[date]):
    """A calendar date. PostgreSQL: `date`. SQLite: text `YYYY-MM-DD`; unreadable text reads as None."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of one database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """From Python to the driver."""
        if value is not None and dialect.name == "sqlite":
            return value.isoformat()
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """From the driver to Python; None for what cannot be read."""
        if isinstance(value, str):
            try:
                return date.fromisoformat(value[:10])
            except ValueError:
                return None
        return value if value is None or isinstance(value, date) else None


class Amount(TypeDecorator[Decimal]):
    """An amount of money with two decimals: `numeric(12,2)`."""

    impl = Numeric(12, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of one database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Numeric(12, 2, asdecimal=False))
        return dialect.type_descriptor(Numeric(12, 2))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """From Python to the driver."""
        if value is not None and dialect.name == "sqlite":
            return float(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """From the driver to Python; None for what cannot be read."""
        if value is None:
            return None
        try:
            amount = Decimal(str(value)).quantize(Decimal("0.01"))
        except InvalidOperation:
            return None
        return amount if amount.is_finite() else None


class JobStatus(enum.StrEnum):
    """Where a job stands."""

    OFFERED = "offered"
    CONFIRMED = "confirmed"
    DELIVERED = "delivered"
    INVOICED = "invoiced"
    PAID = "paid"
    CANCELLED = "cancelled"


class TimeOffStatus(enum.StrEnum):
    """Where a request for time off stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Role(enum.StrEnum):
    """The built-in roles; what each permits is in the database (scheduling/access/roles.py)."""

    MEMBER = "member"
    DISPATCHER = "dispatcher"
    ADMIN = "admin"
    SUPER_ADMIN = "super-admin"


READ_ALL_GROUP = "calendars.read_all"
"""The group that the auth plugin puts such users in; the rights plugin and discovery go by it."""


def one_of(column: str, values: type[enum.StrEnum]) -> str:
    """The SQL text of a CHECK that keeps `column` in a closed set."""
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"
