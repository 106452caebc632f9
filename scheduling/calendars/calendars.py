# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendars of a user: their rows, whether they are behind the schedule, and their state as seen from
outside.

One statement answers everything a polling client asks of a calendar (RFC 6578 sync token, CTag, properties).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.utils import formatdate
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, or_, select, true

from scheduling import kinds
from scheduling.access.permissions import READS_ALL
from scheduling.ical.spans import Horizon
from scheduling.models import Calendar, ScheduleChange, User
from scheduling.settings.view import DayView, View

BUILT_IN = tuple(it for it in kinds.every() if not it.numbered)
"""The kinds of which each user has one calendar, if at all."""
BLOCKING = tuple(it.slug for it in kinds.every() if it.blocks)
"""The kinds of calendar whose events take time; others only show something."""
RESTRICTED = tuple(it.slug for it in kinds.every() if it.restricted)
"""Kinds and slugs of calendars that only those have who may read everybody's calendars."""

INBOX, OUTBOX = "inbox", "outbox"
MAILBOXES = (INBOX, OUTBOX)
"""The scheduling collections (RFC 6638, section 2) beside a user's calendars; only the owner sees them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A user as the owner of calendars. `reads_all` is only known where calendars are read."""

    user_id: int
    username: str
    display_name: str
    email: str | None
    time_zone: str
    reads_all: bool = False

    @property
    def name(self) -> str:
        """What people call the user."""
        return self.display_name or self.username


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarState:
    """One calendar at one moment. `moved_at` is when the history window last moved (epoch seconds, 0 where it
    never does); `behind` says that pending changes have to be worked off before it is read, `hidden` that neither
    calendar apps nor feeds are to see it.
    """

    id: int
    owner: Principal
    slug: str
    kind: str
    display_name: str
    color: str
    revision: int
    pruned_revision: int
    changed_at: int
    cutoff: date
    moved_at: int
    expanded: Horizon
    behind: bool
    hidden: bool = False

    @property
    def etag(self) -> str:
        """The collection's ETag and CTag: the sync token's state and what its properties show, hashed."""
        parts = (self.id, self.revision, self.cutoff, self.display_name, self.color, self.owner.time_zone)
        digest = blake2b("\x00".join(map(str, parts)).encode(), digest_size=16)
        return f'"{digest.hexdigest()}"'

    @property
    def last_modified(self) -> str:
        """HTTP-date of the last visible change, or of the moment the window last moved if that is later."""
        return formatdate(max(self.changed_at, self.moved_at), usegmt=True)


_PENDING = exists().where(ScheduleChange.user_id == Calendar.user_id, ScheduleChange.slug == Calendar.slug)
COLUMNS = (
    User.id.label("user_id"),
    User.username,
    User.display_name.label("user_name"),
    User.email,
    User.time_zone,
    Calendar.id,
    Calendar.slug,
    Calendar.kind,
    Calendar.display_name,
    Calendar.color,
    Calendar.revision,
    Calendar.pruned_revision,
    Calendar.view_epoch,
    Calendar.changed_at,
    Calendar.expanded_from,
    Calendar.expanded_until,
    Calendar.hidden,
    _PENDING.label("pending"),
)
"""The columns that `state_of` reads."""
SERVED = and_(User.active, User.calendar_access)
"""The users whose calendars are served."""
UNRESTRICTED = and_(true(), *(Calendar.slug != it for it in RESTRICTED))
"""The calendars that do not depend on a permission."""
PERMITTED = or_(UNRESTRICTED, READS_ALL)
"""The calendars that the user's role permits to have."""
WITH_ROLE = (*COLUMNS, READS_ALL.label("reads_all"))
_ALL: Select[*tuple[Any, ...]] = (
    select(*WITH_ROLE)
    .select_from(User)
    .outerjoin(Calendar, and_(Calendar.user_id == User.id, ~Calendar.hidden, PERMITTED))
    .where(User.username == bindparam("username"), SERVED)
    .order_by(Calendar.id)
)
_ONE: Select[*tuple[Any, ...]] = (
    select(*WITH_ROLE)
    .select_from(User)
    .outerjoin(
        Calendar,
        and_(Calendar.user_id == User.id, Calendar.slug == bindparam("slug"), ~Calendar.hidden, PERMITTED),
    )
    .where(User.username == bindparam("username"), SERVED)
)
_BY_USER: Select[*tuple[Any, ...]] = (
    select(*WITH_ROLE)
    .select_from(User)
    .outerjoin(Calendar, and_(Calendar.user_id == User.id, PERMITTED))
    .where(User.id == bindparam("user_id"), SERVED)
    .order_by(Calendar.id)
)
_PRINCIPAL_COLUMNS = (
    User.id.label("user_id"),
    User.username,
    User.display_name.label("user_name"),
    User.email,
    User.time_zone,
)
_PRINCIPAL = select(*_PRINCIPAL_COLUMNS).where(User.username == bindparam("username"), SERVED)
_PRINCIPALS = select(*_PRINCIPAL_COLUMNS).where(SERVED).order_by(User.username)


def find_principal(connection: Connection, username: str) -> Principal | None:
    """The active user with calendar access called `username`."""
    row = connection.execute(_PRINCIPAL, {"username": username}).first()
    return None if row is None else _principal(row)


def list_principals(connection: Connection) -> list[Principal]:
    """Every active user with calendar access, by username."""
    return [_principal(row) for row in connection.execute(_PRINCIPALS)]


def list_calendars(
    connection: Connection, username: str, view: View, today: date
) -> tuple[Principal, list[CalendarState], bool] | None:
    """The user, the calendars that are not hidden, and whether a built-in one is missing; None for no such user."""
    return all_of(connection.execute(_ALL, {"username": username}).all(), view.on(today))


def list_calendars_of(
    connection: Connection, user_id: int, view: View, today: date
) -> tuple[Principal, list[CalendarState], bool] | None:
    """As `list_calendars`, by user id and with the hidden ones."""
    return all_of(connection.execute(_BY_USER, {"user_id": user_id}).all(), view.on(today))


def find_calendar(
    connection: Connection, username: str, slug: str, view: View, today: date
) -> tuple[Principal, CalendarState | None] | None:
    """The user and the calendar, which is None where it does not exist (yet); None for no such user."""
    row = connection.execute(_ONE, {"username": username, "slug": slug}).first()
    if row is None:
        return None
    owner = _principal(row)
    hidden = row.id is None or not view.is_on(kinds.of(row.kind))
    return owner, None if hidden else _state(row, owner, view.on(today))


def built_in(owner: Principal, view: View) -> tuple[str, ...]:
    """The calendars that the user has whatever happens, in the order in which they are listed."""
    return tuple(it.slug for it in BUILT_IN if (owner.reads_all or not it.restricted) and view.is_on(it))


def state_of(row: Any, of_day: DayView) -> CalendarState:
    """The state in a row of `COLUMNS`."""
    return _state(row, _principal(row), of_day)


def all_of(rows: Sequence[Any], of_day: DayView) -> tuple[Principal, list[CalendarState], bool] | None:
    """As `list_calendars`, from a user's rows of `COLUMNS` and `reads_all`."""
    if not rows:
        return None
    owner = _principal(rows[0])
    order = {slug: position for position, slug in enumerate(built_in(owner, of_day.view))}
    states = [
        _state(row, owner, of_day)
        for row in rows
        if row.id is not None and (row.slug in order or kinds.of(row.kind).numbered)
    ]
    states.sort(key=lambda state: (order.get(state.slug, len(order)), state.id))
    return owner, states, not {state.slug for state in states}.issuperset(order)


def _principal(row: Any) -> Principal:
    return Principal(
        user_id=row.user_id,
        username=row.username,
        display_name=row.user_name,
        email=row.email,
        time_zone=row.time_zone,
        reads_all=bool(getattr(row, "reads_all", False)),
    )


def _state(row: Any, owner: Principal, of_day: DayView) -> CalendarState:
    view = of_day.view
    behind = row.pending or (row.view_epoch, row.expanded_from, row.expanded_until) != of_day.extent
    kind = kinds.of(row.kind)
    name = row.display_name if kind.numbered else view.name_of(kind)
    shown = view.calendars.calendar_name.render({"calendar": name, "user": owner.name})
    return CalendarState(
        id=row.id,
        owner=owner,
        slug=row.slug,
        kind=row.kind,
        display_name=shown,
        color=row.color or kind.color if kind.numbered else view.color_of(kind),
        revision=row.revision,
        pruned_revision=row.pruned_revision,
        changed_at=row.changed_at,
        cutoff=of_day.cutoff,
        moved_at=of_day.moved_at,
        expanded=Horizon(start=row.expanded_from, end=row.expanded_until),
        behind=bool(behind),
        hidden=bool(row.hidden),
    )


def behind(connection: Connection, view: View, today: date, limit: int) -> list[tuple[int, str]]:
    """Up to `limit` calendars (user id, slug) that exist and are behind the schedule; none of users that are gone."""
    horizon = view.horizon(today)
    statement = (
        select(Calendar.user_id, Calendar.slug)
        .join(User, User.id == Calendar.user_id)
        .where(
            or_(
                _PENDING,
                Calendar.view_epoch != view.epoch,
                Calendar.expanded_from != horizon.start,
                Calendar.expanded_until != horizon.end,
            )
        )
        .limit(limit)
    )
    return [(user_id, slug) for user_id, slug in connection.execute(statement)]
