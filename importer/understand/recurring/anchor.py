# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves the start of a series that begins before 1900 to its first instance since then. Birthdays of an unknown year
are such series.

Clients do not read such years, and zones have no rules for them. The instances since 1900 stay the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from importer.errors import Unusable
from importer.understand.notes import Note
from importer.understand.recurring.repetition import Budget
from importer.understand.values import FIRST_YEAR, LAST_YEAR
from scheduling.ical import recurrence
from scheduling.ical.recurrence import BadRule, Rule
from scheduling.ical.series import Series

_LOOKS = (1, 366, 5 * 366, 30 * 366, (LAST_YEAR - FIRST_YEAR) * 366)
"""How many days are searched for an instance, one after the other."""


def anchored(series: Series, notes: list[Note], budget: Budget) -> Series:
    """The series from 1900 on. Raises Unusable, without a gap, when the series ends before that."""
    if series.start.year >= FIRST_YEAR:
        return series
    floor = _first_day(series.start)
    rdates = [day for day in series.rdates if day >= floor]
    found = None if series.rule is None else begun(series, series.rule, floor, budget)
    starts = [*rdates, *([found[0]] if found else [])]
    if starts:
        start = found[0] if found else min(starts)
        moved = replace(
            series,
            start=start,
            end=_moved(series.end, series.start, start),
            rule=found[1] if found else None,
            rdates=tuple(day for day in rdates if day != start),
        )
    elif series.end > floor:
        moved = replace(series, start=floor, rule=None, rdates=(), days=0)
    else:
        raise Unusable("year-outside", f"It ended before {FIRST_YEAR}.", gap=None)
    notes.append(Note("start-moved", f"It began before {FIRST_YEAR} and is kept from then on.", guess=False))
    return moved


def begun(series: Series, rule: Rule, floor: date, budget: Budget) -> tuple[date, Rule] | None:
    """The first instance from `floor` on, and the rule from there on. `floor` is after the start. None if there is no
    such instance.

    Raises Unusable when finding it costs too much.
    """
    try:
        if rule.count is not None:
            before = recurrence.occurrences(rule, series.start, series.start, floor, steps=budget.steps)
            left = rule.count - len(before)
            if left <= 0:
                return None
            rule = replace(rule, count=left)
    except BadRule:
        rule = replace(rule, count=None)  # too many to count: better too long than too short
    uncounted = replace(rule, count=None)
    for days in _LOOKS:
        end = floor + timedelta(days=days)
        try:
            found = recurrence.occurrences(
                uncounted, series.start, floor, end, until_local=series.until, steps=budget.steps
            )
        except BadRule as error:
            raise Unusable(
                "time-outside", f"Its repetition since {series.start.year} costs too much."
            ) from error
        if found:
            return found[0], rule
    return None


def _first_day(like: date) -> date:
    first = date(FIRST_YEAR, 1, 1)
    return datetime.combine(first, time()) if isinstance(like, datetime) else first


def _moved(end: date, start: date, to: date) -> date:
    length: timedelta = end - start
    return to + length
