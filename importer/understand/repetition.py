# SPDX-License-Identifier: GPL-3.0-or-later
"""The repetition of an outside event: its rule read tolerantly, bounded in cost, and where it cannot be followed in
full replaced by one that blocks at least as much (RFC 5545 section 3.3.10, RFC 2445 sections 4.8.5.2 and 4.8.5.4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from importer.understand import values
from importer.understand.notes import Note
from importer.understand.values import LAST_YEAR, Moment, Property, Reader
from scheduling.ical import recurrence, timezones
from scheduling.ical.recurrence import BadRule, Frequency, Rule, Steps, TooFrequent
from scheduling.ical.rules import UNIT_SECONDS, parse_rule
from scheduling.ical.series import Override, Series, expand, extent

MOST_DATES = 5_000
"""Further or excluded dates of one event."""
MOST_EXCEPTIONS = 1_000
"""Instances of one event with times or texts of their own, each a component that every reader has to parse."""
_GREGORIAN = re.compile(r"\b(RSCALE=GREGORIAN|SKIP=OMIT)(;|$)", re.IGNORECASE)
"""RFC 7529 parts that change nothing."""
_PARTS = frozenset(
    {
        *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY"),
        *("BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
    }
)
_BEHIND, _AHEAD = timedelta(days=31), timedelta(days=731)
_WRITTEN_OUT = timedelta(days=3653)
_LONGEST = 86400 * 366 * 200
_DAY = timedelta(days=1)
_COVERED = Note(
    "repetition-covered",
    "It repeats too often to be followed; every day on which it may take place was blocked.",
)
COVERING = frozenset({"repetition-covered", "repetition-throughout"})
MARK = "This event repeats too often to be followed; every day on which it may take place is blocked."
"""What is written into an event that blocks more than it says."""


@dataclass(kw_only=True, slots=True)
class Budget:
    """What the repetitions of one feed may cost in all: steps, and occurrences within the usual horizon."""

    steps: Steps = field(default_factory=lambda: Steps(10_000_000))
    occurrences: int = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """The rule, if it can be followed, and the dates that further rules and exclusion rules (EXRULE) come to."""

    rule: Rule | None = None
    rdates: tuple[date, ...] = ()
    exdates: tuple[date, ...] = ()


def read(
    master: Mapping[str, Sequence[Property]], start: Moment, reader: Reader, now: datetime, budget: Budget
) -> Repetition:
    """The RRULEs and EXRULEs of a master; what cannot be read is noted."""
    rules = [rule for item in master.get("RRULE", ()) if (rule := _rule(item.value, start, reader))]
    first, others = (rules[0], rules[1:]) if rules else (None, [])
    rdates: list[date] = []
    for rule in others:
        rdates += _written_out(rule, start, reader, now, budget, "RRULE")
    exdates: list[date] = []
    for item in master.get("EXRULE", ()):
        try:
            rule = _in_form(parse_rule(_plain(item.value)), start)
        except BadRule as error:
            note = f"Its EXRULE is not usable ({error.reason}), so it may block more than it should."
            reader.notes.append(Note("exrule-unreadable", note))
        else:
            exdates += _written_out(rule, start, reader, now, budget, "EXRULE")
    return Repetition(rule=first, rdates=tuple(rdates), exdates=tuple(exdates))


def bounded(found: Series, now: datetime, reader: Reader, budget: Budget) -> Series:
    """The series, or where its rule costs too much one that covers it and is cheap."""
    if found.rule is None:
        return found
    window = int((now - _BEHIND).timestamp()), int((now + _AHEAD).timestamp())
    if budget.occurrences > 0 and not _is_too_frequent(found):
        try:
            occurrences = len(expand(found, *window, steps=budget.steps))
            extent(found, steps=budget.steps)
        except (BadRule, OverflowError):
            pass
        else:
            budget.occurrences -= occurrences
            return found
    for rule in (_without_times(found.rule, found.start), _every_day(found.rule, found.start)):
        if budget.occurrences <= 0:
            break  # not even a cheap rule can be followed any more: do not expand tens of thousands to find that out
        covered = _covering(found, rule)
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


def _rule(value: str, start: Moment, reader: Reader) -> Rule | None:
    text = _plain(value)
    try:
        rule = parse_rule(text, most_per_day=None)
    except BadRule as error:
        reason = error.reason
        mended = _mended(text)
        try:
            rule = parse_rule(mended, most_per_day=None)
        except BadRule:
            note = f"Its repetition rule is not usable ({reason}); only its first occurrence was kept."
            reader.notes.append(Note("repetition-unreadable", note))
            return None
        note = f"Parts of its repetition rule are not usable ({reason}) and were left out."
        reader.notes.append(Note("repetition-mended", note))
    if _ends_before(rule, start):
        note = "Its repetition ends before it begins; only its first occurrence was kept."
        reader.notes.append(Note("until-before-start", note))
        return None
    if rule.within_day and not start.timed:
        reader.notes.append(_COVERED)
        rule = _without_times(rule, start.local)
    return _in_form(rule, start)


def _plain(value: str) -> str:
    return _GREGORIAN.sub("", value.replace("\\", ""))


def _mended(text: str) -> str:
    """The rule without what no reader can make sense of, which leaves it repeating at least as long."""
    if "RSCALE" in text.upper():
        return ""  # the days of another calendar system would be wrong ones (RFC 7529, section 4)
    kept: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name in _PARTS and value.strip(", "):
            kept.setdefault(name, ",".join(item for item in value.split(",") if item.strip()))
    if "UNTIL" in kept and not values.is_moment(kept["UNTIL"]):
        del kept["UNTIL"]
    if "UNTIL" in kept:
        kept.pop("COUNT", None)
    return ";".join(f"{name}={value}" for name, value in kept.items())


def _ends_before(rule: Rule, start: Moment) -> bool:
    last = recurrence.until_local(rule, start.tzid, all_day=not start.timed)
    return last is not None and last < start.local


def _in_form(rule: Rule, start: Moment) -> Rule:
    """The rule with UNTIL in the form section 3.3.10 asks for."""
    last = recurrence.until_local(rule, start.tzid, all_day=not start.timed)
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
    until = recurrence.until_local(rule, start.tzid, all_day=not start.timed)
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
        reader.notes.append(Note(f"{name.lower()}-too-large", note))
        return []
    reader.notes.append(
        Note(f"{name.lower()}-written-out", f"One of its rules ({name}) was written out as dates.")
    )
    # DTSTART need not be an instance of an exclusion rule.
    return [
        day
        for day in found
        if day != start.local or (name == "EXRULE" and recurrence.matches(rule, start.local))
    ]


def _is_too_frequent(found: Series) -> bool:
    assert found.rule is not None
    try:
        parse_rule(found.rule.text())
    except TooFrequent:
        return True
    return False


def _without_times(rule: Rule, start: date) -> Rule:
    """A rule with an instance on every day that `rule` has one, at the latest as often."""
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


def _covering(found: Series, rule: Rule) -> Series:
    """The series with `rule`, each instance lasting from midnight to midnight and the length of an event beyond."""
    if not isinstance(found.start, datetime) or not isinstance(found.end, datetime):
        return replace(found, rule=rule, exdates=())
    start = _midnight(found.start)
    overrides: dict[date, Override] = {}
    for key, override in found.overrides.items():
        # What replaces an instance must not take a whole day away.
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
