# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurring objects as their instances within a range (CALDAV:expand, RFC 4791, section 9.6.5).

Made from the stored text and series. Nothing is parsed but the lines of a component, and what counts as an instance
is decided where availability is: in `scheduling.ical.series`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime

from scheduling.calendars.objects import HEAD, TAIL, StoredObject
from scheduling.ical import series_json, text
from scheduling.ical.component import BEGIN, END, content_lines, events, name_of
from scheduling.ical.series import Series, expand
from scheduling.ical.timezones import from_epoch, to_epoch

_REPLACED = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
Moment = int | date
"""An instant in epoch seconds, or a day."""


def expanded(stored: StoredObject, start: int, end: int) -> str:
    """The iCalendar object of the instances that overlap [start, end) epoch seconds, in UTC; empty when none does. An
    object that does not recur, or too often to be expanded, is returned as it is.
    """
    if not stored.series:
        return stored.calendar
    try:
        instances = "".join(_instances(stored.component, series_json.loads(stored.series), start, end))
    except ValueError:
        return stored.calendar
    return HEAD + instances + TAIL if instances else ""


def limited(stored: StoredObject, start: int, end: int) -> str:
    """The iCalendar object with only those overrides that matter to [start, end) epoch seconds: they, or the instances
    they replace, overlap it (CALDAV:limit-recurrence-set, RFC 4791, section 9.6.6).
    """
    if not stored.series:
        return stored.calendar
    series = series_json.loads(stored.series)
    length = _epoch(series.end, series.tzid) - _epoch(series.start, series.tzid)
    kept = set()
    for key, override in series.overrides.items():
        replaced = _epoch(key, series.tzid)
        spans = (
            (replaced, replaced + length),
            (_epoch(override.start, series.tzid), _epoch(override.end, series.tzid)),
        )
        if any(begins < end and max(ends, begins + 1) > start for begins, ends in spans):
            kept.add(key)
    wanted = [event for event in events(stored.component) if _replaced(event, series.tzid) in {None, *kept}]
    return stored.calendar.replace(stored.component, "".join(wanted))


def _instances(component: str, series: Series, start: int, end: int) -> Iterator[str]:
    by_instance = {_replaced(event, series.tzid): event for event in events(component)}
    if None in by_instance:
        plain = dataclasses.replace(series, exdates=(*series.exdates, *series.overrides), overrides={})
        momentary = series.end == series.start
        for found in expand(plain, start, end):
            first, last = _moment(found.starts_at, series), _moment(found.ends_at, series)
            yield _instance(by_instance[None], first, first if momentary else last, first)
    for key, override in series.overrides.items():
        begins, ends = _epoch(override.start, series.tzid), _epoch(override.end, series.tzid)
        if key in by_instance and begins < end and max(ends, begins + 1) > start:
            moments = (
                _moment(begins, series),
                _moment(ends, series),
                _moment(_epoch(key, series.tzid), series),
            )
            yield _instance(by_instance[key], *moments)


def _instance(event: str, start: Moment, end: Moment, replaced: Moment) -> str:
    """One instance with the other properties of `event`."""
    lines = [line for line in content_lines(event) if name_of(line) not in _REPLACED]
    times = [_line("RECURRENCE-ID", replaced), _line("DTSTART", start)]
    if end != start:
        times.append(_line("DTEND", end))
    return "".join([BEGIN, lines[0], *times, *lines[1:], END])


def _replaced(event: str, tzid: str) -> date | None:
    """The instance that an override replaces, as its series names it; None for the master."""
    for line in content_lines(event):
        if name_of(line) == "RECURRENCE-ID":
            value = line.rstrip().rpartition(":")[2]
            if "T" not in value:
                return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007 (a date)
            moment = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 (a wall clock time)
            return from_epoch(to_epoch(moment, "UTC"), tzid) if value.endswith("Z") else moment
    return None


def _moment(epoch: int, series: Series) -> Moment:
    return from_epoch(epoch, series.tzid).date() if series.all_day else epoch


def _epoch(moment: date, tzid: str) -> int:
    whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    return to_epoch(whole, tzid)


def _line(name: str, moment: Moment) -> str:
    if isinstance(moment, int):
        return text.line(name, text.utc(moment))
    return text.line(name, text.day(moment), params=";VALUE=DATE")
