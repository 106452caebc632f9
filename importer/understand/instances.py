# SPDX-License-Identifier: GPL-3.0-or-later
"""When an outside event takes place: period, repetition and exceptions (RFC 5545 sections 3.6.1, 3.8.2,
3.8.4.4, 3.8.5).

Everything is brought into the zone and the value type of the master's DTSTART.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from importer.errors import Unusable
from importer.understand import event, repetition, values
from importer.understand.anchor import anchored
from importer.understand.event import Details, Properties
from importer.understand.future import Future
from importer.understand.notes import Note
from importer.understand.repetition import MOST_DATES, MOST_EXCEPTIONS, Budget
from importer.understand.values import LAST_YEAR, Moment, Reader
from scheduling.ical import recurrence
from scheduling.ical.recurrence import BadRule
from scheduling.ical.series import Override, Series
from scheduling.subscriptions.unread import ALWAYS, Gap

_BEYOND = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) - 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Start and exclusive end, both DATE or both DATE-TIME; `days` as in `Series`."""

    start: Moment
    end: Moment
    days: int = 0

    def within(self, tzid: str) -> Period:
        """The same period on the wall clock of a zone; whole days stay as they are."""
        if not self.start.timed:
            return self
        start, end = (Moment(local=values.in_zone(edge, tzid), tzid=tzid) for edge in (self.start, self.end))
        return replace(self, start=start, end=end)


@dataclass(kw_only=True, slots=True)
class _Dates:
    """What is gathered about a series besides its master."""

    rdates: dict[date, None] = field(default_factory=dict)
    exdates: dict[date, None] = field(default_factory=dict)
    overrides: dict[date, Override] = field(default_factory=dict)
    details: dict[date, Details] = field(default_factory=dict)


def period(properties: Properties, reader: Reader) -> Period:
    """DTSTART with DTEND or DURATION or neither; an end before the start counts as none.

    Raises Unusable when there is no readable start, or one beyond the years that are kept.
    """
    start = _start(properties, reader)
    if start.local.year > LAST_YEAR:
        raise Unusable(
            "year-outside",
            f"It begins after the year {LAST_YEAR}.",
            gap=Gap(start=_BEYOND),
        )
    end, days = _end(properties, start, reader)
    length = values.epoch(end) - values.epoch(start)
    if length < 0:
        reader.notes.append(
            Note("end-before-start", "It ends before it starts and was given the shortest length.")
        )
    if length <= 0:
        days = 0
        end = start if start.timed else replace(start, local=start.local + timedelta(days=1))
    if end.local.year > LAST_YEAR:
        reader.notes.append(Note("end-outside", f"It ends after the year {LAST_YEAR} and was cut off there."))
        end, days = replace(end, local=end.local.replace(year=LAST_YEAR, month=12, day=31)), 0
    return Period(start=start, end=end, days=days)


def _start(properties: Properties, reader: Reader) -> Moment:
    found = properties.get("DTSTART")
    if not found:
        raise Unusable("no-start", "It has no DTSTART.")
    start = reader.moment(found[0].value, found[0].parameters)
    ends = properties.get("DTEND")
    if not start.floats or not ends or not ends[0].parameters.get("TZID"):
        return start
    # A zone that only the end names is meant for both.
    try:
        end = reader.moment(ends[0].value, ends[0].parameters)
    except Unusable:
        return start
    return replace(start, tzid=end.tzid) if end.timed and end.tzid != "UTC" else start


def _end(properties: Properties, start: Moment, reader: Reader) -> tuple[Moment, int]:
    """The end, and the nominal days before it. Where one is given and cannot be read, that of the day."""
    broken = None
    if found := properties.get("DTEND"):
        try:
            end = reader.beside(start).moment(found[0].value, found[0].parameters)
        except Unusable:
            broken = Note(
                "end-unreadable",
                "Its end cannot be read; it blocks until the end of the day on which it begins.",
            )
        else:
            if start.timed:
                return replace(end, local=values.in_zone(end, end.tzid)), 0
            partial = isinstance(end.local, datetime) and end.local.time() != time()
            day = values.as_day(end, reader.zones.days)
            return replace(start, local=day + timedelta(days=int(partial))), 0
    if found := properties.get("DURATION"):
        length = values.duration(found[0].value)
        if length is not None:
            return values.after(start, length), max(0, length.days) if start.timed else 0
        broken = Note(
            "duration-unreadable",
            "Its DURATION cannot be read; it blocks until the end of the day on which it begins.",
        )
    if broken is None:
        return start, 0
    reader.notes.append(broken)
    return _end_of_day(start, reader.zones.default), 0


def _end_of_day(start: Moment, tzid: str) -> Moment:
    """The midnight after a start, at least an hour later; a time in UTC is on a day of `tzid`."""
    if not isinstance(start.local, datetime):
        return replace(start, local=start.local + timedelta(days=1))
    zone = tzid if start.tzid == "UTC" else start.tzid
    local = values.in_zone(start, zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time())
    return Moment(local=max(midnight, local + timedelta(hours=1)), tzid=zone)


def series(
    master: Properties, overrides: Sequence[Properties], reader: Reader, now: datetime, budget: Budget
) -> tuple[Series, dict[date, Details]]:
    """The series of a master and its exceptions, and the details of each exception that takes place.

    Raises Unusable when the master has no readable period or nothing of the series takes place.
    """
    main = period(master, reader)
    reader = reader.beside(main.start)
    if not (overrides or "RRULE" in master or "RDATE" in master):
        main = replace(main.within("UTC"), days=0)  # exact where the clock goes back
    else:
        main = main.within(main.start.tzid)
    dates = _Dates()
    busy = event.details(master).busy
    repeated = repetition.read(master, main.start, reader, now, budget)
    dates.rdates.update(dict.fromkeys(repeated.rdates))
    dates.exdates.update(dict.fromkeys(repeated.exdates))
    _add_rdates(dates, master, main, busy, reader)
    _add_exdates(dates, master, main, reader)
    plain = Series(
        start=main.start.local,
        end=main.end.local,
        tzid=main.start.tzid,
        rule=repeated.rule,
        rdates=tuple(sorted(day for day in dates.rdates if day != main.start.local)),
        exdates=(),
        overrides={},
        busy=busy,
        days=main.days,
    )
    if repeated.rule is not None and repeated.is_covering:
        plain = repetition.covering(plain, repeated.rule)
    plain = anchored(plain, reader.notes, budget)
    _add_overrides(dates, overrides, main, reader, Future(series=plain, now=now, budget=budget))
    # An instance both excluded and replaced takes place: blocking too much is the safe side.
    found = replace(
        plain,
        exdates=tuple(sorted(day for day in dates.exdates if day not in dates.overrides)),
        overrides=dates.overrides,
    )
    return repetition.bounded(_with_something_left(found), now, reader, budget), dates.details


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
            reader.notes.append(
                Note(
                    "exception-unreadable",
                    f"One of its exceptions was left out: {error.reason}",
                    gap=None if event.details(item).status == "CANCELLED" else ALWAYS,
                )
            )
        else:
            cancelled = event.details(item).status == "CANCELLED"
            readable.append((cancelled, values.epoch(start), item))
    if not readable:
        raise Unusable("exception-unreadable", "None of its exceptions can be read.")
    first, *others = (item for _, _, item in sorted(readable, key=lambda entry: entry[:2]))
    starts = [replace(item["DTSTART"][0], name="RDATE") for item in others]
    return {**first, "RDATE": starts}, [{**item, "RECURRENCE-ID": item["DTSTART"]} for item in others]


def _add_rdates(dates: _Dates, master: Properties, main: Period, busy: str, reader: Reader) -> None:
    found, cut = values.values(master.get("RDATE", ()), MOST_DATES)
    if cut:
        reader.notes.append(
            Note(
                "rdates-capped",
                f"Only its first {MOST_DATES} further dates (RDATE) were taken over.",
                gap=ALWAYS,
            )
        )
    for value, item in found:
        try:
            begins, slash, ends = value.partition("/")
            moment = reader.moment(begins, item.parameters)
            if moment.local.year > LAST_YEAR:
                raise Unusable("year-outside", f"It lies after the year {LAST_YEAR}.")  # noqa: TRY301
            day = values.like(moment, main.start, reader.zones.days)
            dates.rdates[day] = None
            if slash and len(dates.overrides) < MOST_EXCEPTIONS:
                end = _period_end(ends, moment, item.parameters, main.start, reader)
                if end > day:
                    dates.overrides[day] = Override(start=day, end=end, busy=busy)
                    dates.details[day] = event.details(master)
        except Unusable as error:
            reader.notes.append(
                Note(
                    "rdate-unreadable",
                    f"One of its further dates (RDATE) was left out: {error.reason}",
                    gap=ALWAYS,
                )
            )


def _period_end(
    value: str, begins: Moment, parameters: Mapping[str, str], start: Moment, reader: Reader
) -> date:
    """The end of a PERIOD (section 3.3.9), either explicit or a duration."""
    length = values.duration(value)
    if length is None:
        return values.like(reader.moment(value, parameters), start, reader.zones.days)
    return values.like(values.after(begins, length), start, reader.zones.days)


def _add_exdates(dates: _Dates, master: Properties, main: Period, reader: Reader) -> None:
    found, cut = values.values(master.get("EXDATE", ()), MOST_DATES)
    if cut:
        reader.notes.append(
            Note("exdates-capped", f"Only its first {MOST_DATES} excluded dates (EXDATE) were taken over.")
        )
    for value, item in found:
        try:
            moment = reader.moment(value, item.parameters)
            dates.exdates[values.like(moment, main.start, reader.zones.days)] = None
        except Unusable as error:
            reader.notes.append(
                Note("exdate-unreadable", f"One of its excluded dates (EXDATE) was left out: {error.reason}")
            )


def _add_overrides(
    dates: _Dates, overrides: Sequence[Properties], main: Period, reader: Reader, future: Future
) -> None:
    following: list[tuple[date, Properties]] = []
    for item in overrides[:MOST_EXCEPTIONS]:
        try:
            replaced = _add_override(dates, item, main, reader)
        except Unusable as error:
            reader.notes.append(
                Note(
                    "exception-unreadable",
                    f"One of its exceptions was left out: {error.reason}",
                    gap=None if event.details(item).status == "CANCELLED" else ALWAYS,
                )
            )
        else:
            if item["RECURRENCE-ID"][0].parameters.get("RANGE", "").upper() == "THISANDFUTURE":
                following.append((replaced, item))
    if len(overrides) > MOST_EXCEPTIONS:
        reader.notes.append(
            Note(
                "exceptions-capped",
                f"Only its first {MOST_EXCEPTIONS} exceptions were taken over.",
                gap=ALWAYS,
            )
        )
    # A later change of this kind replaces an earlier one, and a change of one instance either (section 3.8.4.4).
    for replaced, item in sorted(following, key=lambda pair: pair[0], reverse=True):
        _add_following(dates, replaced, item, reader, future)


def _add_following(dates: _Dates, replaced: date, item: Properties, reader: Reader, future: Future) -> None:
    """Change the instances after `replaced` as it was: moved by as much, with the same length and texts."""
    try:
        instances = future.instances(replaced)
    except (BadRule, OverflowError):
        note = "A change of this and all later instances was applied to this instance only."
        reader.notes.append(Note("range-one-only", note, gap=ALWAYS))
        return
    note = "A change of this and all later instances was applied to those of the next two years."
    reader.notes.append(Note("range-this-and-future", note, gap=future.beyond()))
    details = event.details(item)
    model = dates.overrides.get(replaced)
    for day in instances:
        if day <= replaced or day in dates.overrides or day in dates.exdates:
            continue
        if model is None:
            dates.exdates[day] = None
        else:
            moved = day - replaced
            dates.overrides[day] = replace(model, start=model.start + moved, end=model.end + moved)
            dates.details[day] = details


def _add_override(dates: _Dates, item: Properties, main: Period, reader: Reader) -> date:
    """Take over an exception; returns the instance that it replaces."""
    identifier = item["RECURRENCE-ID"][0]
    moment = reader.moment(identifier.value, identifier.parameters)
    replaced = values.like(moment, main.start, reader.zones.days)
    details = event.details(item)
    if details.status == "CANCELLED":
        dates.exdates[replaced] = None
        return replaced
    start, end = _override_period(item, replaced, main, reader)
    dates.overrides[replaced] = Override(start=start, end=end, busy=details.busy)
    dates.details[replaced] = details
    return replaced


def _override_period(item: Properties, replaced: date, main: Period, reader: Reader) -> tuple[date, date]:
    if "DTSTART" not in item:
        return replaced, replaced + (main.end.local - main.start.local)
    own = period(item, reader)
    if not main.start.timed and not own.start.timed:
        return own.start.local, own.end.local
    return values.in_zone(own.start, main.start.tzid), values.in_zone(own.end, main.start.tzid)


def _with_something_left(found: Series) -> Series:
    """The series. Raises Unusable, without a gap, when every instance of it is excluded."""
    if found.overrides or not found.exdates:
        return found
    instances = {found.start, *found.rdates}
    if found.rule is not None:
        if recurrence.is_infinite(found.rule):
            return found
        try:
            beyond = found.start.replace(year=LAST_YEAR + 1, day=1)
            instances.update(
                recurrence.occurrences(
                    found.rule,
                    found.start,
                    found.start,
                    beyond,
                    limit=len(found.exdates),
                    until_local=found.until,
                )
            )
        except BadRule:
            return found  # more instances than excluded ones, or too many to tell
    if not instances - set(found.exdates):
        raise Unusable("all-excluded", "All its occurrences are excluded.", gap=None)
    return found
