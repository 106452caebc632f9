# SPDX-License-Identifier: GPL-3.0-or-later
"""People and the calendars that take their time, of any number of people in a fixed number of statements.

Unlike `calendars.py` this is not about what is served: whoever is active has an availability, with calendar access or
without, and what left the history window was busy all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, select

from scheduling import kinds
from scheduling.calendars.calendars import BLOCKING, BUILT_IN
from scheduling.errors import NotFound
from scheduling.ical.spans import Horizon
from scheduling.kinds import EXTERNAL
from scheduling.models import Calendar, ScheduleChange, Subscription, UnrenderedSource, User
from scheduling.settings.view import View
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import unread
from scheduling.subscriptions.record import slug_of
from scheduling.subscriptions.unread import Gap


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One calendar of a user as a source of busy time. `calendar_id` is None where it does not exist (yet).

    `subscription_id` is set while the calendar is fetched from elsewhere; `read_at` is then the epoch second of the
    last success, None before the first. `unreadable` counts entries that are left out because they cannot be rendered,
    `gaps` is the time about which the calendar was not understood, `left_out` says of the first of the `unreadable`
    rows which they are, and why.
    """

    user_id: int
    calendar_id: int | None
    slug: str
    kind: str
    label: str
    expanded: Horizon
    behind: bool
    unreadable: int = 0
    subscription_id: int | None = None
    status: str | None = None
    read_at: int | None = None
    gaps: tuple[Gap, ...] = ()
    left_out: tuple[str, ...] = ()

    def as_of(self, now: int) -> int | None:
        """The moment (epoch seconds) as of which its busy times are known; None if they never were."""
        return now if self.subscription_id is None else self.read_at

    def is_stale(self, now: int, max_staleness: int) -> bool:
        """Whether an outside calendar was not read successfully within `max_staleness` seconds."""
        if self.subscription_id is None:
            return False
        return self.read_at is None or now - self.read_at > max_staleness

    def is_known(self, now: int, max_staleness: int) -> bool:
        """Whether all time in which it shows nothing can be called free."""
        return not (self.unreadable or self.gaps or self.is_stale(now, max_staleness))

    def unknown(self, start: int, end: int, now: int, max_staleness: int) -> list[tuple[int, int]]:
        """The parts of [start, end) in which nothing that it does not show can be called free."""
        if self.unreadable or self.is_stale(now, max_staleness):
            return [(start, end)]
        return [part for gap in self.gaps if (part := gap.within(start, end))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """An active user and everything that takes his time. `incomplete` says that a built-in calendar is missing."""

    id: int
    username: str
    time_zone: str
    sources: tuple[Source, ...] = field(repr=False)
    incomplete: bool

    @property
    def behind(self) -> list[tuple[int, str]]:
        """The calendars (user id, slug) that have changes to be worked off."""
        return [(self.id, it.slug) for it in self.sources if it.behind]


_NEEDED = tuple(it for it in BUILT_IN if it.blocks)
_PENDING = exists().where(ScheduleChange.user_id == Calendar.user_id, ScheduleChange.slug == Calendar.slug)
_UNREADABLE = (
    select(func.count())
    .select_from(UnrenderedSource)
    .where(UnrenderedSource.calendar_id == Calendar.id)
    .scalar_subquery()
)
_CALENDARS = (
    select(
        User.id.label("user_id"),
        User.username,
        User.time_zone,
        Calendar.id,
        Calendar.slug,
        Calendar.kind,
        Calendar.display_name,
        Calendar.view_epoch,
        Calendar.expanded_from,
        Calendar.expanded_until,
        _PENDING.label("pending"),
        _UNREADABLE.label("unreadable"),
    )
    .select_from(User)
    .outerjoin(Calendar, and_(Calendar.user_id == User.id, Calendar.kind.in_(BLOCKING)))
    .where(User.active)
    .order_by(User.id, Calendar.id)
)
_NAMED = _CALENDARS.where(User.username.in_(bindparam("names", expanding=True)))
MOST_NAMED = 5
"""Unreadable rows of a calendar that are named."""
_LEFT_OUT = (
    select(UnrenderedSource.calendar_id, UnrenderedSource.source_id, UnrenderedSource.reason)
    .where(UnrenderedSource.calendar_id.in_(bindparam("ids", expanding=True)))
    .order_by(UnrenderedSource.calendar_id, UnrenderedSource.source_id)
    .limit(1000)
)
_SUBSCRIPTIONS = select(
    Subscription.id,
    Subscription.user_id,
    Subscription.label,
    Subscription.status,
    Subscription.last_success_at,
    Subscription.unread,
    Subscription.busy,
    Subscription.detached_at,
).where(Subscription.user_id.in_(bindparam("ids", expanding=True)))


def caught_up(snapshot: Snapshot, usernames: Sequence[str]) -> list[Person]:
    """These active users with their calendars, caught up, whether calendars are served or not. Raises `NotFound`."""

    def read(
        connection: Connection, view: View, day: date
    ) -> tuple[list[Person], Sequence[int], Sequence[tuple[int, str]]]:
        found = load(connection, usernames, view, day)
        return found, [it.id for it in found if it.incomplete], [late for it in found for late in it.behind]

    return snapshot.caught_up(read)


def load(connection: Connection, usernames: Sequence[str], view: View, today: date) -> list[Person]:
    """The active users called `usernames`, each once and in that order. Two statements, three where
    rows cannot be read. Raises `NotFound`.
    """
    wanted = list(dict.fromkeys(usernames))
    found = _people(connection, connection.execute(_NAMED, {"names": wanted}).all(), view, today)
    by_name = {person.username: person for person in found}
    for name in wanted:
        if name not in by_name:
            raise NotFound(f'There is no active user "{name}".')
    return [by_name[name] for name in wanted]


def _people(
    connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], view: View, today: date
) -> list[Person]:
    grouped: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        grouped.setdefault(row.user_id, []).append(row)
    fetched: dict[int, dict[str, Row[*tuple[Any, ...]]]] = {}
    for row in connection.execute(_SUBSCRIPTIONS, {"ids": list(grouped)}):
        fetched.setdefault(row.user_id, {})[slug_of(row.id)] = row
    horizon = view.horizon(today)
    broken = [row.id for row in rows if row.unreadable]
    left_out: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in connection.execute(_LEFT_OUT, {"ids": broken}) if broken else ():
        left_out.setdefault(row.calendar_id, []).append(row)
    return [
        _person(own, fetched.get(user_id, {}), left_out, view, horizon) for user_id, own in grouped.items()
    ]


def _person(
    rows: Sequence[Row[*tuple[Any, ...]]],
    fetched: Mapping[str, Row[*tuple[Any, ...]]],
    left_out: Mapping[int, Sequence[Row[*tuple[Any, ...]]]],
    view: View,
    horizon: Horizon,
) -> Person:
    first = rows[0]
    sources = [
        _source(row, fetched.get(row.slug), left_out.get(row.id, ()), view, horizon)
        for row in rows
        if row.id is not None and view.is_on(kinds.of(row.kind))
    ]
    there = {it.slug for it in sources}
    # A subscription whose calendar is not there yet: nothing of it is known.
    sources += [
        _not_there(row, slug)
        for slug, row in fetched.items()
        if slug not in there and row.detached_at is None
    ]
    return Person(
        id=first.user_id,
        username=first.username,
        time_zone=first.time_zone,
        sources=tuple(sources),
        incomplete=not there.issuperset(it.slug for it in _NEEDED if view.is_on(it)),
    )


def _source(
    row: Row[*tuple[Any, ...]],
    fetched: Row[*tuple[Any, ...]] | None,
    left_out: Sequence[Row[*tuple[Any, ...]]],
    view: View,
    horizon: Horizon,
) -> Source:
    kind = kinds.of(row.kind)
    word = (kind.event or kind.slug).capitalize()
    return Source(
        user_id=row.user_id,
        calendar_id=row.id,
        slug=row.slug,
        kind=row.kind,
        label=row.display_name or row.slug if kind.numbered else view.name_of(kind),
        expanded=Horizon(start=row.expanded_from, end=row.expanded_until),
        behind=bool(
            row.pending
            or row.view_epoch != view.epoch
            or (row.expanded_from, row.expanded_until) != (horizon.start, horizon.end)
        ),
        unreadable=row.unreadable,
        left_out=tuple(
            f"{word} {it.source_id} of {row.username} cannot be read: {it.reason.rstrip('.')}."
            for it in left_out[:MOST_NAMED]
        ),
        **_fetching(fetched),
    )


def _not_there(fetched: Row[*tuple[Any, ...]], slug: str) -> Source:
    return Source(
        user_id=fetched.user_id,
        calendar_id=None,
        slug=slug,
        kind=EXTERNAL.slug,
        label=fetched.label,
        expanded=Horizon(start=0, end=0),
        behind=False,
        subscription_id=fetched.id,
        status=fetched.status,
    )


def _fetching(row: Row[*tuple[Any, ...]] | None) -> dict[str, Any]:
    if row is None:
        return {}
    gaps = unread.loads(row.unread, everything_blocks=row.busy == "all")
    if row.detached_at is not None:
        return {"gaps": gaps}
    read: datetime | None = row.last_success_at
    return {
        "subscription_id": row.id,
        "status": row.status,
        "read_at": None if read is None else int(read.timestamp()),
        "gaps": gaps,
    }
