# SPDX-License-Identifier: GPL-3.0-or-later
"""When an outside event takes place: period, repetition and exceptions (RFC 5545 sections 3.6.1, 3.8.2, 3.8.4.4,
3.8.5).

All times are converted to the zone and the value type of the master's DTSTART.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from importer.errors import Unusable
from importer.understand import event, values
from importer.understand.event import Properties
from importer.understand.exceptions import Dates, add_exdates, add_overrides, add_rdates, left_out
from importer.understand.notes import Note
from importer.understand.period import period
from importer.understand.recurring import pieces, repetition
from importer.understand.recurring.anchor import anchored
from importer.understand.recurring.pieces import Piece
from importer.understand.recurring.repetition import Budget
from importer.understand.values import LAST_YEAR, Reader
from scheduling.ical import recurrence
from scheduling.ical.recurrence import BadRule
from scheduling.ical.series import Series
from scheduling.subscriptions.unread import ALWAYS, Gap


def series(
    master: Properties, overrides: Sequence[Properties], reader: Reader, now: datetime, budget: Budget
) -> list[Piece]:
    """The series of a master and its exceptions. A change of several instances divides the series into pieces.

    Raises Unusable when the master has no readable period or no instance takes place.
    """
    main = period(master, reader)
    reader = reader.beside(main.start)
    if not (overrides or "RRULE" in master or "RDATE" in master):
        main = replace(main.within("UTC"), days=0)  # exact where the clock goes back
    else:
        main = main.within(main.start.tzid)
    dates = Dates()
    busy = event.details(master).busy
    repeated = repetition.read(master, main.start, reader, now, budget)
    dates.rdates.update(dict.fromkeys(repeated.rdates))
    dates.exdates.update(dict.fromkeys(repeated.exdates))
    add_rdates(dates, master, main, busy, reader)
    add_exdates(dates, master, main, reader)
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
    rules = {rule.value.strip().upper() for rule in (*master.get("RRULE", ()), *master.get("RDATE", ()))}
    changes = add_overrides(dates, overrides, main, rules, reader)
    # An instance both excluded and replaced takes place: blocking too much is the safe side.
    whole = replace(
        plain,
        exdates=tuple(sorted(day for day in dates.exdates if day not in dates.overrides)),
        overrides=dates.overrides,
    )
    found = pieces.cut(
        Piece(series=whole, details=event.details(master), overrides=dates.details),
        [change for _, change in changes],
        reader.notes,
        budget,
        is_covering=repeated.is_covering,
    )
    found = [
        replace(it, series=repetition.bounded(it.series, now, reader, budget))
        for it in _with_something_left(found)
    ]
    for item, change in changes:
        if change.model is None and change.details.status != "CANCELLED":
            found += _by_itself(item, reader, now, budget)
    return found


def _by_itself(item: Properties, reader: Reader, now: datetime, budget: Budget) -> list[Piece]:
    """An exception for many instances that has its own rule becomes a separate series."""
    try:
        return series(
            {name: it for name, it in item.items() if name != "RECURRENCE-ID"}, (), reader, now, budget
        )
    except Unusable as error:
        reader.notes.append(left_out(item, error))
        return []


def without_master(overrides: Sequence[Properties], reader: Reader) -> tuple[Properties, list[Properties]]:
    """Makes a series of exceptions that came without their master. The first becomes the master, the others replace its
    other dates.

    Raises Unusable when none of them can be read.
    """
    readable: list[tuple[bool, int, Properties]] = []
    for item in overrides:
        try:
            start = period(item, reader).start
        except Unusable as error:
            reader.notes.append(left_out(item, error))
        else:
            cancelled = event.details(item).status == "CANCELLED"
            readable.append((cancelled, values.epoch(start), item))
    if not readable:
        raise Unusable("exception-unreadable", "None of its exceptions can be read.")
    for _, begins, item in readable:
        kind = "".join(it.parameters.get("RANGE", "") for it in item.get("RECURRENCE-ID", ())).strip().upper()
        if kind and "RRULE" not in item and "RDATE" not in item:
            sentence = "One of its exceptions is also for other instances, but their series is missing."
            gap = Gap(start=begins) if kind == pieces.FUTURE else ALWAYS
            reader.notes.append(Note("range-without-series", sentence, gap=gap))
    first, *others = (item for _, _, item in sorted(readable, key=lambda entry: entry[:2]))
    starts = [*first.get("RDATE", ()), *(replace(item["DTSTART"][0], name="RDATE") for item in others)]
    return {**first, "RDATE": starts}, [{**item, "RECURRENCE-ID": item["DTSTART"]} for item in others]


def _with_something_left(found: Sequence[Piece]) -> list[Piece]:
    """The pieces that take place. Raises Unusable, without a gap, when no piece does."""
    left = [it for it in found if _takes_place(it.series)]
    if not left:
        raise Unusable("all-excluded", "All its occurrences are excluded.", gap=None)
    return left


def _takes_place(found: Series) -> bool:
    """Whether at least one instance of a series is not excluded."""
    if found.overrides or not found.exdates:
        return True
    instances = {found.start, *found.rdates}
    if found.rule is not None:
        if recurrence.is_infinite(found.rule):
            return True
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
            return True  # there are more instances than exclusions, or too many to count
    return bool(instances - set(found.exdates))
