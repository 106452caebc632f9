# SPDX-License-Identifier: GPL-3.0-or-later
"""Additional, excluded and changed instances of a series (RFC 5545 sections 3.8.4.4 and 3.8.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date

from importer.errors import Unusable
from importer.understand import event, values
from importer.understand.event import Details, Properties
from importer.understand.notes import Note
from importer.understand.period import Period, period
from importer.understand.recurring import pieces
from importer.understand.recurring.pieces import Change
from importer.understand.recurring.repetition import MOST_DATES, MOST_EXCEPTIONS
from importer.understand.values import LAST_YEAR, Moment, Reader
from scheduling.ical.series import Override
from scheduling.subscriptions.unread import ALWAYS


@dataclass(kw_only=True, slots=True)
class Dates:
    """What is known about a series besides its master."""

    rdates: dict[date, None] = field(default_factory=dict)
    exdates: dict[date, None] = field(default_factory=dict)
    overrides: dict[date, Override] = field(default_factory=dict)
    details: dict[date, Details] = field(default_factory=dict)


def add_rdates(dates: Dates, master: Properties, main: Period, busy: str, reader: Reader) -> None:
    """Take over RDATE, including periods."""
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
                raise Unusable("year-outside", f"It is after the year {LAST_YEAR}.")  # noqa: TRY301
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


def add_exdates(dates: Dates, master: Properties, main: Period, reader: Reader) -> None:
    """Take over EXDATE."""
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


def left_out(item: Properties, error: Unusable) -> Note:
    """That an exception could not be read. Unless it is cancelled, the time that it may take is not known."""
    sentence = f"One of its exceptions was left out: {error.reason}"
    gap = None if event.details(item).status == "CANCELLED" else ALWAYS
    return Note("exception-unreadable", sentence, gap=gap)


def add_overrides(
    dates: Dates, overrides: Sequence[Properties], main: Period, rules: Set[str], reader: Reader
) -> list[tuple[Properties, Change]]:
    """Take over the exceptions. Returns those that also change other instances."""
    changes: list[tuple[Properties, Change]] = []
    for item in overrides[:MOST_EXCEPTIONS]:
        try:
            replaced = _add_override(dates, item, main, reader)
        except Unusable as error:
            reader.notes.append(left_out(item, error))
            continue
        kind = item["RECURRENCE-ID"][0].parameters.get("RANGE", "").strip().upper()
        own = {rule.value.strip().upper() for rule in (*item.get("RRULE", ()), *item.get("RDATE", ()))}
        if kind in (pieces.FUTURE, pieces.PRIOR):
            if own - rules and event.details(item).status != "CANCELLED":
                dates.overrides.pop(replaced, None)
                dates.exdates[replaced] = None
            details = event.details(item)
            model = None if details.status == "CANCELLED" else dates.overrides.get(replaced)
            change = Change(replaced=replaced, kind=kind, model=model, details=details)
            changes.append((item, change))
            continue
        if kind:
            sentence = (
                "One of its exceptions is for an unknown range of instances and was applied to one instance."
            )
            reader.notes.append(Note("range-unreadable", sentence, gap=ALWAYS))
        if own - rules and event.details(item).status != "CANCELLED":
            sentence = "One of its exceptions repeats by itself and was applied to one instance."
            reader.notes.append(Note("exception-repeats", sentence, gap=ALWAYS))
    if len(overrides) > MOST_EXCEPTIONS:
        reader.notes.append(
            Note(
                "exceptions-capped",
                f"Only its first {MOST_EXCEPTIONS} exceptions were taken over.",
                gap=ALWAYS,
            )
        )
    return changes


def _add_override(dates: Dates, item: Properties, main: Period, reader: Reader) -> date:
    """Take over an exception. Returns the instance that it replaces."""
    if "RECURRENCE-ID" not in item:
        raise Unusable("exception-unreadable", "Its RECURRENCE-ID cannot be read.")
    identifier = item["RECURRENCE-ID"][0]
    if any(other.value != identifier.value for other in item["RECURRENCE-ID"]):
        sentence = "One of its exceptions is for several instances; the first counts, and time is unknown."
        reader.notes.append(Note("property-doubled", sentence, gap=ALWAYS))
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
