# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns that a schedule file may have, and how the text of a cell becomes a value of the contract."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from scheduling.access.users import EMAIL
from scheduling.config import ini
from scheduling.database.types import JobStatus, Role, TimeOffStatus
from scheduling.ical.errors import BadRule
from scheduling.ical.rules import parse_rule
from scheduling.ical.timezones import is_zone
from scheduling.schedule.entries import BadValue, Entry, Kind, Value
from scheduling.sentences import a, counted, did_you_mean

Parse = Callable[[str], Value]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CENTS = Decimal("0.01")
_MAX_RATE = Decimal(10) ** 10
_CURRENCY = re.compile("[A-Z]{3}")
_MOMENT = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[T ](\d{1,2})(:\d\d(?::\d\d)?))?", re.ASCII)
"""Day, month and year, as written with dots wherever dates are. With slashes the order differs by country."""
_SLASHED = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}", re.ASCII)
_ORDER = "; with slashes, day and month cannot be told apart"
_YEARS = range(1000, 3000)
_NO_PERIOD = "give either starts_at and ends_at, or start_date and end_date"


def text(longest: int | None = 255) -> Callable[[str], str]:
    """Text of at most `longest` characters, without control characters."""

    def parse(given: str) -> str:
        if longest is not None and len(given) > longest:
            raise BadValue(f"has {counted(len(given), 'character')}, {longest} is the most")
        if _CONTROL.search(given):
            raise BadValue("has a control character in it")
        return given

    return parse


def choice(values: type[enum.StrEnum]) -> Parse:
    """One of a closed set, in any letter case."""

    def parse(given: str) -> str:
        if given.lower() not in list(values):
            raise BadValue(f'"{given[:40]}" is not one of {", ".join(values)}')
        return given.lower()

    return parse


def role(given: str) -> str:
    """The name of a role, in any letter case; which there are is known to the database."""
    return text(32)(given).lower()


def email(given: str) -> str:
    """An e-mail address of at most 255 characters."""
    if not re.match(EMAIL, text()(given)):
        raise BadValue(f'"{given[:40]}" is not an e-mail address such as anna@example.com')
    return given


def moment(given: str) -> datetime:
    """A date and time as in ISO 8601 or with dots, whole seconds; without Z or offset it is local time and naive."""
    iso = _undotted(given)
    try:
        value = datetime.fromisoformat(iso) if _MOMENT.match(iso) else None
    except ValueError:
        value = None
    if value is None or value.year not in _YEARS:
        raise BadValue(
            f'"{given[:40]}" is not a date and time such as 2026-11-20T09:30 or 2026-11-20T09:30Z{_slashes(given)}'
        )
    return value.replace(microsecond=0)


def day(given: str) -> date:
    """A date as in ISO 8601, or 20.11.2026."""
    try:
        value = date.fromisoformat(_undotted(given))
    except ValueError:
        value = None
    if value is None or value.year not in _YEARS:
        raise BadValue(f'"{given[:40]}" is not a date such as 2026-11-20{_slashes(given)}')
    return value


def _undotted(given: str) -> str:
    """A date written with dots in the form of ISO 8601; anything else as it is."""
    found = _DOTTED.fullmatch(given)
    if found is None:
        return given
    time = "" if found[4] is None else f"T{found[4]:0>2}{found[5]}"
    return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}{time}"


def _slashes(given: str) -> str:
    return _ORDER if _SLASHED.match(given) else ""


def degrees(limit: int) -> Parse:
    """Decimal degrees between `-limit` and `limit`."""

    def parse(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            value = float("nan")
        if not -limit <= value <= limit:
            raise BadValue(f'"{given[:40]}" is not a number from -{limit} to {limit}')
        return value

    return parse


def amount(given: str) -> Decimal:
    """An amount of money with at most two decimals, written with a point."""
    try:
        value = Decimal(given)
        exact = value.is_finite() and abs(value) < _MAX_RATE and value == value.quantize(_CENTS)
    except InvalidOperation:
        exact = False
    if not exact:
        raise BadValue(f'"{given[:40]}" is not an amount such as 1250 or 89.50')
    return value.quantize(_CENTS)


def boolean(given: str) -> bool:
    """Yes or no."""
    try:
        return ini.boolean(given)
    except ValueError:
        raise BadValue(f'"{given[:40]}" is not yes or no') from None


def zone(given: str) -> str:
    """An IANA time zone."""
    if not is_zone(given):
        raise BadValue(f'"{given[:40]}" is not an IANA time zone such as Europe/Berlin')
    return given


def currency(given: str) -> str:
    """An ISO 4217 code."""
    if not _CURRENCY.fullmatch(given.upper()):
        raise BadValue(f'"{given[:40]}" is not a currency code such as EUR')
    return given.upper()


def rule(given: str) -> str:
    """A recurrence rule (RFC 5545, section 3.3.10)."""
    try:
        return parse_rule(given).text()
    except BadRule as error:
        raise BadValue(f'"{given[:60]}" cannot be used: {error.reason}') from None


def local_moments(given: str) -> str:
    """Local dates or date-times separated by commas or spaces, brought to the basic form of RFC 5545."""
    return ",".join(_local(item) for item in given.replace(",", " ").split())


def _local(item: str) -> str:
    try:
        value = datetime.fromisoformat(iso := _undotted(item))
    except ValueError:
        value = None
    if value is None or value.tzinfo is not None:
        raise BadValue(
            f'"{item[:40]}" is not a local date or time such as 2026-11-20 or 2026-11-20T09:30{_slashes(item)}'
        )
    return f"{value:%Y%m%d}" if "T" not in iso else f"{value:%Y%m%dT%H%M%S}"


PERIOD: Final = ("starts_at", "ends_at", "start_date", "end_date")
_PERIOD: Final[dict[str, Parse]] = {
    "starts_at": moment,
    "ends_at": moment,
    "start_date": day,
    "end_date": day,
}
COLUMNS: Final[Mapping[Kind, Mapping[str, Parse]]] = {
    Kind.USER: {
        "display_name": text(),
        "email": email,
        "time_zone": zone,
        "active": boolean,
        "calendar_access": boolean,
        "role": role,
    },
    Kind.JOB: {
        **_PERIOD,
        "time_zone": zone,
        "job_type": text(),
        "organisation": text(),
        "status": choice(JobStatus),
        "address": text(None),
        "latitude": degrees(90),
        "longitude": degrees(180),
        "contact": text(None),
        "rate": amount,
        "currency": currency,
        "notes": text(None),
    },
    Kind.BLOCKER: {
        **_PERIOD,
        "time_zone": zone,
        "title": text(),
        "notes": text(None),
        "rrule": rule,
        "rdate": local_moments,
        "exdate": local_moments,
    },
    Kind.TIME_OFF: {
        **_PERIOD,
        "time_zone": zone,
        "kind": text(64),
        "status": choice(TimeOffStatus),
        "notes": text(None),
    },
}
"""Every column by kind of row; a blocker's and time off's `time_zone` is only what its local times are in."""

EMPTY: Final[Mapping[Kind, Mapping[str, Value]]] = {
    Kind.USER: {
        "display_name": "",
        "time_zone": "UTC",
        "active": True,
        "calendar_access": True,
        "role": Role.MEMBER.value,
    },
    Kind.JOB: {"status": JobStatus.OFFERED.value},
    Kind.BLOCKER: {},
    Kind.TIME_OFF: {"status": TimeOffStatus.REQUESTED.value},
}
"""What an empty cell, or on adding a missing one, means where the column cannot be null."""

NEEDED: Final[Mapping[Kind, str]] = {Kind.BLOCKER: "title", Kind.TIME_OFF: "kind"}
"""The column that a new row must have, beside its period."""


def entry(
    kind: Kind,
    place: str,
    key: str,
    cells: Mapping[str, str],
    *,
    users: tuple[str, ...] | None = None,
    shared: bool = False,
) -> Entry:
    """The row whose cells hold this text; an empty cell clears its column.

    Raises `BadValue` with every reason: a cell that cannot be understood, by its column, a column that the kind does
    not have, an incomplete period, a missing key.
    """
    reasons: list[str] = []
    values: dict[str, Value] = {}
    name = "username" if kind is Kind.USER else "reference"
    try:
        key = text()(key)
    except BadValue as error:
        reasons.append(f"the {name} {error}")
    if not key:
        reasons.append(f"the {name} is missing")
    for column, given in cells.items():
        try:
            values[column] = _cell(kind, column, given.strip())
        except BadValue as error:
            reasons += error.reasons
    needed = NEEDED.get(kind)
    if needed in values and values[needed] is None:
        reasons.append(f"the {needed} is empty")
    if not any(name in cells and name not in values for name in PERIOD):
        try:
            _check_period(values)
        except BadValue as error:
            reasons += error.reasons
    if reasons:
        raise BadValue(*reasons)
    zone_given = values.get("time_zone")
    if kind in (Kind.BLOCKER, Kind.TIME_OFF):
        values.pop("time_zone", None)
    return Entry(
        kind=kind,
        place=place,
        key=key,
        values=values,
        users=users,
        time_zone=zone_given if isinstance(zone_given, str) else None,
        shared=shared,
    )


def _cell(kind: Kind, column: str, given: str) -> Value:
    if column not in COLUMNS[kind]:
        raise BadValue(f"{column} is not a column of {a(kind.noun)}{did_you_mean(column, COLUMNS[kind])}")
    if not given:
        return EMPTY[kind].get(column)
    try:
        return COLUMNS[kind][column](given)
    except BadValue as error:
        raise BadValue(f"{column} {error}") from None


def _check_period(values: dict[str, Value]) -> None:
    """Either both instants or both dates, or none of the four; the other two are cleared."""
    given = {name for name in PERIOD if values.get(name) is not None}
    if not given:
        if any(name in values for name in PERIOD):
            raise BadValue(_NO_PERIOD)
        return
    if given not in ({"starts_at", "ends_at"}, {"start_date", "end_date"}):
        raise BadValue(_NO_PERIOD)
    values.update({name: None for name in PERIOD if name not in given})
    start, end = values["start_date"], values["end_date"]
    if isinstance(start, date) and isinstance(end, date) and end <= start:
        raise BadValue("end_date is the day after the last one and has to be later than start_date")
