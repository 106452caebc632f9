# SPDX-License-Identifier: GPL-3.0-or-later
"""The candidate instances of each period of a recurrence rule (RFC 5545 section 3.3.10, table of BY parts).

A period is one year, month, week, day, hour, minute or second, as FREQ says. Both generators begin at
the period that holds the asked-for start by arithmetic and yield one list per period visited, empty
ones too, so that the caller can count its steps. Days are proleptic Gregorian ordinals.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from scheduling.ical.rules import UNIT_SECONDS, Frequency, Rule

_LAST_DAY = date.max.toordinal()
_DAY = 86400


def day_sets(rule: Rule, start: date, first: int, last: int) -> Iterator[list[int]]:
    """Yield the sorted days of each period of a DAILY or coarser rule that can hold days `first` to `last`.

    `start` is the day of DTSTART, not after `first`; it anchors INTERVAL and supplies missing BY parts.
    """
    last = min(last, _LAST_DAY)
    if rule.freq is Frequency.YEARLY:
        return _years(rule, start, first, last)
    if rule.freq is Frequency.MONTHLY:
        return _months(rule, start, first, last)
    if rule.freq is Frequency.WEEKLY:
        return _weeks(rule, start, first, last)
    return _days(rule, start, first, last)


def second_sets(rule: Rule, start: datetime, first: int, last: int) -> Iterator[list[int]]:
    """Yield the sorted instances of each hour, minute or second that can hold `first` to `last`.

    Moments are counted in seconds as by `seconds_of`; BYSETPOS is applied.
    """
    unit = UNIT_SECONDS[rule.freq]
    step = rule.interval * unit
    base = seconds_of(start) // unit * unit
    offsets = [
        minute * 60 + second
        for minute in (rule.byminute or (start.minute,) if unit == 3600 else (0,))
        for second in (rule.bysecond or (start.second,) if unit > 1 else (0,))
        if second < 60
    ]
    if rule.bysetpos:
        offsets = [offsets[index] for index in positions(rule.bysetpos, len(offsets))]
    moment = base + max(0, (first - base) // step) * step
    while moment <= last and moment // _DAY <= _LAST_DAY:
        resume = _resume(rule, unit, moment)
        if resume is None:
            yield [moment + offset for offset in offsets]
            moment += step
        else:
            yield []
            moment = base + -((base - resume) // step) * step


def seconds_of(moment: date) -> int:
    """Return a naive date-time, or the midnight of a date, as day ordinal * 86400 + second of the day."""
    seconds = moment.toordinal() * _DAY
    if isinstance(moment, datetime):
        seconds += moment.hour * 3600 + moment.minute * 60 + moment.second
    return seconds


def positions(bysetpos: Sequence[int], size: int) -> list[int]:
    """Return the sorted indexes that BYSETPOS picks out of a set of `size` instances."""
    picked = {position - 1 if position > 0 else size + position for position in bysetpos}
    return sorted(index for index in picked if 0 <= index < size)


def _years(rule: Rule, start: date, first: int, last: int) -> Iterator[list[int]]:
    year = start.year + (date.fromordinal(first).year - start.year) // rule.interval * rule.interval
    final = date.fromordinal(last).year
    for each in range(year, final + 1, rule.interval):
        yield sorted(_year_days(rule, start, each))


def _year_days(rule: Rule, start: date, year: int) -> set[int]:
    sets: list[set[int]] = []
    months: Sequence[int] = rule.bymonth or range(1, 13)
    monthdays, byday = rule.bymonthday, rule.byday
    if not (rule.byweekno or rule.byyearday or monthdays or byday):
        months, monthdays = rule.bymonth or (start.month,), (start.day,)
    elif rule.byweekno and not (rule.byyearday or monthdays or byday):
        # The day of the week comes from DTSTART, one day a week, as in other calendar programs.
        byday = ((0, start.weekday()),)
    begin, length = date(year, 1, 1).toordinal(), 366 if calendar.isleap(year) else 365
    if rule.byweekno:
        sets.append(_week_days(rule, year, begin, length))
    if rule.byyearday:
        sets.append({begin + index for index in _from_either_end(rule.byyearday, length)})
    if monthdays:
        sets.append({day for month in months for day in _month_days(monthdays, *_month(year, month))})
    if byday and not rule.bymonth:
        sets.append(_weekdays(byday, begin, length))
    elif byday:
        sets.append({day for month in months for day in _weekdays(byday, *_month(year, month))})
    days = set.intersection(*sets)
    if rule.bymonth and not monthdays and (rule.byweekno or rule.byyearday):
        days = {day for day in days if date.fromordinal(day).month in rule.bymonth}
    return days


def _week_days(rule: Rule, year: int, begin: int, length: int) -> set[int]:
    """Return all days of `year` that lie in the weeks of BYWEEKNO, those of the years beside it included."""
    days: set[int] = set()
    for week_year in (year - 1, year, year + 1):
        week_one = _first_week(week_year, rule.wkst)
        weeks = (_first_week(week_year + 1, rule.wkst) - week_one) // 7
        for index in _from_either_end(rule.byweekno, weeks):
            monday = week_one + 7 * index
            days.update(range(max(monday, begin), min(monday + 7, begin + length)))
    return days


def _first_week(year: int, wkst: int) -> int:
    """Return the first day of week 1: the first week with four days or more in the year."""
    fourth = 365 * (year - 1) + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400 + 4
    return fourth - (fourth - 1 - wkst) % 7


def _months(rule: Rule, start: date, first: int, last: int) -> Iterator[list[int]]:
    origin, wanted = _month_index(start), _month_index(date.fromordinal(first))
    index = origin + (wanted - origin) // rule.interval * rule.interval
    for each in range(index, _month_index(date.fromordinal(last)) + 1, rule.interval):
        year, month = divmod(each, 12)
        if rule.bymonth and month + 1 not in rule.bymonth:
            yield []
        else:
            yield sorted(_days_of_month(rule, start, *_month(year, month + 1)))


def _days_of_month(rule: Rule, start: date, begin: int, length: int) -> set[int]:
    if rule.byday and rule.bymonthday:
        return _weekdays(rule.byday, begin, length) & _month_days(rule.bymonthday, begin, length)
    if rule.byday:
        return _weekdays(rule.byday, begin, length)
    return _month_days(rule.bymonthday or (start.day,), begin, length)


def _weeks(rule: Rule, start: date, first: int, last: int) -> Iterator[list[int]]:
    weekdays = {weekday for _, weekday in rule.byday} or {start.weekday()}
    offsets = sorted((weekday - rule.wkst) % 7 for weekday in weekdays)
    origin = start.toordinal() - (start.weekday() - rule.wkst) % 7
    step = 7 * rule.interval
    for week in range(origin + (first - origin) // step * step, last + 1, step):
        days = [week + offset for offset in offsets if 0 < week + offset <= _LAST_DAY]
        if rule.bymonth:
            days = [day for day in days if date.fromordinal(day).month in rule.bymonth]
        yield days


def _days(rule: Rule, start: date, first: int, last: int) -> Iterator[list[int]]:
    origin, step = start.toordinal(), rule.interval
    day = origin - (origin - first) // step * step
    limited = bool(rule.bymonth or rule.bymonthday or rule.byday)
    while day <= last:
        resume = _resume_day(rule, day) if limited else None
        if resume is None:
            yield [day]
            day += step
        else:
            yield []
            day = origin - (origin - resume) // step * step


def _resume(rule: Rule, unit: int, moment: int) -> int | None:
    """Return None when the BY parts allow the unit that begins at `moment`, else where to look next."""
    day, second = divmod(moment, _DAY)
    next_day = _resume_day(rule, day)
    if next_day is not None:
        return next_day * _DAY
    levels = ((3600, _DAY, rule.byhour), (60, 3600, rule.byminute), (1, 60, rule.bysecond))
    for size, outer, allowed in levels:
        if size < unit:
            break
        value = second % outer // size
        if allowed and value not in allowed:
            later = bisect_right(allowed, value)
            begin = moment - moment % outer
            return begin + (allowed[later] * size if later < len(allowed) else outer)
    return None


def _resume_day(rule: Rule, ordinal: int) -> int | None:
    """Return None when BYMONTH, BYMONTHDAY, BYYEARDAY and plain BYDAY allow the day, else the next to try."""
    day = date.fromordinal(ordinal)
    begin, length = _month(day.year, day.month)
    if rule.bymonth and day.month not in rule.bymonth:
        return begin + length
    if rule.byday and not any(day.weekday() == weekday for _, weekday in rule.byday):
        return ordinal + 1
    if rule.bymonthday and day.day not in rule.bymonthday and day.day - length - 1 not in rule.bymonthday:
        return ordinal + 1
    if rule.byyearday:
        size = 366 if calendar.isleap(day.year) else 365
        number = ordinal - date(day.year, 1, 1).toordinal() + 1
        if number not in rule.byyearday and number - size - 1 not in rule.byyearday:
            return ordinal + 1
    return None


def _month(year: int, month: int) -> tuple[int, int]:
    """Return the first day and the number of days of a month."""
    return date(year, month, 1).toordinal(), calendar.monthrange(year, month)[1]


def _month_index(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_days(bymonthday: Sequence[int], begin: int, length: int) -> set[int]:
    return {begin + index for index in _from_either_end(bymonthday, length)}


def _from_either_end(numbers: Sequence[int], length: int) -> set[int]:
    """Return the zero-based indexes of 1-based numbers, negative ones counted from the end."""
    indexes = (number - 1 if number > 0 else length + number for number in numbers)
    return {index for index in indexes if 0 <= index < length}


def _weekdays(byday: Sequence[tuple[int, int]], begin: int, length: int) -> set[int]:
    """Return the days of a month or year that BYDAY names, ordinals counted within it."""
    days: set[int] = set()
    for ordinal, weekday in byday:
        first = begin + (weekday - (begin - 1)) % 7
        every = range(first, begin + length, 7)
        if not ordinal:
            days.update(every)
        elif -len(every) <= ordinal <= len(every):
            days.add(every[ordinal - 1 if ordinal > 0 else ordinal])
    return days
