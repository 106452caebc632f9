# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up: working a calendar's pending changes off into objects and revisions, in steps. Each is one short write
transaction of at most `STEP` changes, and leaves a state that can be served.

The calendar's row is locked first, so revisions are given out in the order in which they become visible and
no change is ever skipped: an outbox row that commits later is simply taken the next time. Only what really
looks different gets a new revision; what is gone or no longer visible becomes a tombstone (RFC 6578, section
3.5.2).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete

from scheduling import kinds
from scheduling.access.permissions import READS_ALL
from scheduling.calendars.calendars import BUILT_IN
from scheduling.calendars.changeset import STORED_COLUMNS, Changeset, StoredRow
from scheduling.calendars.followers import Change, Followers, UserGone
from scheduling.calendars.spread import PENDING, Spread, spread
from scheduling.database.connection import Database
from scheduling.database.dialects import insert_into, row_number
from scheduling.database.steps import Steps
from scheduling.errors import StillCatchingUp
from scheduling.ical.spans import Horizon
from scheduling.kinds import rendering
from scheduling.kinds.kind import Kind, Owner
from scheduling.kinds.rendered import Rendered
from scheduling.models import (
    Calendar,
    CalendarObject,
    CalendarRevision,
    Feed,
    Instance,
    ScheduleChange,
    UnrenderedSource,
    User,
)
from scheduling.sentences import counted
from scheduling.settings.view import View, today

logger = logging.getLogger(__name__)

_CALENDAR = (
    select(Calendar)
    .where(Calendar.user_id == bindparam("user"), Calendar.slug == bindparam("slug"))
    .with_for_update()
)
STEP = 100
"""Changes that one transaction works off at most, so that no writer waits long for it."""
_OWNER = (
    select(User.display_name, User.username, User.time_zone, Instance.name)
    .join(Instance, Instance.id == 1)
    .where(User.id == bindparam("user"))
)
_LATEST = union_all(
    select(Calendar.changed_at).where(Calendar.user_id == bindparam("user")),
    select(Feed.changed_at).where(Feed.user_id == bindparam("user")),
)
_OF_CALENDAR = CalendarObject.calendar_id == bindparam("calendar")
_BY_SOURCE = select(*STORED_COLUMNS).where(
    _OF_CALENDAR, CalendarObject.source_id.in_(bindparam("ids", expanding=True))
)
_BY_NAME = select(*STORED_COLUMNS).where(
    _OF_CALENDAR, CalendarObject.name.in_(bindparam("names", expanding=True))
)


def ensure_calendars(connection: Connection, user_id: int, now: int | None = None) -> None:
    """Create the user's built-in calendars where they are missing; they start behind and empty. Restricted ones
    are for those whose role permits reading everybody's calendars.
    """
    now = int(time.time()) if now is None else now
    reads_all = connection.scalar(select(User.id).where(User.id == user_id, READS_ALL)) is not None
    for kind in BUILT_IN:
        if reads_all or not kind.restricted:
            create_calendar(connection, user_id=user_id, slug=kind.slug, kind=kind.slug, now=now)


def create_calendar(
    connection: Connection, *, user_id: int, slug: str, kind: str, now: int, display_name: str | None = None
) -> None:
    """Create one calendar unless it exists. Its first revision is already a genuine one."""
    revision = now * 1000
    statement = insert_into(connection, Calendar).values(
        user_id=user_id,
        slug=slug,
        kind=kind,
        display_name=display_name,
        revision=revision,
        pruned_revision=revision,
        view_epoch="",
        changed_at=0,
        expanded_from=0,
        expanded_until=0,
    )
    created = connection.execute(
        statement.on_conflict_do_nothing(index_elements=["user_id", "slug"]).returning(Calendar.id)
    ).scalar()
    if created is not None:
        connection.execute(
            insert(CalendarRevision).values(calendar_id=created, first=revision, last=revision, issued_at=now)
        )


def catch_up(
    connection: Connection,
    user_id: int,
    slug: str,
    view: View,
    now: int | None = None,
    *,
    followers: Followers,
) -> int:
    """Bring one calendar wholly up to date in the caller's transaction (`Database.write()`), and tell the followers;
    returns how many objects got a new revision.
    """
    total = 0
    while True:
        changed, more = catch_up_step(connection, user_id, slug, view, now, followers=followers)
        total += changed
        if not more:
            return total


def catch_up_in_steps(
    database: Database,
    user_id: int,
    slug: str,
    view: View,
    now: int | None = None,
    *,
    patience: float | None = None,
    followers: Followers,
) -> int:
    """As `catch_up`, each step in a transaction of its own, so that no writer waits long. After `patience` seconds no
    further step begins. Raises `StillCatchingUp` then, and `DatabaseUnavailable`.
    """
    total, more, steps = 0, True, Steps(database)
    until = None if patience is None else time.monotonic() + patience
    while more:
        with steps.write() as connection:
            changed, more = catch_up_step(connection, user_id, slug, view, now, followers=followers)
        total += changed
        if more and until is not None and time.monotonic() >= until:
            raise StillCatchingUp
    return total


def catch_up_step(
    connection: Connection,
    user_id: int,
    slug: str,
    view: View,
    now: int | None = None,
    *,
    followers: Followers,
) -> tuple[int, bool]:
    """Work off at most `STEP` changes of one calendar; returns how many objects got a new revision and
    whether there is more to do. Nothing is done, and nothing lost, while the calendar's rows are being changed in
    several steps (`Kind.held`). Inside `Database.write()`.
    """
    now = int(time.time()) if now is None else now
    calendar = connection.execute(_CALENDAR, {"user": user_id, "slug": slug}).first()
    owner = _owner(connection, user_id)
    if calendar is None or owner is None:
        connection.execute(delete(ScheduleChange).where(*PENDING), {"user": user_id, "slug": slug})
        if owner is None:
            followers.tell(connection, UserGone(user_id=user_id, now=now))
        return 0, False
    kind = kinds.of(calendar.kind)
    if kind.held is not None and connection.scalar(kind.held, {"number": kind.number_of(slug)}) is not None:
        return 0, False
    horizon = view.horizon(today(now))
    standing = spread(connection, calendar, view, horizon, now)
    # A page that is made pending is a step of its own, unless it is the last.
    some = STEP if standing.is_done else 0
    pending = connection.execute(_take(connection), {"user": user_id, "slug": slug, "step": some}).all()
    changed = _changed(pending, now)
    of_their_own = {row.source_id for row in pending if not row.spread}
    changeset = Changeset(
        calendar_id=calendar.id, first=max(calendar.revision + 1, now * 1000), now=now, changed=changed
    )
    if changed:
        ids = sorted(changed)
        rendered = _render(connection, changeset, kind, owner, ids, view, horizon)
        _compare(
            connection,
            changeset,
            ids,
            rendered,
            partial(_cancelled, connection, kind, owner, view=view, horizon=horizon),
        )
        changeset.store(connection, ids)
    _finish(connection, changeset, calendar, standing)
    followers.tell(
        connection,
        Change(
            user_id=user_id,
            slug=slug,
            kind=calendar.kind,
            view=view,
            now=now,
            shown=changeset.shown,
            removed=changeset.removed,
            # What only looks different because of a setting has not changed.
            sources={source: it for source, it in changeset.extents.items() if source in of_their_own},
            everything=standing.everything,
        ),
    )
    return changeset.count, len(pending) == STEP or not standing.is_done


def count_left_out(connection: Connection) -> int:
    """How many source rows are left out of calendars because they cannot be rendered."""
    return connection.scalar(select(func.count()).select_from(UnrenderedSource)) or 0


def _owner(connection: Connection, user_id: int) -> Owner | None:
    row = connection.execute(_OWNER, {"user": user_id}).first()
    if row is None:
        return None
    return Owner(
        user_id=user_id,
        display_name=row.display_name or row.username,
        time_zone=row.time_zone,
        instance=row.name,
    )


def _changed(pending: Iterable[Row[*tuple[Any, ...]]], now: int) -> dict[int, int]:
    changed: dict[int, int] = {}
    for row in pending:
        if row.source_id is not None:
            changed[row.source_id] = max(changed.get(row.source_id, 0), min(row.changed_at, now))
    return changed


def _take(connection: Connection) -> ReturningDelete[*tuple[Any, ...]]:
    """A DELETE that takes at most `:step` pending changes; both databases number their rows."""
    number = row_number(connection)
    some = select(number).select_from(ScheduleChange).where(*PENDING).limit(bindparam("step"))
    return (
        delete(ScheduleChange)
        .where(number.in_(some))
        .returning(ScheduleChange.source_id, ScheduleChange.changed_at, ScheduleChange.spread)
    )


def _render(
    connection: Connection,
    changeset: Changeset,
    kind: Kind,
    owner: Owner,
    ids: list[int],
    view: View,
    horizon: Horizon,
) -> list[Rendered]:
    rendered: list[Rendered] = []
    for result in rendering.render(connection, kind, owner, ids, view, horizon):
        if isinstance(result, rendering.LeftOut):
            changeset.leave_out(result.source_id, result.reason)
        else:
            rendered.append(result)
    return sorted(rendered, key=lambda it: it.source_id)


def _cancelled(
    connection: Connection,
    kind: Kind,
    owner: Owner,
    ids: list[int],
    *,
    view: View,
    horizon: Horizon,
) -> dict[str, Rendered]:
    """Those of the sources that were cancelled, by name: feeds may go on showing them for a while."""
    if kind.cancelled is None:
        return {}
    results = rendering.render(connection, kind, owner, ids, view.with_cancelled(), horizon)
    return {it.name: it for it in results if isinstance(it, Rendered) and it.status == "CANCELLED"}


def _compare(
    connection: Connection,
    changeset: Changeset,
    ids: list[int],
    rendered: list[Rendered],
    farewell: Callable[[list[int]], dict[str, Rendered]],
) -> None:
    """By name, since an imported event that went and came back is another source of the same object. `farewell` says
    how those of some sources look that were cancelled.
    """
    key = {"calendar": changeset.calendar_id}
    of_sources = connection.execute(_BY_SOURCE, {**key, "ids": ids}).all()
    known: dict[str, StoredRow] = {row.name: row for row in of_sources}
    others = [it.name for it in rendered if it.name not in known]
    if others:
        known |= {row.name: row for row in connection.execute(_BY_NAME, {**key, "names": others})}
    for it in rendered:
        changeset.show(it, known.get(it.name))
    shown = {it.name for it in rendered}
    gone = [row for row in of_sources if not row.deleted and row.name not in shown]
    farewells = farewell([row.source_id for row in gone]) if gone else {}
    for row in gone:
        changeset.bury(row, farewells.get(row.name))


def _finish(
    connection: Connection,
    changeset: Changeset,
    calendar: Row[*tuple[Any, ...]],
    standing: Spread,
) -> None:
    values: dict[str, Any] = {
        "view_epoch": standing.view_epoch,
        "spread_epoch": standing.epoch,
        "spread_after": standing.after,
        "expanded_from": standing.expanded.start,
        "expanded_until": standing.expanded.end,
    }
    if changeset.count:
        values["revision"] = changeset.last
        values["changed_at"] = max(changeset.newest, _latest(connection, calendar.user_id) + 1)
        issued = {"first": changeset.first, "last": changeset.last, "issued_at": changeset.now}
        connection.execute(insert(CalendarRevision).values(calendar_id=calendar.id, **issued))
        logger.debug("caught up calendar %d: %s changed", calendar.id, counted(changeset.count, "object"))
    connection.execute(update(Calendar).where(Calendar.id == calendar.id).values(**values))


def _latest(connection: Connection, user_id: int) -> int:
    """When something of the user's last changed. A feed shows several calendars at once, and its Last-Modified has to
    rise with every change, two within a second included.
    """
    return max(connection.execute(_LATEST, {"user": user_id}).scalars(), default=0)
