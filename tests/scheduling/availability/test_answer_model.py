# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability and slots against a model that looks at every minute, on generated schedules around a change of the
clocks in either hemisphere.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.access.permissions import SYSTEM
from scheduling.availability import hours, slots
from scheduling.availability.hours import Working
from scheduling.availability.slots import Search
from scheduling.calendars.free_busy import STRENGTH
from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.scheduling.availability.asking import HOUR, NOW, ask, subscribe

DAYS = {
    "Europe/Berlin": date(2026, 3, 27),
    "America/New_York": date(2026, 10, 30),
    "Pacific/Auckland": date(2026, 4, 3),
}
LENGTH = 5
_names = itertools.count(1)
_times = st.tuples(st.integers(0, LENGTH - 1), st.integers(6 * 4, 20 * 4), st.integers(1, 16))
"""The day, and the quarter of an hour at which it begins by the clock, and how many of them it takes."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Of one user: what is in the database, before it is there."""

    zone: str
    jobs: list[tuple[tuple[int, int, int], str]]
    blockers: list[tuple[tuple[int, int, int], bool]]
    time_off: list[tuple[tuple[int, int, int], str]]
    whole_days: list[tuple[int, int]]
    hours: list[tuple[int, int, int]]
    stale: bool


_schedules = st.builds(
    Schedule,
    zone=st.just(""),
    jobs=st.lists(
        st.tuples(_times, st.sampled_from(["offered", "confirmed", "paid", "cancelled"])), max_size=5
    ),
    blockers=st.lists(st.tuples(_times, st.booleans()), max_size=3),
    time_off=st.lists(st.tuples(_times, st.sampled_from(["approved", "requested", "declined"])), max_size=2),
    whole_days=st.lists(st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 2)), max_size=1),
    hours=st.lists(
        st.tuples(st.integers(0, 6), st.integers(6, 11), st.integers(12, 20)),
        max_size=7,
        unique_by=lambda it: it[0],
    ),
    stale=st.sampled_from([False, False, False, True]),
)


class Minutes:
    """What every minute of the range is, by the plainest reckoning."""

    def __init__(self, schedule: Schedule, zone: str, before: int, after: int) -> None:
        self._zone = ZoneInfo(zone)
        self._first = DAYS[zone]
        self.start = self._epoch(self._first, 0)
        self.end = self._epoch(self._first + timedelta(days=LENGTH), 0)
        self.types: list[set[str]] = [set() for _ in range((self.end - self.start) // 60)]
        for when, status in schedule.jobs:
            if status in ("confirmed", "paid"):
                low, high = self.instants(when)
                self._mark(low - before * 60, high + after * 60, "BUSY")
        for when, daily in schedule.blockers:
            day, quarter, count = when
            for later in range(LENGTH if daily else 1):
                low = self.instants((day + later, quarter, count))[0]
                self._mark(low, low + count * 900, "BUSY")
        for when, status in schedule.time_off:
            if status == "approved":
                self._mark(*self.instants(when), "BUSY-UNAVAILABLE")
        for day, count in schedule.whole_days:
            low, high = (self._epoch(self._first + timedelta(days=it), 0) for it in (day, day + count))
            self._mark(low, high, "BUSY-UNAVAILABLE")
        if schedule.hours:
            self._outside(schedule.hours)
        if schedule.stale:
            self._mark(self.start, self.end, "UNKNOWN")

    def instants(self, when: tuple[int, int, int]) -> tuple[int, int]:
        """The period: it begins by the clock, and its length is real time."""
        day, quarter, count = when
        low = self._epoch(self._first + timedelta(days=day), quarter * 15)
        return low, low + count * 900

    def day(self, number: int) -> date:
        return self._first + timedelta(days=number)

    def periods(self) -> list[tuple[int, int, str]]:
        """Runs of minutes whose strongest type is the same, without the free ones."""
        strongest = [next((it for it in STRENGTH if it in types), "") for types in self.types]
        found, at = [], 0
        for fbtype, run in itertools.groupby(strongest):
            count = len(list(run))
            if fbtype:
                found.append((self.start + at * 60, self.start + (at + count) * 60, fbtype))
            at += count
        return found

    def is_free(self, low: int, high: int) -> bool:
        return not any(self.types[(low - self.start) // 60 : (high - self.start) // 60])

    def _epoch(self, day: date, minutes: int) -> int:
        wall = datetime.combine(day, time(minutes // 60, minutes % 60), self._zone)
        return int(wall.astimezone(UTC).timestamp())

    def _mark(self, low: int, high: int, fbtype: str) -> None:
        for minute in range(max(low, self.start), min(high, self.end), 60):
            self.types[(minute - self.start) // 60].add(fbtype)

    def _outside(self, working: list[tuple[int, int, int]]) -> None:
        for index, types in enumerate(self.types):
            clock = datetime.fromtimestamp(self.start + index * 60, self._zone)
            if not any(
                clock.weekday() == weekday and low * 60 <= clock.hour * 60 + clock.minute < high * 60
                for weekday, low, high in working
            ):
                types.add("OUTSIDE-HOURS")


def _write(database: Database, dispatch: Dispatch, schedule: Schedule, zone: str, model: Minutes) -> str:
    def columns(when: tuple[int, int, int]) -> dict[str, str]:
        low, high = (datetime.fromtimestamp(it, UTC).isoformat(" ") for it in model.instants(when))
        return {"starts_at": low, "ends_at": high}

    username = f"user-{next(_names)}"
    user = dispatch.user(username, time_zone=zone)
    for when, status in schedule.jobs:
        dispatch.job(user, status=status, **columns(when))
    for when, daily in schedule.blockers:
        dispatch.blocker(user, rrule="FREQ=DAILY" if daily else None, **columns(when))
    for when, status in schedule.time_off:
        dispatch.time_off(user, status=status, **columns(when))
    for day, count in schedule.whole_days:
        dispatch.time_off(user, start_date=str(model.day(day)), end_date=str(model.day(day + count)))
    if schedule.stale:
        subscribe(database, user)
    with database.write() as connection:
        working = [Working(weekday=it, starts=low * 60, ends=high * 60) for it, low, high in schedule.hours]
        hours.store(connection, user, working, actor=SYSTEM)
    return username


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    schedules=st.lists(_schedules, min_size=1, max_size=3),
    zone=st.sampled_from(sorted(DAYS)),
    before=st.sampled_from([0, 15, 45]),
    after=st.sampled_from([0, 30]),
    length=st.sampled_from([30, 90, 240]),
    step=st.sampled_from([15, 20, 60]),
    need=st.integers(1, 3),
)
def test_every_minute_is_what_the_schedule_says(
    database: Database,
    dispatch: Dispatch,
    *,
    schedules: list[Schedule],
    zone: str,
    before: int,
    after: int,
    length: int,
    step: int,
    need: int,
) -> None:
    models = [Minutes(it, zone, before, after) for it in schedules]
    usernames = [
        _write(database, dispatch, schedule, zone, model)
        for schedule, model in zip(schedules, models, strict=True)
    ]
    start, end = models[0].start, models[0].end
    answers = ask(
        database, usernames, (start - NOW) / HOUR, (end - NOW) / HOUR, before=before * 60, after=after * 60
    )
    for answer, model in zip(answers, models, strict=True):
        assert [tuple(it) for it in answer.periods] == model.periods()
    need = min(need, len(models))
    found = slots.find(answers, Search(length=length * 60, step=step * 60, count=40, need=need))
    wanted = []
    for low in range(start, end - length * 60 + 1, step * 60):
        who = tuple(
            name
            for name, model in zip(usernames, models, strict=True)
            if model.is_free(low, low + length * 60)
        )
        if len(who) >= need:
            wanted.append((low, low + length * 60, who))
    assert [(it.start, it.end, it.usernames) for it in found] == wanted[:40]
