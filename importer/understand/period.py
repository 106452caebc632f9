# SPDX-License-Identifier: GPL-3.0-or-later
"""When one VEVENT takes place by itself: DTSTART with DTEND or DURATION (RFC 5545 sections 3.6.1 and 3.8.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from importer.errors import Unusable
from importer.understand import values
from importer.understand.event import Properties
from importer.understand.notes import Note
from importer.understand.values import LAST_YEAR, Moment, Reader
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


def period(properties: Properties, reader: Reader) -> Period:
    """DTSTART with DTEND, with DURATION, or alone. An end before the start is ignored.

    Raises Unusable when the start cannot be read or is outside the years that are kept.
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
    if any(other.value != found[0].value or other.parameters != found[0].parameters for other in found[1:]):
        sentence = "It has several DTSTART; the first counts, and time is unknown."
        reader.notes.append(Note("property-doubled", sentence, gap=ALWAYS))
    ends = properties.get("DTEND")
    if not start.floats or not ends or not ends[0].parameters.get("TZID"):
        return start
    # If only the end names a zone, the start is in that zone too.
    try:
        end = reader.moment(ends[0].value, ends[0].parameters)
    except Unusable:
        return start
    return replace(start, tzid=end.tzid) if end.timed and end.tzid != "UTC" else start


def _end(properties: Properties, start: Moment, reader: Reader) -> tuple[Moment, int]:
    """The end, and the nominal days before it. If there are several ends, the latest counts. If an end is given but
    cannot be read, the event ends with the day.
    """
    broken: list[Note] = []
    ends: list[tuple[Moment, int]] = []
    for item in properties.get("DTEND", ()):
        try:
            end = reader.beside(start).moment(item.value, item.parameters)
        except Unusable:
            broken.append(_UNREADABLE)
        else:
            ends.append((_in_form(end, start, reader), 0))
    for item in properties.get("DURATION", ()):
        length = values.duration(item.value)
        if length is None:
            broken.append(_NO_DURATION)
        else:
            ends.append((values.after(start, length), max(0, length.days) if start.timed else 0))
    if not ends:
        reader.notes.extend(broken[-1:])
        return (_end_of_day(start, reader.zones.default) if broken else start), 0
    latest = max(ends, key=lambda it: values.epoch(it[0]))
    if any(values.epoch(it[0]) != values.epoch(latest[0]) for it in ends):
        sentence = "It has several ends; the latest counts."
        reader.notes.append(Note("property-doubled", sentence))
    return latest


_UNREADABLE = Note(
    "end-unreadable", "Its end cannot be read; it blocks until the end of the day on which it begins."
)
_NO_DURATION = Note(
    "duration-unreadable",
    "Its DURATION cannot be read; it blocks until the end of the day on which it begins.",
)


def _in_form(end: Moment, start: Moment, reader: Reader) -> Moment:
    """A DTEND in the form of the start."""
    if start.timed:
        return replace(end, local=values.in_zone(end, end.tzid))
    partial = isinstance(end.local, datetime) and end.local.time() != time()
    day = values.as_day(end, reader.zones.days)
    return replace(start, local=day + timedelta(days=int(partial)))


def _end_of_day(start: Moment, tzid: str) -> Moment:
    """The midnight after a start, at least an hour later. The day of a UTC time is taken in `tzid`."""
    if not isinstance(start.local, datetime):
        return replace(start, local=start.local + timedelta(days=1))
    zone = tzid if start.tzid == "UTC" else start.tzid
    local = values.in_zone(start, zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time())
    return Moment(local=max(midnight, local + timedelta(hours=1)), tzid=zone)
