# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns that rows of the schedule have, and the one way in which given values become a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from scheduling.database.types import JobStatus, Role, TimeOffStatus
from scheduling.schedule.entries import BadValue, Entry, Input, Kind, Value
from scheduling.schedule.sorts import (
    Amount,
    Choice,
    Currency,
    Day,
    Degrees,
    Email,
    Instant,
    LocalMoments,
    RoleName,
    Rule,
    Sort,
    Text,
    YesNo,
    Zone,
)
from scheduling.sentences import a, did_you_mean

NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_PERIOD = "give either starts_at and ends_at, or start_date and end_date"
PERIOD: Final = ("starts_at", "ends_at", "start_date", "end_date")
_PERIOD: Final[dict[str, Sort]] = {
    "starts_at": Instant(),
    "ends_at": Instant(),
    "start_date": Day(),
    "end_date": Day(),
}
COLUMNS: Final[Mapping[Kind, Mapping[str, Sort]]] = {
    Kind.USER: {
        "display_name": Text(),
        "email": Email(),
        "time_zone": Zone(),
        "active": YesNo(),
        "calendar_access": YesNo(),
        "role": RoleName(),
    },
    Kind.JOB: {
        **_PERIOD,
        "time_zone": Zone(),
        "job_type": Text(),
        "organisation": Text(),
        "status": Choice(among=JobStatus),
        "address": Text(longest=None),
        "latitude": Degrees(limit=90),
        "longitude": Degrees(limit=180),
        "contact": Text(longest=None),
        "rate": Amount(),
        "currency": Currency(),
        "notes": Text(longest=None),
    },
    Kind.BLOCKER: {
        **_PERIOD,
        "time_zone": Zone(),
        "title": Text(),
        "notes": Text(longest=None),
        "rrule": Rule(),
        "rdate": LocalMoments(),
        "exdate": LocalMoments(),
    },
    Kind.TIME_OFF: {
        **_PERIOD,
        "time_zone": Zone(),
        "kind": Text(longest=64),
        "status": Choice(among=TimeOffStatus),
        "notes": Text(longest=None),
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
"""What an empty value, or on adding a missing one, means where the column cannot be null."""

NEEDED: Final[Mapping[Kind, str]] = {Kind.BLOCKER: "title", Kind.TIME_OFF: "kind"}
"""The column that a new row must have, beside its period."""


def entry(
    kind: Kind,
    place: str,
    key: str,
    given: Mapping[str, Input],
    *,
    users: tuple[str, ...] | None = None,
    shared: bool = False,
    unread: Mapping[str, str] = NOTHING,
) -> Entry:
    """The row that has these values; None or an empty text clears its column. `unread` says why some of them
    could not be read.

    Raises `BadValue` with every reason: a value that cannot be, by its column, a column that the kind does not have, an
    incomplete period, a missing key.
    """
    reasons: list[str] = []
    values: dict[str, Value] = {}
    name = "username" if kind is Kind.USER else "reference"
    try:
        key = Text().checked(key)
    except BadValue as error:
        reasons.append(f"the {name} {error}")
    if not key:
        reasons.append(f"the {name} is missing")
    for column, value in given.items():
        if column in unread:
            reasons.append(f"{column} {unread[column]}")
            continue
        try:
            values[column] = _checked(kind, column, value)
        except BadValue as error:
            reasons += error.reasons
    needed = NEEDED.get(kind)
    if needed in values and values[needed] is None:
        reasons.append(f"the {needed} is empty")
    if not any(name in given and name not in values for name in PERIOD):
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


def _checked(kind: Kind, column: str, given: Input) -> Value:
    if column not in COLUMNS[kind]:
        raise BadValue(f"{column} is not a column of {a(kind.noun)}{did_you_mean(column, COLUMNS[kind])}")
    value = given.strip() if isinstance(given, str) else given
    if value is None or value == "":
        return EMPTY[kind].get(column)
    try:
        return COLUMNS[kind][column].checked(value)
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
        raise BadValue("end_date must be later than start_date; it is the day after the last one")
