# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a cell of a schedule file as the value of its column, in the ways people write dates and numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from scheduling.config import ini
from scheduling.schedule import columns
from scheduling.schedule.columns import COLUMNS
from scheduling.schedule.entries import BadValue, Entry, Input, Kind
from scheduling.schedule.sorts import YEARS, Amount, Day, Degrees, Instant, LocalMoments, Sort, YesNo

_MOMENT = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[T ](\d{1,2})(:\d\d(?::\d\d)?))?", re.ASCII)
"""Day, month and year, as written with dots wherever dates are. With slashes the order differs by country."""
_SLASHED = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}", re.ASCII)
_ORDER = "; with slashes, day and month cannot be told apart"


def entry(
    kind: Kind,
    place: str,
    key: str,
    cells: Mapping[str, str],
    *,
    users: tuple[str, ...] | None = None,
    shared: bool = False,
) -> Entry:
    """The row whose cells hold this text; an empty cell clears its column. Raises `BadValue` with every reason."""
    values: dict[str, Input] = {}
    unread: dict[str, str] = {}
    for column, cell in cells.items():
        given = cell.strip()
        sort = COLUMNS[kind].get(column)
        try:
            values[column] = None if sort is None or not given else _read(sort, given)
        except BadValue as error:
            values[column], unread[column] = None, str(error)
    return columns.entry(kind, place, key, values, users=users, shared=shared, unread=unread)


def _read(sort: Sort, given: str) -> Input:
    if isinstance(sort, Degrees):
        return _degrees(given, sort.limit)
    reader = _READERS.get(type(sort))
    return given if reader is None else reader(given)


def moment(given: str) -> datetime:
    """A date and time as in ISO 8601 or with dots; without Z or offset it is local time and naive."""
    iso = _undotted(given)
    try:
        value = datetime.fromisoformat(iso) if _MOMENT.match(iso) else None
    except ValueError:
        value = None
    if value is None or value.year not in YEARS:
        raise BadValue(
            f'"{given[:40]}" is not a date and time such as 2026-11-20T09:30 or 2026-11-20T09:30Z{_slashes(given)}'
        )
    return value


def day(given: str) -> date:
    """A date as in ISO 8601, or 20.11.2026."""
    try:
        value = date.fromisoformat(_undotted(given))
    except ValueError:
        value = None
    if value is None or value.year not in YEARS:
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


def _degrees(given: str, limit: int) -> float:
    try:
        return float(given)
    except ValueError:
        raise BadValue(f'"{given[:40]}" is not a number from -{limit} to {limit}') from None


def _amount(given: str) -> Decimal:
    """An amount of money, written with a point."""
    try:
        return Decimal(given)
    except InvalidOperation:
        raise BadValue(f'"{given[:40]}" is not an amount such as 1250 or 89.50') from None


def _boolean(given: str) -> bool:
    try:
        return ini.boolean(given)
    except ValueError:
        raise BadValue(f'"{given[:40]}" is not yes or no') from None


def _local_moments(given: str) -> tuple[date, ...]:
    """Local dates or date-times separated by commas or spaces."""
    return tuple(_local(item) for item in given.replace(",", " ").split())


def _local(item: str) -> date:
    try:
        value = datetime.fromisoformat(iso := _undotted(item))
    except ValueError:
        value = None
    if value is None or value.tzinfo is not None:
        raise BadValue(
            f'"{item[:40]}" is not a local date or time such as 2026-11-20 or 2026-11-20T09:30{_slashes(item)}'
        )
    return value if "T" in iso else value.date()


_READERS: Mapping[type[object], Callable[[str], Input]] = {
    Instant: moment,
    Day: day,
    Amount: _amount,
    YesNo: _boolean,
    LocalMoments: _local_moments,
}
