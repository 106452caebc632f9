# SPDX-License-Identifier: GPL-3.0-or-later
"""The repetition of an outside event. Its rule is read tolerantly and its cost is bounded. A rule that cannot be
followed in full is replaced by one that blocks at least as much (RFC 5545 section 3.3.10, RFC 2445 sections 4.8.5.2 and
4.8.5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from importer.understand import values
from importer.understand.notes import Note
from importer.understand.recurring import rule_text
from importer.understand.values import FIRST_YEAR, LAST_YEAR, MOST_LISTED, Moment, Property, Reader
from scheduling.ical import recurrence, timezones
from scheduling.ical.recurrence import BadRule, Frequency, Rule, Steps
from scheduling.ical.rules import UNIT_SECONDS, is_too_frequent, parse_rule
from scheduling.ical.series import MOST_IN_WINDOW, Override, Series, expand, extent
from scheduling.subscriptions.unread import ALWAYS, Gap

MOST_DATES = MOST_LISTED
"""Additional or excluded dates of one event."""
MOST_EXCEPTIONS = 1_000
"""Changed instances of one event. Each is a component that every client has to parse."""
_BEHIND, _AHEAD = timedelta(days=31), timedelta(days=731)
_WRITTEN_OUT = timedelta(days=3653)
_LONGEST = 86400 * 366 * 200
_DAY = timedelta(days=1)
_MOST_WHERE_FREQUENT = 1_000
"""Instances within the usual horizon of an event that may repeat more often than hourly."""
_COVERED = Note(
    "repetition-covered",
    "It repeats too often to be followed; every day on which it may take place was blocked.",
)
_NEVER = Note(
    "repetition-none",
    "Its repetition rule has no second occurrence within 60 years; only its first was kept.",
)
COVERING = frozenset({"repetition-covered", "repetition-throughout", "repetition-unreadable"})
MARK = "This event repeats too often to be followed; every day on which it may take place is blocked."
MARK_UNREADABLE = "The repetition of this event cannot be read; every day from its start on is blocked."
"""The remark that is written into events that block more than they say."""


@dataclass(kw_only=True, slots=True)
class Budget:
    """The total cost allowed for the repetitions of one feed: steps, and occurrences within the usual horizon."""

    steps: Steps = field(default_factory=lambda: Steps(10_000_000))
    occurrences: int = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """The rule, if there is one, and the dates from additional rules and exclusion rules (EXRULE). `is_covering` says
    that the original rule could not be read. `rule` then blocks every day on which the event may take place.
    """

    rule: Rule | None = None
    rdates: tuple[date, ...] = ()
    exdates: tuple[date, ...] = ()
    is_covering: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    rule: Rule
    is_covering: bool


def read(
    master: Mapping[str, Sequence[Property]], start: Moment, reader: Reader, now: datetime, budget: Budget
) -> Repetition:
    """The RRULEs and EXRULEs of a master. Rules that cannot be read are noted."""
    rules = {rule: None for item in master.get("RRULE", ()) if (rule := _rule(item.value, start, reader))}
    ordered = sorted(rules, key=lambda it: not it.is_covering)
    rdates: list[date] = []
    for other in ordered[1:]:
        rdates += _written_out(other.rule, start, reader, now, budget, "RRULE")
    exdates: list[date] = []
    for item in master.get("EXRULE", ()):
        try:
            excluded = _in_form(parse_rule(rule_text.plain(item.value)), start, reader)
        except BadRule as error:
            note = f"Its EXRULE is not usable ({error.reason}), so it may block more than it should."
            reader.notes.append(Note("exrule-unreadable", note))
        else:
            exdates += _written_out(excluded, start, reader, now, budget, "EXRULE")
    return Repetition(
        rule=ordered[0].rule if ordered else None,
        rdates=tuple(rdates),
        exdates=tuple(exdates),
        is_covering=bool(ordered) and ordered[0].is_covering,
    )


_LIFETIME = timedelta(days=366 * 60)
"""The time from now on. A rule without an instance in it can be dropped: nobody would miss it."""
_MOST_SECONDS = 3600
"""A SECONDLY rule is kept only if its interval has at least this many seconds."""


def bounded(found: Series, now: datetime, reader: Reader, budget: Budget) -> Series:
    """The series. If its rule costs too much, a cheap series that covers it."""
    if found.rule is None:
        return found
    window = int((now - _BEHIND).timestamp()), int((now + _AHEAD).timestamp())
    if budget.occurrences > 0 and _is_heavy_for_clients(found.rule):
        covered = replace(found, rule=_without_times(found.rule, found.start))
        if _never_repeats(covered, now, budget):
            reader.notes.append(_NEVER)
            return replace(found, rule=None)
    elif budget.occurrences > 0:
        limit = _MOST_WHERE_FREQUENT if is_too_frequent(found.rule) else MOST_IN_WINDOW
        try:
            occurrences = len(expand(found, *window, limit=limit, steps=budget.steps))
            extent(found, steps=budget.steps)
        except (BadRule, OverflowError):
            pass
        else:
            budget.occurrences -= occurrences
            if occurrences <= 1 and recurrence.is_infinite(found.rule) and _never_repeats(found, now, budget):
                reader.notes.append(_NEVER)
            return found
    for rule in (_without_times(found.rule, found.start), _every_day(found.rule, found.start)):
        if budget.occurrences <= 0:
            break  # even a cheap rule costs too much now: do not expand tens of thousands of instances to learn it
        covered = covering(found, rule)
        try:
            occurrences = len(expand(covered, *window, steps=budget.steps))
            extent(covered, steps=budget.steps)
        except (BadRule, OverflowError):
            continue
        budget.occurrences -= occurrences
        if budget.occurrences > 0:
            reader.notes.append(_COVERED)
            return covered
    note = "The calendar repeats too much to be followed in full; this event was blocked from its start to its end."
    reader.notes.append(Note("repetition-throughout", note))
    return _throughout(found)


def _is_heavy_for_clients(rule: Rule) -> bool:
    """Whether a calendar app has to look at many seconds for each instance, however few there are."""
    return rule.freq is Frequency.SECONDLY and rule.interval < _MOST_SECONDS


def _never_repeats(found: Series, now: datetime, budget: Budget) -> bool:
    """Whether only the first occurrence comes within a lifetime, for example with a rule on 30 February."""
    until = int((now + _LIFETIME).timestamp())
    first, _ = extent(replace(found, rule=None))
    if first < 0 or found.rdates or found.overrides:
        return False  # instances before 1970 are not examined
    try:
        return len(expand(found, 0, until, limit=1, steps=budget.steps)) <= 1
    except (BadRule, OverflowError):
        return False


def _rule(value: str, start: Moment, reader: Reader) -> _Read | None:
    """A rule, and whether we know only that it repeats. None if the text says that the event does not repeat."""
    text = rule_text.plain(value)
    if rule_text.is_none(text):
        note = "Its repetition rule is empty; only its first occurrence was kept."
        reader.notes.append(Note("repetition-none", note))
        return None
    rule, is_covering = _parsed(text, reader), False
    if rule is None:
        rule, is_covering = parse_rule(rule_text.every_day(text)), True
    if rule.until is not None and _means_no_end(rule.until, start):
        note = 'Its repetition ends in a year that programs write for "no end", so it has no end.'
        reader.notes.append(Note("until-none", note))
        rule = replace(rule, until=None)
    if _ends_before(rule, start, reader):
        note = "Its repetition ends before it begins; only its first occurrence was kept."
        reader.notes.append(Note("until-before-start", note))
        return None
    if rule.within_day and not start.timed:
        reader.notes.append(_COVERED)
        rule = _without_times(rule, start.local)
    return _Read(rule=_in_form(rule, start, reader), is_covering=is_covering)


def _parsed(text: str, reader: Reader) -> Rule | None:
    """The rule, without the parts that make no sense. None if no part is left."""
    try:
        return parse_rule(text, most_per_day=None)
    except BadRule as error:
        reason = error.reason
    mended = rule_text.mended(text)
    for attempt in (mended, rule_text.coarser(mended)):
        try:
            rule = parse_rule(attempt, most_per_day=None)
        except BadRule:
            continue
        note = f"Its repetition rule is not written correctly ({reason}) and was read by its meaning."
        reader.notes.append(Note("repetition-mended", note))
        return rule
    note = f"Its repetition rule cannot be read ({reason}); every day from its start on was blocked."
    reader.notes.append(Note("repetition-unreadable", note))
    return None


def _means_no_end(until: date, start: Moment) -> bool:
    day = until.date() if isinstance(until, datetime) else until
    is_zero = day.year < FIRST_YEAR or date(1969, 12, 31) <= day <= date(1970, 1, 1)
    return day.year > LAST_YEAR or (is_zero and day.toordinal() < start.local.toordinal())


def _until_local(rule: Rule, start: Moment, reader: Reader) -> date | None:
    """UNTIL on the wall clock. For whole days, the day that the file means."""
    zone = start.tzid if start.timed else reader.zones.days
    return recurrence.until_local(rule, zone, all_day=not start.timed)


def _ends_before(rule: Rule, start: Moment, reader: Reader) -> bool:
    last = _until_local(rule, start, reader)
    return last is not None and last < start.local


def _in_form(rule: Rule, start: Moment, reader: Reader) -> Rule:
    """The rule with UNTIL in the form section 3.3.10 asks for."""
    last = _until_local(rule, start, reader)
    if isinstance(last, datetime):
        last = datetime.fromtimestamp(timezones.to_epoch(last, start.tzid), UTC)
    return replace(rule, until=last)


def _written_out(
    rule: Rule, start: Moment, reader: Reader, now: datetime, budget: Budget, name: str
) -> list[date]:
    """The instances of a rule beside the first, from the start or lately, for ten years ahead."""
    low, high = (
        values.in_zone(Moment(local=moment.astimezone(UTC).replace(tzinfo=None), tzid="UTC"), start.tzid)
        for moment in (now - _BEHIND * 2, now + _WRITTEN_OUT)
    )
    first: date = low if start.timed else low.date()
    last: date = high if start.timed else high.date()
    until = _until_local(rule, start, reader)
    try:
        found = recurrence.occurrences(
            rule,
            start.local,
            max(first, start.local),
            max(last, start.local),
            limit=MOST_DATES,
            until_local=until,
            steps=budget.steps,
        )
    except (BadRule, OverflowError):
        effect = "it may block less" if name == "RRULE" else "it may block more"
        note = f"One of its rules ({name}) is too large and was left out, so {effect} than it should."
        reader.notes.append(Note(f"{name.lower()}-too-large", note, gap=ALWAYS if name == "RRULE" else None))
        return []
    goes_on = name == "RRULE" and (until is None or until > last) and rule.count is None
    reader.notes.append(
        Note(
            f"{name.lower()}-written-out",
            f"One of its rules ({name}) was written out as dates.",
            gap=Gap(start=int((now + _WRITTEN_OUT).timestamp())) if goes_on else None,
        )
    )
    # DTSTART need not be an instance of an exclusion rule.
    return [
        day
        for day in found
        if day != start.local or (name == "EXRULE" and recurrence.matches(rule, start.local))
    ]


def _without_times(rule: Rule, start: date) -> Rule:
    """A rule with an instance on every day on which `rule` has one."""
    if rule.within_day:
        every = _every_day(rule, start)
        return replace(every, bymonth=rule.bymonth, bymonthday=rule.bymonthday, byday=rule.byday)
    plain = replace(rule, byhour=(), byminute=(), bysecond=(), bysetpos=())
    return replace(plain, count=None) if rule.bysetpos else plain


def _every_day(rule: Rule, start: date) -> Rule:
    """Every day as long as `rule` can last."""
    until = rule.until
    if rule.count is not None and rule.within_day and rule == _plain_rule(rule):
        seconds = (rule.count - 1) * rule.interval * UNIT_SECONDS[rule.freq]
        if seconds < _LONGEST:
            moment = start if isinstance(start, datetime) else datetime.combine(start, time())
            last = moment + timedelta(seconds=seconds)
            until = last if isinstance(start, datetime) else last.date()
    return Rule(freq=Frequency.DAILY, until=until)


def _plain_rule(rule: Rule) -> Rule:
    return Rule(freq=rule.freq, interval=rule.interval, count=rule.count, until=rule.until, wkst=rule.wkst)


def covering(found: Series, rule: Rule) -> Series:
    """The series with `rule`. Each instance lasts from midnight to midnight, plus the length of the event."""
    if not isinstance(found.start, datetime) or not isinstance(found.end, datetime):
        return replace(found, rule=rule, exdates=())
    start = _midnight(found.start)
    overrides: dict[date, Override] = {}
    for key, override in found.overrides.items():
        # A replaced instance must not remove a whole day.
        assert isinstance(key, datetime)
        overrides[key + timedelta(seconds=1) if key.time() == time() else key] = override
    return replace(
        found,
        start=start,
        end=start + _DAY + (found.end - found.start),
        rule=rule,
        rdates=tuple(sorted({_midnight(day) for day in found.rdates if isinstance(day, datetime)} - {start})),
        exdates=(),
        overrides=overrides,
    )


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _throughout(found: Series) -> Series:
    """One period from the first start to the last possible end."""
    until = found.until
    last: date = until if until is not None else date(LAST_YEAR, 12, 31)
    if isinstance(found.start, datetime) and not isinstance(last, datetime):
        last = datetime.combine(last, time())
    starts = [found.start, *found.rdates, *(override.start for override in found.overrides.values())]
    first = min(start for start in starts if isinstance(start, datetime) == isinstance(last, datetime))
    length = found.end.toordinal() - found.start.toordinal() + 1
    return replace(
        found,
        start=first,
        end=max(last + _DAY * length, found.end),
        rule=None,
        rdates=(),
        exdates=(),
        overrides={},
    )
