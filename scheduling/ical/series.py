# SPDX-License-Identifier: GPL-3.0-or-later
"""A recurring or single event as a value, and the instants at which it takes place (RFC 5545 section 3.8.5).

Expansion happens on the wall clock of the series' zone, from its true start, and is turned into UTC
instants last: a weekly 09:00 stays 09:00 across a clock change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from scheduling.ical.errors import BadRule, TooMany
from scheduling.ical.recurrence import Rule, Steps, Wall, last_occurrence, occurrences, until_local
from scheduling.ical.timezones import from_epoch, to_epoch, zone

# Instants are kept two days inside what datetime can hold, so that every zone can show them.
EARLIEST = int(datetime(1, 1, 3, tzinfo=UTC).timestamp())
LATEST = int(datetime(9999, 12, 29, tzinfo=UTC).timestamp())
_DAY = timedelta(days=1)
_BEGIN_OF_TIME = datetime.combine(date.min, time())
# Instances within the clock's slack round the window are dropped again, they must not use up the limit.
_SLACK_INSTANCES = 100
_TAIL_DAYS = 366
MOST_IN_WINDOW = 10_000
"""Instances of one event from a month before it is stored to two years after; what has more is not stored as it is."""
MOST_INSTANCES = 25_000
"""Instances of one event that a calendar keeps, whatever its history and horizon; 67 years of every day."""
_BEHIND, _AHEAD = 31 * 86400, 731 * 86400
_STRONGEST_FIRST = ("BUSY-UNAVAILABLE", "BUSY", "BUSY-TENTATIVE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """A changed instance: naive wall clock times in the series' zone, or dates; `end` is exclusive."""

    start: Wall
    end: Wall
    busy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One event with all its instances.

    `start` and `end` (exclusive) are naive wall clock times in `tzid`, or dates for an all-day event, whose
    days are those of `tzid`. `days` are those of a timed event's DURATION: they are nominal, 24 hours or not, and what
    else there is between `start` and `end` is exact (sections 3.3.6 and 3.8.5.3). `rdates`, `exdates` and the keys of
    `overrides` (RECURRENCE-ID) are of the same type. An override whose key is no instance is an extra instance. `busy`
    is '', 'BUSY', 'BUSY-TENTATIVE' or 'BUSY-UNAVAILABLE'. Raises UnknownTimeZone, and BadRule for an all-day event that
    repeats within the day.
    """

    start: Wall
    end: Wall
    tzid: str
    rule: Rule | None
    rdates: tuple[Wall, ...]
    exdates: tuple[Wall, ...]
    overrides: Mapping[Wall, Override]
    busy: str
    days: int = 0

    def __post_init__(self) -> None:
        zone(self.tzid)
        if self.rule is not None and self.rule.within_day and self.all_day:
            raise BadRule(f"FREQ={self.rule.freq} cannot repeat an all-day event; use DAILY or coarser")

    @property
    def all_day(self) -> bool:
        """Whether instances are whole days."""
        return not isinstance(self.start, datetime)

    @property
    def duration(self) -> tuple[int, int]:
        """The nominal days and exact seconds that each instance lasts; of a timed event with the former in it."""
        if not isinstance(self.start, datetime):
            return max(1, self.end.toordinal() - self.start.toordinal()), 0
        starts_at, ends_at = _span(self.start, self.end, self.tzid)
        return self.days, ends_at - (
            _instant(_later(self.start, self.days), self.tzid) if self.days else starts_at
        )

    @property
    def until(self) -> Wall | None:
        """The inclusive UNTIL on the wall clock, of the type of `start`; None without one."""
        return until_local(self.rule, self.tzid, all_day=self.all_day) if self.rule else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """When one instance takes place: UTC epoch seconds, end exclusive and after the start."""

    starts_at: int
    ends_at: int
    busy: str


def expand(
    series: Series, after: int, before: int, *, limit: int = MOST_IN_WINDOW, steps: Steps | None = None
) -> list[Occurrence]:
    """Return the occurrences that overlap [after, before) in UTC epoch seconds, sorted.

    A timed instance lasts exactly as long as the first but for nominal days, an all-day one as many days. Raises
    TooMany beyond `limit` occurrences and TooExpensive when the rule takes too long to expand.
    """
    after, before = _clamped(after), _clamped(before)
    length = _Length.of(series)
    gone = {*series.exdates, *series.overrides}
    found = [
        Occurrence(starts_at=starts_at, ends_at=ends_at, busy=series.busy)
        for instance in _instances(series, length, after, before, limit, steps)
        if instance not in gone
        for starts_at, ends_at in (length.span(instance),)
        if starts_at < before and ends_at > after
    ]
    for override in series.overrides.values():
        starts_at, ends_at = _override_span(override, series.tzid)
        if starts_at < before and ends_at > after:
            found.append(Occurrence(starts_at=starts_at, ends_at=ends_at, busy=override.busy))
    if len(found) > limit:
        raise TooMany(limit)
    return sorted(found, key=lambda occurrence: (occurrence.starts_at, occurrence.ends_at))


def kept(series: Series, after: int, before: int, present: int) -> list[Occurrence]:
    """Return the occurrences in [after, before), UTC epoch seconds, at most about `MOST_INSTANCES`; never raises for
    their number. Where they are more, those around `present` are exact, if they can be, and what lies before and after
    takes all its time: nothing that is stored vanishes because a calendar reaches far.
    """
    try:
        return expand(series, after, before, limit=MOST_INSTANCES)
    except BadRule:
        pass
    first, last = extent(series)
    low, high = max(after, first), before if last is None else min(before, last)
    near = min(max(low, present - _BEHIND), high), max(min(high, present + _AHEAD), low)
    every = [series.busy, *(override.busy for override in series.overrides.values())]
    strongest = next((busy for busy in _STRONGEST_FIRST if busy in every), "")
    found = [
        Occurrence(starts_at=start, ends_at=end, busy=strongest)
        for start, end in ((low, near[0]), (near[1], high))
        if start < end
    ]
    try:
        found += expand(series, *near)
    except BadRule:
        found.append(Occurrence(starts_at=near[0], ends_at=near[1], busy=strongest))
    return sorted(found, key=lambda occurrence: (occurrence.starts_at, occurrence.ends_at))


def taking(series: Series, after: int, before: int) -> list[Occurrence]:
    """Return the occurrences in [after, before), UTC epoch seconds, that take time, sorted. A series too frequent to
    expand takes all of it, as the strongest of its kinds of busy.
    """
    try:
        return [it for it in expand(series, after, before) if it.busy]
    except ValueError:
        every = {series.busy, *(override.busy for override in series.overrides.values())}
        strongest = next((busy for busy in _STRONGEST_FIRST if busy in every), "")
        return [Occurrence(starts_at=after, ends_at=before, busy=strongest)] if strongest else []


def extent(series: Series, *, steps: Steps | None = None) -> tuple[int, int | None]:
    """Return the first start and the last end in UTC epoch seconds; None when the series does not end.

    Both are outer bounds: excluded instances at either edge may still be covered.
    """
    length = _Length.of(series)
    moved = [_override_span(override, series.tzid) for override in series.overrides.values()]
    starts = [length.span(instance)[0] for instance in (series.start, *series.rdates)]
    first = min([*starts, *(starts_at for starts_at, _ in moved)])
    finals = _last_instances(series, steps)
    if finals is None:
        return first, None
    ends = [length.span(instance)[1] for instance in finals] + [ends_at for _, ends_at in moved]
    return first, max(ends, default=length.span(series.start)[1])


def last_day(series: Series) -> date | None:
    """Return the date on and after which nothing of the series remains; None when it does not end.

    All-day: the exclusive end date of the last instance, whatever the zone. Timed: the UTC date of the last
    end, plus one unless that end is midnight.
    """
    finals = _last_instances(series)
    if finals is None:
        return None
    length = _Length.of(series)
    days = [length.end_day(instance) for instance in finals]
    days += [_end_day(override.start, override.end, series.tzid) for override in series.overrides.values()]
    return max(days, default=length.end_day(series.start))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Length:
    """How long each instance of a series lasts: nominal `days`, and beside them exact `seconds` when it is timed."""

    tzid: str
    days: int
    seconds: int

    @classmethod
    def of(cls, series: Series) -> _Length:
        days, seconds = series.duration
        return cls(tzid=series.tzid, days=days, seconds=seconds)

    @property
    def slack(self) -> timedelta:
        """How much earlier than a window an instance may start and still reach into it."""
        return timedelta(days=self.days + 1, seconds=max(0, self.seconds))

    def span(self, instance: Wall) -> tuple[int, int]:
        if isinstance(instance, datetime):
            starts_at = _instant(instance, self.tzid)
            full = _instant(_later(instance, self.days), self.tzid) if self.days else starts_at
            return starts_at, max(starts_at + 1, _clamped(full + self.seconds))
        return _span(instance, _plus(instance, self.days), self.tzid)

    def end_day(self, instance: Wall) -> date:
        if isinstance(instance, datetime):
            return _day_after(self.span(instance)[1])
        return _plus(instance, self.days)


def _instances(
    series: Series, length: _Length, after: int, before: int, limit: int, steps: Steps | None
) -> Iterable[Wall]:
    """Return the instances of DTSTART, RRULE and RDATE that can overlap the window."""
    if series.rule is None:
        return {series.start, *series.rdates}
    low = from_epoch(after, series.tzid)
    earliest = low - length.slack if low - _BEGIN_OF_TIME > length.slack else _BEGIN_OF_TIME
    latest = from_epoch(before, series.tzid) + _DAY
    first: Wall = earliest
    last: Wall = latest
    if series.all_day:
        first, last = earliest.date(), latest.date()
    allowed = limit + _SLACK_INSTANCES + len(series.exdates) + len(series.overrides)
    found = occurrences(
        series.rule, series.start, first, last, limit=allowed, until_local=series.until, steps=steps
    )
    return {*found, *series.rdates} if series.rdates else found


def _last_instances(series: Series, steps: Steps | None = None) -> list[Wall] | None:
    """Return instances among which the last one is; None when the series does not end."""
    gone = {*series.exdates, *series.overrides}
    finals: list[Wall] = [rdate for rdate in series.rdates if rdate not in gone]
    if series.rule is None:
        return finals if series.start in gone else [*finals, series.start]
    last = last_occurrence(series.rule, series.start, until_local=series.until, steps=steps)
    return None if last is None else [*finals, _last_kept(series, last, gone)]


def _last_kept(series: Series, last: Wall, gone: set[Wall]) -> Wall:
    """Return the last instance that is neither excluded nor overridden, within the year before `last`."""
    if last not in gone or series.rule is None:
        return last
    begin = series.start
    if last.toordinal() - begin.toordinal() > _TAIL_DAYS:
        begin = last - timedelta(days=_TAIL_DAYS)
    try:
        tail = occurrences(series.rule, series.start, begin, last, until_local=series.until)
    except BadRule:
        return last
    return next((instance for instance in reversed(tail) if instance not in gone), last)


def _override_span(override: Override, tzid: str) -> tuple[int, int]:
    return _span(override.start, override.end, tzid)


def _span(start: Wall, end: Wall, tzid: str) -> tuple[int, int]:
    """Return start and exclusive end as instants, at least one second, or for dates one day, apart."""
    if not isinstance(start, datetime) and end <= start:
        end = _plus(start, 1)
    starts_at = _instant(start, tzid)
    return starts_at, max(starts_at + 1, _instant(end, tzid))


def _instant(value: Wall, tzid: str) -> int:
    """Return the instant of a wall clock time, or of the local midnight that begins a date."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return _clamped(to_epoch(moment, tzid))


def _end_day(start: Wall, end: Wall, tzid: str) -> date:
    if isinstance(start, datetime):
        return _day_after(_span(start, end, tzid)[1])
    return max(end, _plus(start, 1))


def _day_after(ends_at: int) -> date:
    """Return the UTC date of an end, plus one unless it is midnight."""
    return datetime.fromtimestamp(-(-_clamped(ends_at) // 86400) * 86400, UTC).date()


def _later(moment: datetime, days: int) -> datetime:
    return moment + timedelta(days=days) if moment <= datetime.max - timedelta(days=days) else datetime.max


def _plus(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def _clamped(epoch: int) -> int:
    return max(EARLIEST, min(epoch, LATEST))
