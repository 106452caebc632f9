# SPDX-License-Identifier: GPL-3.0-or-later
"""When an outside event takes place: period, repetition and exceptions (RFC 5545 sections 3.6.1, 3.8.2,
3.8.4.4, 3.8.5).

Everything is brought into the zone and the value type of the master's DTSTART.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from importer import event, values
from importer.errors import Unusable
from importer.event import Details, Properties
from importer.values import LAST_YEAR, Moment, Reader
from scheduling.ical import recurrence, timezones
from scheduling.ical.recurrence import BadRule, Rule
from scheduling.ical.series import Override, Series, expand, extent

MOST_DATES = 5_000
_GREGORIAN = re.compile(r"\b(RSCALE=GREGORIAN|SKIP=OMIT)(;|$)", re.IGNORECASE)
"""RFC 7529 parts that change nothing."""
_AHEAD = timedelta(days=730)


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Start and exclusive end, both DATE or both DATE-TIME."""

    start: Moment
    end: Moment

    def within(self, tzid: str) -> Period:
        """The same period on the wall clock of a zone; whole days stay as they are."""
        if not self.start.timed:
            return self
        start, end = (Moment(local=values.in_zone(edge, tzid), tzid=tzid) for edge in (self.start, self.end))
        return Period(start=start, end=end)


@dataclass(kw_only=True, slots=True)
class _Dates:
    """What is gathered about a series besides its master."""

    rdates: dict[date, None] = field(default_factory=dict)
    exdates: dict[date, None] = field(default_factory=dict)
    overrides: dict[date, Override] = field(default_factory=dict)
    details: dict[date, Details] = field(default_factory=dict)


def period(properties: Properties, reader: Reader) -> Period:
    """DTSTART with DTEND or DURATION or neither; an end before the start counts as none.

    Raises Unusable when there is no readable start or end.
    """
    found = properties.get("DTSTART")
    if not found:
        raise Unusable("It has no DTSTART.")
    start = reader.moment(found[0].value, found[0].parameters)
    end = _end(properties, start, reader)
    length = values.epoch(end) - values.epoch(start)
    if length < 0:
        reader.warnings.append("It ends before it starts and was given the shortest length.")
    if length <= 0:
        end = start if start.timed else replace(start, local=start.local + timedelta(days=1))
    if end.local.year > LAST_YEAR:
        raise Unusable(f"It ends after the year {LAST_YEAR}.")
    return Period(start=start, end=end)


def _end(properties: Properties, start: Moment, reader: Reader) -> Moment:
    if found := properties.get("DTEND"):
        end = reader.beside(start).moment(found[0].value, found[0].parameters)
        if start.timed:
            return replace(end, local=values.in_zone(end, end.tzid))
        partial = isinstance(end.local, datetime) and end.local.time() != time()
        return replace(start, local=values.as_day(end, start.tzid) + timedelta(days=int(partial)))
    if found := properties.get("DURATION"):
        length = values.duration(found[0].value)
        if length is not None:
            return values.after(start, length)
        reader.warnings.append("Its DURATION cannot be read and was left out.")
    return start


def series(
    master: Properties, overrides: Sequence[Properties], reader: Reader, now: datetime
) -> tuple[Series, dict[date, Details]]:
    """The series of a master and its exceptions, and the details of each exception that takes place.

    Raises Unusable when the master has no readable period or nothing of the series takes place.
    """
    main = period(master, reader)
    reader = reader.beside(main.start)
    if not (overrides or "RRULE" in master or "RDATE" in master):
        main = main.within("UTC")  # exact where the clock goes back
    else:
        main = main.within(main.start.tzid)
    dates = _Dates()
    busy = event.details(master).busy
    _add_rdates(dates, master, main, busy, reader)
    _add_exdates(dates, master, main, reader)
    for item in overrides[:MOST_DATES]:
        try:
            _add_override(dates, item, main, reader)
        except Unusable as error:
            reader.warnings.append(f"One of its exceptions was left out: {error.reason}")
    if len(overrides) > MOST_DATES:
        reader.warnings.append(f"Only its first {MOST_DATES} exceptions were taken over.")
    # An instance both excluded and replaced takes place: blocking too much is the safe side.
    exdates = tuple(sorted(day for day in dates.exdates if day not in dates.overrides))
    found = Series(
        start=main.start.local,
        end=main.end.local,
        tzid=main.start.tzid,
        rule=_rule(master, main.start, reader),
        rdates=tuple(sorted(day for day in dates.rdates if day != main.start.local)),
        exdates=exdates,
        overrides=dates.overrides,
        busy=busy,
    )
    return _bounded(found, now, reader), dates.details


def without_master(overrides: Sequence[Properties], reader: Reader) -> tuple[Properties, list[Properties]]:
    """Exceptions that came without their series as one: the first is the master, the others replace further
    dates.

    Raises Unusable when none of them can be read.
    """
    readable: list[tuple[bool, int, Properties]] = []
    for item in overrides:
        try:
            start = period(item, reader).start
        except Unusable as error:
            reader.warnings.append(f"One of its exceptions was left out: {error.reason}")
        else:
            cancelled = event.details(item).status == "CANCELLED"
            readable.append((cancelled, values.epoch(start), item))
    if not readable:
        raise Unusable("None of its exceptions can be read.")
    first, *others = (item for _, _, item in sorted(readable, key=lambda entry: entry[:2]))
    starts = [replace(item["DTSTART"][0], name="RDATE") for item in others]
    return {**first, "RDATE": starts}, [{**item, "RECURRENCE-ID": item["DTSTART"]} for item in others]


def _add_rdates(dates: _Dates, master: Properties, main: Period, busy: str, reader: Reader) -> None:
    found, cut = values.values(master.get("RDATE", ()), MOST_DATES)
    if cut:
        reader.warnings.append(f"Only its first {MOST_DATES} further dates (RDATE) were taken over.")
    for value, item in found:
        try:
            begins, slash, ends = value.partition("/")
            moment = reader.moment(begins, item.parameters)
            day = values.like(moment, main.start)
            dates.rdates[day] = None
            if slash:
                end = _period_end(ends, moment, item.parameters, main.start, reader)
                if end > day:
                    dates.overrides[day] = Override(start=day, end=end, busy=busy)
                    dates.details[day] = event.details(master)
        except Unusable as error:
            reader.warnings.append(f"One of its further dates (RDATE) was left out: {error.reason}")


def _period_end(
    value: str, begins: Moment, parameters: Mapping[str, str], start: Moment, reader: Reader
) -> date:
    """The end of a PERIOD (section 3.3.9), either explicit or a duration."""
    length = values.duration(value)
    if length is None:
        return values.like(reader.moment(value, parameters), start)
    return values.like(values.after(begins, length), start)


def _add_exdates(dates: _Dates, master: Properties, main: Period, reader: Reader) -> None:
    found, cut = values.values(master.get("EXDATE", ()), MOST_DATES)
    if cut:
        reader.warnings.append(f"Only its first {MOST_DATES} excluded dates (EXDATE) were taken over.")
    for value, item in found:
        try:
            moment = reader.moment(value, item.parameters)
            dates.exdates[values.like(moment, main.start)] = None
        except Unusable as error:
            reader.warnings.append(f"One of its excluded dates (EXDATE) was left out: {error.reason}")


def _add_override(dates: _Dates, item: Properties, main: Period, reader: Reader) -> None:
    identifier = item["RECURRENCE-ID"][0]
    replaced = values.like(reader.moment(identifier.value, identifier.parameters), main.start)
    if "RANGE" in identifier.parameters:
        reader.warnings.append("A change of this and all later instances was applied to this instance only.")
    details = event.details(item)
    if details.status == "CANCELLED":
        dates.exdates[replaced] = None
        return
    start, end = _override_period(item, replaced, main, reader)
    dates.overrides[replaced] = Override(start=start, end=end, busy=details.busy)
    dates.details[replaced] = details


def _override_period(item: Properties, replaced: date, main: Period, reader: Reader) -> tuple[date, date]:
    if "DTSTART" not in item:
        return replaced, replaced + (main.end.local - main.start.local)
    own = period(item, reader)
    if not main.start.timed and not own.start.timed:
        return own.start.local, own.end.local
    return values.in_zone(own.start, main.start.tzid), values.in_zone(own.end, main.start.tzid)


def _rule(master: Properties, start: Moment, reader: Reader) -> Rule | None:
    found = master.get("RRULE", ())
    if master.get("EXRULE"):
        reader.warnings.append("Its EXRULE was left out, so it may block more than it should.")
    if not found:
        return None
    if len(found) > 1:
        reader.warnings.append("Only the first of its repetition rules was taken over.")
    try:
        rule = recurrence.parse_rule(_GREGORIAN.sub("", found[0].value.replace("\\", "")))
    except BadRule as error:
        reader.warnings.append(
            f"Its repetition rule is not usable ({error.reason}); only its first occurrence was kept."
        )
        return None
    if rule.within_day and not start.timed:
        reader.warnings.append(
            "It lasts whole days but repeats within a day; only its first occurrence was kept."
        )
        return None
    return _with_proper_until(rule, start, reader)


def _with_proper_until(rule: Rule, start: Moment, reader: Reader) -> Rule | None:
    """The rule with UNTIL in the form section 3.3.10 asks for; None when it ends before it begins."""
    last = recurrence.until_local(rule, start.tzid, all_day=not start.timed)
    if last is None:
        return rule
    if start.timed and not isinstance(last, datetime):
        last = datetime.combine(last, time(23, 59, 59))
    if last < start.local:
        reader.warnings.append("Its repetition ends before it begins; only its first occurrence was kept.")
        return None
    if isinstance(last, datetime):
        last = datetime.fromtimestamp(timezones.to_epoch(last, start.tzid), UTC)
    return replace(rule, until=last)


def _bounded(found: Series, now: datetime, reader: Reader) -> Series:
    """The series, without its rule if that is too costly to expand.

    Raises Unusable when nothing of it takes place.
    """
    if found.rule is not None:
        try:
            expand(found, int((now - timedelta(days=31)).timestamp()), int((now + _AHEAD).timestamp()))
            extent(found)
        except (BadRule, OverflowError):
            reader.warnings.append("Its repetition is too large; only its first occurrence was kept.")
            found = replace(found, rule=None)
    if found.rule is None and not found.overrides:
        days = {found.start, *found.rdates} - set(found.exdates)
        if not days:
            raise Unusable("All its occurrences are excluded.")
    return found
