# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still to be compared with a user's other events. Plain inserts in the transaction that changed something,
which neither wait for others nor make them wait; whoever comes first works them off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
)

from scheduling import kinds
from scheduling.calendars.followers import Change, UserGone
from scheduling.database.steps import ROWS
from scheduling.kinds import CONFLICTS, JOBS
from scheduling.models import Calendar, CalendarObject, Conflict, ConflictCheck, ScheduleChange, User

LEEWAY = 86_400
"""Seconds after its end for which an event can still be in somebody's way: the longest buffer around a job."""
_C = Conflict
_UNRESOLVED = _C.status != "resolved"
_MARK = insert(ConflictCheck).from_select
_TOUCH = insert(ScheduleChange).from_select(
    ["user_id", "slug", "source_id", "changed_at"],
    select(Calendar.user_id, Calendar.slug, _C.id, bindparam("moment", type_=BigInteger))
    .join_from(Calendar, _C, _C.id.in_(bindparam("ids", expanding=True)))
    .where(Calendar.slug == CONFLICTS.slug),
)
_PAGE = 2 * ROWS
_JOBS = (
    select(CalendarObject.name)
    .join(Calendar, Calendar.id == CalendarObject.calendar_id)
    .where(
        Calendar.user_id == bindparam("user"),
        Calendar.slug == JOBS.slug,
        ~CalendarObject.deleted,
        CalendarObject.ends_at > bindparam("over"),
        CalendarObject.name > bindparam("after"),
    )
    .order_by(CalendarObject.name)
    .limit(_PAGE)
)
_WAITING = select(ConflictCheck.user_id).distinct().limit(bindparam("some"))


def follow(connection: Connection, change: Change | UserGone) -> None:
    """Have compared what changed in a calendar, but for what is long over (`scheduling.calendars.followers`)."""
    if isinstance(change, UserGone):
        mark(connection, change.user_id, JOBS.slug, [""])  # the user is looked at, whose conflicts all end
        return
    if change.everything and change.kind == JOBS.slug:  # the user may be called something else
        touch_user(connection, change.user_id, change.now)
    if change.view.conflicts.enabled and kinds.of(change.kind).blocks:
        recent = {
            name
            for names in (change.shown, change.removed)
            for name, ends_at in names.items()
            if ends_at > change.now - LEEWAY
        }
        mark(connection, change.user_id, change.slug, sorted(recent))


def mark(connection: Connection, user_id: int, slug: str, names: Iterable[str]) -> None:
    """Have objects of one calendar compared with the user's other events."""
    rows = [{"user_id": user_id, "slug": slug, "name": name} for name in names]
    if rows:
        connection.execute(insert(ConflictCheck), rows)


def mark_calendar(connection: Connection, user_id: int, slug: str) -> None:
    """Have everything looked at again that is in conflict with an event of a calendar, which may be gone."""
    found = select(_C.user_id, _C.other_slug, _C.other_name).where(
        _UNRESOLVED, _C.user_id == user_id, _C.other_slug == slug
    )
    connection.execute(_MARK(["user_id", "slug", "name"], found))


def mark_page(connection: Connection, user_id: int, now: int, after: str) -> str | None:
    """Have some of a user's jobs that are not long over looked at again, those whose names come after one; returns the
    last, None where there are no more. Before the first ("") come all jobs that are in conflict.
    """
    if not after:
        known = select(_C.user_id, literal(JOBS.slug), _C.job_name).where(_UNRESOLVED, _C.user_id == user_id)
        connection.execute(_MARK(["user_id", "slug", "name"], known.distinct()))
    names = connection.scalars(_JOBS, {"user": user_id, "over": now - LEEWAY, "after": after}).all()
    mark(connection, user_id, JOBS.slug, names)
    return names[-1] if len(names) == _PAGE else None


def mark_over(connection: Connection, now: int) -> int:
    """Have conflicts looked at whose first overlap is over; returns how many."""
    over = select(_C.user_id, literal(JOBS.slug), _C.job_name).where(*_over(now))
    return connection.execute(_MARK(["user_id", "slug", "name"], over.distinct())).rowcount


def is_any_over(connection: Connection, now: int) -> bool:
    """Whether `mark_over` would find something; takes no lock."""
    return connection.scalar(select(_C.id).where(*_over(now)).limit(1)) is not None


def mark_orphans(connection: Connection) -> None:
    """Have conflicts looked at whose user or other calendar is gone."""
    gone = or_(
        ~exists().where(User.id == _C.user_id),
        ~exists().where(Calendar.user_id == _C.user_id, Calendar.slug == _C.other_slug),
    )
    found = select(_C.user_id, _C.other_slug, _C.other_name).where(_UNRESOLVED, gone)
    connection.execute(_MARK(["user_id", "slug", "name"], found))


def waiting(connection: Connection, limit: int) -> list[int]:
    """Up to `limit` users who have something to be compared."""
    return list(connection.scalars(_WAITING, {"some": limit}))


def waits(connection: Connection, user_id: int) -> bool:
    """Whether this user has."""
    found = select(ConflictCheck.user_id).where(ConflictCheck.user_id == user_id).limit(1)
    return connection.scalar(found) is not None


def peek(connection: Connection, user_id: int, limit: int) -> list[tuple[str, str]]:
    """At most `limit` of a user's, each once: calendar and name."""
    some = select(ConflictCheck.slug, ConflictCheck.name).where(ConflictCheck.user_id == user_id)
    return [(slug, name) for slug, name in connection.execute(some.distinct().limit(limit))]


def done(connection: Connection, user_id: int, changed: Mapping[str, Collection[str]]) -> None:
    """Forget objects (names by calendar) that were compared as they are now."""
    for slug, names in changed.items():
        of_calendar = (ConflictCheck.user_id == user_id) & (ConflictCheck.slug == slug)
        connection.execute(delete(ConflictCheck).where(of_calendar, ConflictCheck.name.in_(names)))


def clear(connection: Connection, user_id: int) -> None:
    """Forget everything that waits for a user."""
    connection.execute(delete(ConflictCheck).where(ConflictCheck.user_id == user_id))


def touch(connection: Connection, ids: Collection[int], now: int) -> None:
    """Have conflicts rendered anew in everybody's calendar of conflicts."""
    if ids:
        connection.execute(_TOUCH, {"ids": list(ids), "moment": now})


def touch_user(connection: Connection, user_id: int, now: int) -> None:
    """Have a user's conflicts rendered anew, for example because the user is called something else."""
    touch(connection, connection.scalars(select(_C.id).where(_UNRESOLVED, _C.user_id == user_id)).all(), now)


def _over(now: int) -> tuple[ColumnElement[bool], ...]:
    """Conflicts whose first overlap is over."""
    return _C.status.in_(("open", "acknowledged")), _C.ends_at <= now
