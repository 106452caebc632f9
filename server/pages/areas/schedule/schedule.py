# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own schedule: a list on a phone, a table on wider screens; a day, a week or a month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Response

from scheduling.access.permissions import Permission
from scheduling.calendars import events
from server.pages.areas.schedule.clashes import clashes
from server.pages.areas.schedule.spread import ONE_DAY, Day, Looks, Part, bounds, days
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import Visit
from server.pages.words.languages import N_

pages = Pages(area="schedule")
VIEWS = {"day": N_("Day"), "week": N_("Week"), "month": N_("Month")}
PARTS = {
    Part.WHOLE: N_("Whole day"),
    Part.MORNING: N_("Morning"),
    Part.AFTERNOON: N_("Afternoon"),
    Part.EVENING: N_("Evening"),
}
_WEEK = 7
_FARTHEST = timedelta(days=4000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """What is shown: `count` days from `first`, of which those of another month are only there to fill weeks."""

    view: str
    day: date
    first: date
    count: int

    def at(self, day: date) -> str:
        """The address of the same view of another day."""
        return f"/schedule?view={self.view}&day={day}"

    def seen_as(self, view: str) -> str:
        """The address of another view of the same day."""
        return f"/schedule?view={view}&day={self.day}"

    @property
    def before(self) -> date:
        """A day of the stretch before."""
        if self.view == "month":
            return self.day.replace(day=1) - ONE_DAY
        return self.day - self._step

    @property
    def after(self) -> date:
        """A day of the stretch after."""
        if self.view == "month":
            return self.day.replace(day=monthrange(self.day.year, self.day.month)[1]) + ONE_DAY
        return self.day + self._step

    @property
    def _step(self) -> timedelta:
        return _WEEK * ONE_DAY if self.view == "week" else ONE_DAY


def stretch(view: str, day: date, first_weekday: int) -> Stretch:
    """The days of a view around `day`; whole weeks for a month."""
    if view == "day":
        return Stretch(view=view, day=day, first=day, count=1)
    first = day if view == "week" else day.replace(day=1)
    first -= (first.weekday() - first_weekday) % _WEEK * ONE_DAY
    if view == "week":
        return Stretch(view=view, day=day, first=first, count=_WEEK)
    last = day.replace(day=monthrange(day.year, day.month)[1])
    weeks = -(-((last - first).days + 1) // _WEEK)
    return Stretch(view=view, day=day, first=first, count=weeks * _WEEK)


@pages.get(
    "/schedule",
    needs=Permission.SCHEDULE_READ_OWN,
    title=N_("My schedule"),
    nav=Nav(section=Section.ME, order=10, label=N_("My schedule")),
)
def schedule(visit: Visit) -> Response:
    """The page; `view` and `day` are in its query."""
    view = visit.request.args.get("view", "week")
    shown = stretch(view if view in VIEWS else "week", _day(visit), visit.clock.first_weekday)
    found = _days(visit, shown)
    weeks = [found[at : at + _WEEK] for at in range(0, len(found), _WEEK)]
    return visit.page(
        "schedule/schedule.html",
        shown=shown,
        days=found,
        weeks=weeks,
        views=VIEWS,
        parts={part: name for part, name in PARTS.items() if any(day.of(part) for day in found)},
        today=visit.clock.today,
        title=_title(visit, shown),
    )


def _day(visit: Visit) -> date:
    """The day in the query; today for what is none, or is too far away to mean anything."""
    today = visit.clock.today
    try:
        day = date.fromisoformat(visit.request.args.get("day", ""))
    except ValueError:
        return today
    return day if abs(day - today) < _FARTHEST else today


def _days(visit: Visit, shown: Stretch) -> Sequence[Day]:
    start, end = bounds(shown.first, shown.count, visit.clock)
    calendars = visit.snapshot.calendars_of(visit.user.id)
    found = events.during(visit.connection, calendars, start, end)
    looks = Looks(names={it.slug: it.display_name for it in calendars}, clashes=clashes(visit, start, end))
    return days(found, shown.first, shown.count, visit.clock, looks)


def _title(visit: Visit, shown: Stretch) -> str:
    if shown.view == "month":
        return visit.clock.month(shown.day)
    if shown.view == "day":
        return visit.clock.day(shown.day)
    last = shown.first + (shown.count - 1) * ONE_DAY
    return f"{visit.clock.short_day(shown.first)} – {visit.clock.short_day(last)}"  # noqa: RUF001
