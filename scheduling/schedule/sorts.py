# SPDX-License-Identifier: GPL-3.0-or-later
"""The sorts of columns that rows of the schedule have, and which values each of them takes.

Values come as their own types: an instant is a `datetime`, an amount a `Decimal`. Who is given text reads it first:
schedule files in `scheduling/load/cells.py`, the API where requests are validated. An empty value never comes here.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from scheduling.access.users import EMAIL
from scheduling.ical.errors import BadRule
from scheduling.ical.rules import parse_rule
from scheduling.ical.timezones import is_zone
from scheduling.schedule.entries import BadValue, Input, Value
from scheduling.sentences import counted

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CENTS = Decimal("0.01")
_MAX_RATE = Decimal(10) ** 10
_NO_AMOUNT = Decimal("NaN")
_CURRENCY = re.compile("[A-Z]{3}")
YEARS = range(1000, 3000)


class Sort(Protocol):
    """One sort of column."""

    def checked(self, given: Input) -> Value:
        """The value to store. Raises `BadValue`, whose text goes on after the column's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Text of at most `longest` characters, without control characters."""

    longest: int | None = 255

    def checked(self, given: Input) -> str:
        """The text as it is."""
        if not isinstance(given, str):
            raise BadValue("has to be a text")
        if self.longest is not None and len(given) > self.longest:
            raise BadValue(f"has {counted(len(given), 'character')}; at most {self.longest} are permitted")
        if _CONTROL.search(given):
            raise BadValue("has a control character in it")
        return given


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One of a closed set of words, in any letter case."""

    among: type[enum.StrEnum]

    def checked(self, given: Input) -> str:
        """The word in small letters."""
        if not isinstance(given, str) or given.lower() not in list(self.among):
            raise BadValue(f"{_quoted(given)} is not one of {', '.join(self.among)}")
        return given.lower()


class RoleName:
    """The name of a role, in any letter case; which there are is known to the database."""

    def checked(self, given: Input) -> str:
        """The name in small letters."""
        return Text(longest=32).checked(given).lower()


class Email:
    """An e-mail address of at most 255 characters."""

    def checked(self, given: Input) -> str:
        """The address as it is."""
        if not re.match(EMAIL, Text().checked(given)):
            raise BadValue(f"{_quoted(given)} is not an e-mail address such as anna@example.com")
        return str(given)


class Instant:
    """A date and time in whole seconds; a naive one is local time."""

    def checked(self, given: Input) -> datetime:
        """The moment without its fraction of a second."""
        if not isinstance(given, datetime):
            raise BadValue(f"{_quoted(given)} is not a date and time")
        _in_years(given)
        return given.replace(microsecond=0)


class Day:
    """A date."""

    def checked(self, given: Input) -> date:
        """The date as it is."""
        if not isinstance(given, date) or isinstance(given, datetime):
            raise BadValue(f"{_quoted(given)} is not a date")
        _in_years(given)
        return given


@dataclass(frozen=True, kw_only=True, slots=True)
class Degrees:
    """Decimal degrees from `-limit` to `limit`."""

    limit: int

    def checked(self, given: Input) -> float:
        """The number as it is."""
        value = float(given) if isinstance(given, int | float) and not isinstance(given, bool) else math.nan
        if not -self.limit <= value <= self.limit:
            raise BadValue(f"{_quoted(given)} is not a number from -{self.limit} to {self.limit}")
        return value


class Amount:
    """An amount of money with at most two decimals."""

    def checked(self, given: Input) -> Decimal:
        """The amount with both decimals."""
        value = given if isinstance(given, Decimal) else _NO_AMOUNT
        if not (value.is_finite() and abs(value) < _MAX_RATE and value == value.quantize(_CENTS)):
            raise BadValue(f"{_quoted(given)} is not an amount such as 1250 or 89.50")
        return value.quantize(_CENTS)


class YesNo:
    """Yes or no."""

    def checked(self, given: Input) -> bool:
        """True for yes."""
        if not isinstance(given, bool):
            raise BadValue(f"{_quoted(given)} is not yes or no")
        return given


class Zone:
    """The name of an IANA time zone."""

    def checked(self, given: Input) -> str:
        """The name as it is."""
        if not isinstance(given, str) or not is_zone(given):
            raise BadValue(f"{_quoted(given)} is not an IANA time zone such as Europe/Berlin")
        return given


class Currency:
    """An ISO 4217 code, in any letter case."""

    def checked(self, given: Input) -> str:
        """The code in capitals."""
        if not isinstance(given, str) or not _CURRENCY.fullmatch(given.upper()):
            raise BadValue(f"{_quoted(given)} is not a currency code such as EUR")
        return given.upper()


class Rule:
    """The text of a recurrence rule (RFC 5545, section 3.3.10)."""

    def checked(self, given: Input) -> str:
        """The rule in one way of writing it."""
        if not isinstance(given, str):
            raise BadValue(f"{_quoted(given)} is not a recurrence rule")
        try:
            return parse_rule(given).text()
        except BadRule as error:
            raise BadValue(f'"{given[:60]}" cannot be used: {error.reason}') from None


class LocalMoments:
    """Local dates and date-times."""

    def checked(self, given: Input) -> str | None:
        """The basic form of RFC 5545 with commas between; None for none."""
        if not isinstance(given, list | tuple):
            raise BadValue(f"{_quoted(given)} is not a list of local dates or times")
        return ",".join(basic(it) for it in given) or None


def basic(moment: date) -> str:
    """A local date or date-time in the basic form of RFC 5545. Raises `BadValue` for one with a zone."""
    if not isinstance(moment, datetime):
        return f"{moment:%Y%m%d}"
    if moment.tzinfo is not None:
        raise BadValue(f'"{moment.isoformat()}" is not a local time: it has a zone')
    return f"{moment:%Y%m%dT%H%M%S}"


def _in_years(given: date) -> None:
    if given.year not in YEARS:
        raise BadValue(f'"{given.isoformat()}" is not in the years {YEARS.start} to {YEARS.stop - 1}')


def _quoted(given: Input) -> str:
    shown = f"{given:g}" if isinstance(given, float) else str(given)
    return f'"{shown[:40]}"'
