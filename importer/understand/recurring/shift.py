# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves every instance of a rule by the same time on the wall clock (RFC 5545, section 3.8.4.4)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import product

from importer.understand.values import FIRST_YEAR, LAST_YEAR
from scheduling.ical import recurrence, timezones
from scheduling.ical.recurrence import BadRule, Frequency, Rule, Steps
from scheduling.ical.series import Series

_YEARS_COMPARED = {Frequency.YEARLY: 400, Frequency.MONTHLY: 60, Frequency.WEEKLY: 20, Frequency.DAILY: 12}
"""How long a moved rule must give the same instances as the old one. For finer frequencies: a year, and a month."""
_WRITTEN_YEARS = (LAST_YEAR - FIRST_YEAR, 40, 15, 5)
_MOST_WRITTEN = 2_500
_SAFE_DAYS = range(1, 29)
"""Days that every month has."""


def instant(moment: date, tzid: str) -> int:
    """Epoch seconds of a moment; of a date, those of its midnight."""
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return timezones.to_epoch(whole, tzid)


def moved(series: Series, rule: Rule, first: date, to: date, steps: Steps) -> Rule | None:
    """A rule without an end whose instances from `to` on equal the moved instances of `rule` from `first` on. None if
    no such rule is found.
    """
    endless = replace(rule, count=None, until=None)
    if type(first) is type(to) and first == to:
        return endless
    found = _with_times(endless, first, to)
    days = to.toordinal() - first.toordinal()
    if found is not None and days:
        found = _with_days(found, days)
    if found is None:
        return None
    span = timedelta(days=366 * _YEARS_COMPARED.get(rule.freq, 1) + 31)
    with suppress(BadRule, OverflowError):
        before = recurrence.occurrences(endless, first, first, first + span, steps=steps)
        after = recurrence.occurrences(found, to, to, to + span, steps=steps)
        if [distance(first, it) for it in before] == [distance(to, it) for it in after]:
            return found
    return None


def written_out(series: Series, last: date | None, steps: Steps) -> tuple[list[date], date | None]:
    """The instances of a series up to `last`, at most a bounded number, and the next instance after those. The latter
    is None if none follows within the years that are kept. Raises BadRule.
    """
    assert series.rule is not None
    for years in _WRITTEN_YEARS:
        end = min(series.start + timedelta(days=366 * years), series.start.replace(year=LAST_YEAR + 1, day=1))
        with suppress(recurrence.TooMany):
            found = recurrence.occurrences(
                series.rule,
                series.start,
                series.start,
                end,
                limit=_MOST_WRITTEN,
                until_local=last,
                steps=steps,
            )
            is_over = (last is not None and last < end) or len(found) == series.rule.count
            is_over = is_over or end.year > LAST_YEAR
            return found, None if is_over else end
    raise BadRule("it has too many instances to be written out")


def distance(start: date, instance: date) -> timedelta:
    """From one moment to another of the same type, on the wall clock."""
    return instance - start


def _with_times(rule: Rule, first: date, to: date) -> Rule | None:
    """The rule with the times of day that it has at `to`."""
    if not isinstance(to, datetime):
        return rule
    if not isinstance(first, datetime):
        return None if rule.byhour or rule.byminute or rule.bysecond else rule
    shift = datetime.combine(first.date(), to.time()) - first
    if not shift or not (rule.byhour or rule.byminute or rule.bysecond):
        return rule
    day = datetime.combine(first.date(), time())
    times = [
        day.replace(hour=hour, minute=minute, second=min(second, 59)) + shift
        for hour, minute, second in product(
            rule.byhour or (first.hour,), rule.byminute or (first.minute,), rule.bysecond or (first.second,)
        )
    ]
    hours = tuple(sorted({it.hour for it in times}))
    minutes = tuple(sorted({it.minute for it in times}))
    seconds = tuple(sorted({it.second for it in times}))
    if {it.date() for it in times} != {first.date()} or len(hours) * len(minutes) * len(seconds) != len(
        set(times)
    ):
        return None
    return replace(rule, byhour=hours, byminute=minutes, bysecond=seconds)


def _with_days(rule: Rule, days: int) -> Rule | None:
    """The rule with its days moved, if it may still mean the same. The caller compares the instances."""
    weeks, rest = divmod(days, 7)
    byday = []
    for ordinal, weekday in rule.byday:
        if ordinal and (rest or not 0 < abs(ordinal + weeks) < 5 or (ordinal > 0) != (ordinal + weeks > 0)):
            return None
        byday.append((ordinal + weeks if ordinal else 0, (weekday + days) % 7))
    bymonthday = [_moved_day(day, days) for day in rule.bymonthday]
    if None in bymonthday or rule.byweekno:
        return None
    return replace(
        rule,
        byday=tuple(sorted(byday)),
        bymonthday=tuple(sorted(day for day in bymonthday if day is not None)),
        byyearday=tuple(sorted(day + days for day in rule.byyearday)),
        wkst=(rule.wkst + days) % 7 if rule.freq is Frequency.WEEKLY and rule.interval > 1 else rule.wkst,
    )


def _moved_day(day: int, days: int) -> int | None:
    """A day of the month, moved within the month and counted from the same end."""
    other = day + days
    if (day > 0) != (other > 0) or abs(day) not in _SAFE_DAYS or abs(other) not in _SAFE_DAYS:
        return None
    return other
