# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of a recurrence rule, by a bounded engine of our own (RFC 5545 sections 3.3.10, 3.8.5.3).

Instances are naive wall clock times or dates. A rule without COUNT is entered near the asked-for window by
arithmetic; every visited period and candidate day costs a step, and steps are limited.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import TypeAlias

from scheduling.ical.errors import BadRule, TooExpensive, TooFrequent, TooMany
from scheduling.ical.periods import day_sets, positions, second_sets, seconds_of
from scheduling.ical.rules import UNIT_SECONDS, Frequency, Rule, parse_rule
from scheduling.ical.timezones import from_epoch

__all__ = [
    "BadRule",
    "Frequency",
    "Rule",
    "Steps",
    "TooExpensive",
    "TooFrequent",
    "TooMany",
    "Wall",
    "is_infinite",
    "last_occurrence",
    "matches",
    "occurrences",
    "parse_rule",
    "until_local",
]

Wall: TypeAlias = datetime | date
"""A naive wall clock time (timed series) or a date (all-day series)."""

MAX_STEPS = 200_000
_END_OF_DAY = time(23, 59, 59)
# COUNT is looked for this far ahead; what lasts longer is treated as endless.
_HORIZON_YEARS = 200
_PERIOD_DAYS = {Frequency.YEARLY: 366, Frequency.MONTHLY: 31, Frequency.WEEKLY: 7}
_LOOK_BACK_PERIODS = (2, 16, 128)


class Steps:
    """How many steps expanding several rules may take together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.left = limit

    def take(self, count: int) -> None:
        """Use up `count` of them. Raises TooExpensive when none are left."""
        self.left -= count
        if self.left < 0:
            raise TooExpensive(self._limit)


_AT_ONCE = 5_000
"""Candidates of a period that are made together at most, so that steps are counted before many are made."""


def occurrences(
    rule: Rule,
    start: Wall,
    after: Wall,
    before: Wall,
    *,
    limit: int = 10_000,
    until_local: Wall | None = None,
    steps: Steps | None = None,
) -> list[Wall]:
    """Return the instances with after <= instance < before, in order.

    `start` is DTSTART: the first instance even when it does not match, and counted by COUNT. `after`,
    `before` and the results are of its type. `until_local` is the inclusive UNTIL as wall clock, see the
    function of that name; without it UNTIL is read as wall clock. Raises TooMany beyond `limit`
    instances, TooExpensive beyond MAX_STEPS or what `steps` has left, BadRule for a rule within the day on a date.
    """
    found: list[Wall] = [start] if after <= start < before else []
    if before <= start:
        return found
    left = rule.count
    last = _last_allowed(rule, start, until_local)
    if left is not None:
        plain = _last_of_plain(rule, start, left)
        if plain is not None:
            last, left = plain, None
    first = max(after, start) if left is None else start
    for instance in _instances(rule, start, first, before if last is None else min(before, last), steps):
        if instance <= start:
            continue
        if instance >= before or (last is not None and instance > last):
            break
        if left is not None:
            left -= 1
            if not left:
                break
        if instance >= after:
            found.append(instance)
            if len(found) > limit:
                raise TooMany(limit)
    return found


def until_local(rule: Rule, tzid: str, *, all_day: bool = False) -> Wall | None:
    """Return the inclusive UNTIL of a rule on the wall clock of `tzid`, or None without UNTIL.

    A DATE means the end of that day; a date-time without Z is taken as it is, though RFC 5545 section
    3.3.10 wants UTC. With `all_day` the answer is a date, otherwise a naive date-time: a UTC time at
    either edge of the day is what programs write for that very date, any other is converted. Raises
    UnknownTimeZone.
    """
    until = rule.until
    if until is None:
        return None
    if not isinstance(until, datetime):
        return until if all_day else datetime.combine(until, _END_OF_DAY)
    if all_day and until.time() in (time(), _END_OF_DAY):
        return until.date()
    local = until if until.tzinfo is None else from_epoch(int(until.timestamp()), tzid)
    return local.date() if all_day else local


def matches(rule: Rule, start: Wall) -> bool:
    """Return whether DTSTART is an instance by the rule, and not only because it is DTSTART.

    Raises as `occurrences`.
    """
    for instance in _instances(rule, start, start, start, None):
        if instance >= start:
            return instance == start
    return False


def is_infinite(rule: Rule) -> bool:
    """Return whether the rule has neither COUNT nor UNTIL."""
    return rule.count is None and rule.until is None


def last_occurrence(
    rule: Rule, start: Wall, *, until_local: Wall | None = None, steps: Steps | None = None
) -> Wall | None:
    """Return the last instance, or None when there is none worth knowing: no end, or one centuries away.

    An UNTIL rule whose last instance is not found in a few looks gives the UNTIL itself, a safe upper bound.
    Raises BadRule for a rule within the day on a date.
    """
    last = _last_allowed(rule, start, until_local)
    if rule.count is not None:
        return _last_by_count(rule, start, rule.count, steps)
    if last is None:
        return None
    if last <= start:
        return start
    days = _PERIOD_DAYS.get(rule.freq, 1) * rule.interval
    for periods in _LOOK_BACK_PERIODS:
        after = max(start, _shifted(last, -days * periods))
        try:
            found = occurrences(rule, start, after, _shifted(last, 1), until_local=last, steps=steps)
        except (TooMany, TooExpensive):
            return last
        if found:
            return found[-1]
    return last


def _last_by_count(rule: Rule, start: Wall, count: int, steps: Steps | None) -> Wall | None:
    horizon = _shifted(start, _HORIZON_YEARS * 366)
    plain = _last_of_plain(rule, start, count)
    if plain is not None:
        return plain if plain < horizon else None
    last, left = start, count - 1
    try:
        for instance in _instances(rule, start, start, horizon, steps) if left else ():
            if instance <= start:
                continue
            last, left = instance, left - 1
            if not left:
                return last
    except TooExpensive:
        return None
    return None if left else last


def _last_of_plain(rule: Rule, start: Wall, count: int) -> Wall | None:
    """Return the last of `count` instances of a rule where each period has one, else None."""
    if rule.freq in (Frequency.YEARLY, Frequency.MONTHLY):
        return None
    if any(
        (rule.bymonth, rule.bymonthday, rule.byyearday, rule.byday, rule.byhour, rule.byminute, rule.bysecond)
    ):
        return None
    _check_kind(rule, start)
    unit = UNIT_SECONDS.get(rule.freq, 7 * 86400 if rule.freq is Frequency.WEEKLY else 86400)
    try:
        return start + timedelta(seconds=unit * rule.interval * (count - 1))
    except OverflowError:
        return _end_of_time(start)


def _instances(rule: Rule, start: Wall, first: Wall, last: Wall, steps: Steps | None) -> Iterator[Wall]:
    """Yield candidates in order, from a little before `first` to a little after `last`; counts the steps."""
    _check_kind(rule, start)
    own = Steps(MAX_STEPS)
    for found in _candidates(rule, start, first, last):
        own.take(1 + len(found))
        if steps is not None:
            steps.take(1 + len(found))
        yield from found


def _candidates(rule: Rule, start: Wall, first: Wall, last: Wall) -> Iterator[list[Wall]]:
    if not isinstance(start, datetime):
        for days in day_sets(rule, start, first.toordinal(), last.toordinal()):
            picked = [days[index] for index in positions(rule.bysetpos, len(days))] if rule.bysetpos else days
            yield [date.fromordinal(day) for day in picked]
    elif rule.within_day:
        for seconds in second_sets(rule, start, seconds_of(first), seconds_of(last)):
            yield [_moment(second) for second in seconds]
    else:
        times = _times_of_day(rule, start)
        for days in day_sets(rule, start.date(), first.toordinal(), last.toordinal()):
            if rule.bysetpos or len(days) * len(times) <= _AT_ONCE:
                yield _timed(days, times, rule.bysetpos)
            else:  # a year of seconds is counted day by day, before it is made
                yield from (_timed([day], times, ()) for day in days)


def _timed(days: list[int], times: list[time], bysetpos: tuple[int, ...]) -> list[Wall]:
    if not bysetpos:
        return [datetime.combine(date.fromordinal(day), at) for day in days for at in times]
    picked = (divmod(index, len(times)) for index in positions(bysetpos, len(days) * len(times)))
    return [datetime.combine(date.fromordinal(days[day]), times[at]) for day, at in picked]


def _times_of_day(rule: Rule, start: datetime) -> list[time]:
    hours = rule.byhour or (start.hour,)
    minutes = rule.byminute or (start.minute,)
    seconds = rule.bysecond or (start.second,)
    # Second 60 is legal in BYSECOND, but no clock we keep ever shows it.
    return [time(*parts) for parts in product(hours, minutes, seconds) if parts[2] < 60]


def _moment(seconds: int) -> datetime:
    day, second = divmod(seconds, 86400)
    return datetime.fromordinal(day) + timedelta(seconds=second)


def _check_kind(rule: Rule, start: Wall) -> None:
    if rule.within_day and not isinstance(start, datetime):
        raise BadRule(f"FREQ={rule.freq} cannot repeat an all-day event; use DAILY or coarser")


def _last_allowed(rule: Rule, start: Wall, until: Wall | None) -> Wall | None:
    """Return the inclusive UNTIL as the same type as `start`."""
    if until is None and rule.until is not None:
        until = rule.until
        if isinstance(until, datetime):
            until = until.astimezone(UTC).replace(tzinfo=None) if until.tzinfo else until
    if until is None:
        return None
    if isinstance(start, datetime):
        return until if isinstance(until, datetime) else datetime.combine(until, _END_OF_DAY)
    return until.date() if isinstance(until, datetime) else until


def _shifted(value: Wall, days: int) -> Wall:
    try:
        return value + timedelta(days=days)
    except OverflowError:
        return _end_of_time(value) if days > 0 else _start_of_time(value)


def _end_of_time(like: Wall) -> Wall:
    return datetime.combine(date.max, _END_OF_DAY) if isinstance(like, datetime) else date.max


def _start_of_time(like: Wall) -> Wall:
    return datetime.combine(date.min, time()) if isinstance(like, datetime) else date.min
