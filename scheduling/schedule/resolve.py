# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry in the light of what is stored: usernames become ids, local times become instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.ical.timezones import is_zone, to_epoch
from scheduling.schedule.columns import NEEDED, PERIOD
from scheduling.schedule.entries import BadValue, Entry, Kind, UnknownUser
from scheduling.sentences import a


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user whom an entry or a stored row names."""

    id: int
    username: str
    time_zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The columns of the row with the entry's reference, and whose it is: one user, of a job any number."""

    row: Mapping[str, Any]
    people: Sequence[Person]

    @property
    def id(self) -> int:
        """The row's id."""
        return int(self.row["id"])

    @property
    def users(self) -> set[int]:
        """The ids of its users."""
        return {one.id for one in self.people}


def resolved(
    entry: Entry, people: Mapping[str, Person], known: Stored | None
) -> tuple[dict[str, Any], set[int] | None]:
    """The columns to store, and for a job its users' ids, None where they stay. Raises `BadValue`."""
    named = [_person(name, people) for name in entry.users or ()]
    values: dict[str, Any] = dict(entry.values)
    wanted: set[int] | None = None
    if entry.kind is Kind.JOB:
        if entry.users is not None:
            wanted = {one.id for one in named} | (known.users if known and entry.shared else set())
    else:
        owner = _owner(entry, named, known)
        values["user_id"] = owner.id
        if entry.kind is Kind.BLOCKER:
            _check_clock(entry, owner, known)
    if known is None:
        _check_complete(entry)
    zone = entry.time_zone or _default_zone(entry, named, known)
    for name in ("starts_at", "ends_at"):
        if isinstance(values.get(name), datetime):
            values[name] = _instant(values[name], zone)
    if values.get("starts_at") is not None and values["ends_at"] < values["starts_at"]:
        raise BadValue("ends_at is before starts_at")
    return values, wanted


def differences(values: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `values` that the stored row has otherwise."""
    return {name: value for name, value in values.items() if row[name] != value}


def _person(name: str, people: Mapping[str, Person]) -> Person:
    if name not in people:
        raise UnknownUser(f'there is no user "{name[:60]}"')
    return people[name]


def _owner(entry: Entry, named: Sequence[Person], known: Stored | None) -> Person:
    if len(named) > 1 or (entry.users is not None and not named):
        raise BadValue(f"{a(entry.kind.noun)} has exactly one user")
    if not named:
        if known is None:
            raise BadValue(f"a new {entry.kind.noun} needs a user")
        return known.people[0]
    if entry.shared and known is not None and known.people[0] != named[0]:
        raise BadValue(f'"{entry.key}" is {a(entry.kind.noun)} of {known.people[0].username} already')
    return named[0]


def _check_complete(entry: Entry) -> None:
    needed = NEEDED.get(entry.kind)
    if needed is not None and needed not in entry.values:
        raise BadValue(f"a new {entry.kind.noun} needs {a(needed)}")
    if not any(name in entry.values for name in PERIOD):
        raise BadValue(f"a new {entry.kind.noun} needs starts_at and ends_at, or start_date and end_date")


def _check_clock(entry: Entry, owner: Person, known: Stored | None) -> None:
    """A blocker is repeated by its user's clock, so a series by another clock cannot be kept as it is."""
    start = entry.values.get("starts_at")
    recurring = any(
        entry.values.get(name, None if known is None else known.row[name]) for name in ("rrule", "rdate")
    )
    if not recurring or entry.time_zone is None or not isinstance(start, datetime):
        return
    if not is_zone(owner.time_zone) or not _same_clock(entry.time_zone, owner.time_zone, start.year):
        raise BadValue(
            f"it recurs in the time zone {entry.time_zone}, but blockers recur in the time zone of their "
            f"user: {owner.username} is in {owner.time_zone}"
        )


@lru_cache(maxsize=256)
def _same_clock(one: str, other: str, year: int) -> bool:
    """Whether two zones have the same offset on every day of a few years."""
    first = datetime(max(year, 2), 1, 1, 12, tzinfo=UTC)
    moments = (first + timedelta(days=day) for day in range(3 * 366))
    zones = ZoneInfo(one), ZoneInfo(other)
    return one == other or all(
        moment.astimezone(zones[0]).utcoffset() == moment.astimezone(zones[1]).utcoffset()
        for moment in moments
    )


def _default_zone(entry: Entry, named: Sequence[Person], known: Stored | None) -> str | None:
    if named:
        return named[0].time_zone
    if known is None:
        return None
    if entry.kind is Kind.JOB and known.row["time_zone"]:
        return str(known.row["time_zone"])
    return known.people[0].time_zone if known.people else None


def _instant(moment: datetime, zone: str | None) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None or not is_zone(zone):
        raise BadValue("its times are local: give a time_zone, a user, or times that end in Z")
    return datetime.fromtimestamp(to_epoch(moment, zone), UTC)
