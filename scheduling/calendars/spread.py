# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning "everything of this calendar has changed" into one pending change for each of its sources, page by page.

So a large calendar is rendered anew in steps like any other change, and no step holds the write lock for long. A
calendar that is being spread has no view epoch, so it counts as behind until the last page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, union

from scheduling.ical.spans import RECURRING, Horizon
from scheduling.kinds import registry as kinds
from scheduling.models import CalendarObject, ScheduleChange, UnrenderedSource
from scheduling.settings.view import View

PAGE = 500
"""Sources that one step makes pending at most."""

PENDING = (ScheduleChange.user_id == bindparam("user"), ScheduleChange.slug == bindparam("slug"))
_OF_ALL = select(func.max(ScheduleChange.changed_at)).where(*PENDING, ScheduleChange.source_id.is_(None))
_DROP_OF_ALL = delete(ScheduleChange).where(*PENDING, ScheduleChange.source_id.is_(None))
_ALREADY = (
    select(ScheduleChange.source_id)
    .where(*PENDING, ScheduleChange.source_id.between(bindparam("first"), bindparam("last")))
    .distinct()
)
_LIVE = select(CalendarObject.source_id.label("id")).where(
    CalendarObject.calendar_id == bindparam("calendar"), ~CalendarObject.deleted
)
_SOME_LIVE = (
    _LIVE.where(CalendarObject.source_id > bindparam("after")).order_by(CalendarObject.source_id).limit(PAGE)
)
_RECURRING = (
    _LIVE.where(CalendarObject.span == RECURRING, CalendarObject.source_id > bindparam("after"))
    .distinct()
    .order_by(CalendarObject.source_id)
    .limit(PAGE)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Where spreading a calendar stands after a step. `is_done`: nothing is left to be made pending. `everything`: the
    schedule had said that everything changed. The others are stored with the calendar: by which settings it is rendered
    and for which horizon expanded, `epoch` for which settings or horizon it is spread, and `after` which source it
    goes on.
    """

    is_done: bool
    view_epoch: str
    expanded: Horizon
    everything: bool = False
    epoch: str = ""
    after: int = 0


def spread(
    connection: Connection, calendar: Row[*tuple[Any, ...]], view: View, horizon: Horizon, now: int
) -> Spread:
    """Make at most `PAGE` sources of a calendar pending if everything has changed, or of those that recur if only the
    horizon has moved. Under the calendar's lock.
    """
    key = {"user": calendar.user_id, "slug": calendar.slug}
    of_all: int | None = connection.scalar(_OF_ALL, key)
    if of_all is None and calendar.view_epoch == view.epoch:
        return _to_horizon(connection, calendar, view, horizon, now)
    goes_on = of_all is None and calendar.spread_epoch == view.epoch
    if not goes_on:
        connection.execute(_DROP_OF_ALL, key)
        connection.execute(delete(UnrenderedSource).where(UnrenderedSource.calendar_id == calendar.id))
    page = _page(connection, calendar, calendar.spread_after if goes_on else -1)
    moment = now if of_all is None or calendar.view_epoch != view.epoch else min(of_all, now)
    _make_pending(connection, key, page, moment)
    everything = of_all is not None
    if len(page) < PAGE:
        return Spread(is_done=True, view_epoch=view.epoch, expanded=horizon, everything=everything)
    return Spread(
        is_done=False,
        view_epoch="",
        expanded=horizon,
        everything=everything,
        epoch=view.epoch,
        after=page[-1],
    )


def _to_horizon(
    connection: Connection, calendar: Row[*tuple[Any, ...]], view: View, horizon: Horizon, now: int
) -> Spread:
    """While only some are expanded for the new horizon, what it has in common with the one before is expanded for all.
    Each page is pending before the one before it is worked off, so the calendar counts as behind until the last.
    """
    epoch = f"{horizon.start}:{horizon.end}"
    before = Horizon(start=calendar.expanded_from, end=calendar.expanded_until)
    goes_on = calendar.spread_epoch == epoch
    if before == horizon and not goes_on:
        return Spread(is_done=True, view_epoch=view.epoch, expanded=horizon)
    after = calendar.spread_after if goes_on else -1
    page = list(connection.scalars(_RECURRING, {"calendar": calendar.id, "after": after}))
    _make_pending(connection, {"user": calendar.user_id, "slug": calendar.slug}, page, now)
    if len(page) < PAGE:
        return Spread(is_done=True, view_epoch=view.epoch, expanded=horizon)
    start = max(before.start, horizon.start)
    common = Horizon(start=start, end=max(start, min(before.end, horizon.end)))
    return Spread(is_done=False, view_epoch=view.epoch, expanded=common, epoch=epoch, after=page[-1])


def _page(connection: Connection, calendar: Row[*tuple[Any, ...]], after: int) -> list[int]:
    """The next sources of a calendar, visible or not, and those of its objects."""
    kind = kinds.of(calendar.kind)
    ids = kind.ids.subquery()
    sources = select(ids.c[0].label("id")).where(ids.c[0] > after).order_by(ids.c[0]).limit(PAGE).subquery()
    shown = _SOME_LIVE.subquery()
    every = union(select(sources.c.id), select(shown.c.id)).subquery()
    some = select(every.c.id).order_by(every.c.id).limit(PAGE)
    values = {"user_id": calendar.user_id, "number": kind.number_of(calendar.slug), "calendar": calendar.id}
    return list(connection.scalars(some, {**values, "after": after}))


def _make_pending(connection: Connection, key: dict[str, Any], sources: list[int], moment: int) -> None:
    """Those already pending know better when they changed."""
    if not sources:
        return
    already = set(connection.scalars(_ALREADY, {**key, "first": sources[0], "last": sources[-1]}))
    rows = [
        {
            "user_id": key["user"],
            "slug": key["slug"],
            "source_id": source,
            "changed_at": moment,
            "spread": True,
        }
        for source in sources
        if source not in already
    ]
    if rows:
        connection.execute(insert(ScheduleChange), rows)
