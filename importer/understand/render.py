# SPDX-License-Identifier: GPL-3.0-or-later
"""An imported event as normalised VEVENT text with its stamps left open (RFC 5545 section 3.6.1).

Only the properties named here are written. Alarms, attendees, attachments and METHOD of the source never reach a
client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import icalendar
import vobject

from importer.errors import Unusable
from importer.understand.event import Details, ImportedEvent
from scheduling.ical import text, timezones
from scheduling.ical.event import BUSY_STATUS_FREE, DECLINED, STAMP, STAMP_OVERRIDE
from scheduling.ical.series import Series

_TRIAL_STAMP = "DTSTAMP:20260101T000000Z\r\n"


def render(event: ImportedEvent) -> tuple[str, str]:
    """The VEVENTs (CRLF, folded, one stamp marker line in each) and the space-separated TZIDs they use."""
    series = event.series
    form = _Form(source=series.tzid, recurring=event.recurring)
    repetition: list[str] = []
    if event.recurring:
        if series.rule is not None:
            repetition.append(text.line("RRULE", series.rule.text()))
        repetition += form.dates("RDATE", series.rdates)
        repetition += form.dates("EXDATE", series.exdates)
    period = form.period(series.start, series.end)
    if series.days and event.recurring:
        period = [*form.dates("DTSTART", (series.start,)), _duration(series)]
    parts = [_component(event.uid, STAMP, [*period, *repetition], event.details)]
    for replaced in sorted(series.overrides):
        override = series.overrides[replaced]
        times = [*form.dates("RECURRENCE-ID", (replaced,)), *form.period(override.start, override.end)]
        parts.append(
            _component(event.uid, STAMP_OVERRIDE, times, event.overrides.get(replaced, event.details))
        )
    starts = (series.start, *(override.start for override in series.overrides.values()))
    zoned = form.zoned and any(isinstance(start, datetime) for start in starts)
    return "".join(parts), series.tzid if zoned else ""


def verify(template: str) -> None:
    """Check that both parsers used later can read the text.

    Raises Unusable otherwise.
    """
    body = template.replace(STAMP, _TRIAL_STAMP).replace(STAMP_OVERRIDE, _TRIAL_STAMP)
    whole = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Daysheet//EN\r\n{body}END:VCALENDAR\r\n"
    expected = template.count(STAMP) + template.count(STAMP_OVERRIDE)
    try:
        read = icalendar.Calendar.from_ical(whole)
        events = read.walk("VEVENT")
        readable = len(events) == expected and not any(part.errors for part in events)
        readable = readable and len(vobject.readOne(whole).vevent_list) == expected
    except Exception:  # noqa: BLE001 (whatever a foreign parser raises, it means the same here)
        readable = False
    if not readable:
        raise Unusable("not-servable", "It cannot be written in a form that every program reads.")


def _duration(series: Series) -> str:
    """DURATION, whose days are nominal and whose seconds are not (RFC 5545, section 3.3.6)."""
    days, seconds = series.duration
    return text.line("DURATION", f"P{days}D" + (f"T{seconds}S" if seconds else ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Form:
    """How times of the zone `source` are written: in that zone for a recurring event, otherwise in UTC. Days are always
    DATE.
    """

    source: str
    recurring: bool

    @property
    def zoned(self) -> bool:
        """Whether times are written with the zone's name."""
        return self.recurring and self.source != "UTC"

    def period(self, start: date, end: date) -> list[str]:
        lines = self.dates("DTSTART", (start,))
        if end > start:
            lines += self.dates("DTEND", (end,))
        return lines

    def dates(self, name: str, values: Sequence[date]) -> list[str]:
        if not values:
            return []
        moments = [value for value in values if isinstance(value, datetime)]
        if not moments:
            return [text.line(name, ",".join(text.day(value) for value in values), params=";VALUE=DATE")]
        if self.zoned:
            return [text.line(name, ",".join(map(text.local, moments)), params=f";TZID={self.source}")]
        instants = (timezones.to_epoch(moment, self.source) for moment in moments)
        return [text.line(name, ",".join(map(text.utc, instants)))]


def _component(uid: str, stamp: str, times: Sequence[str], details: Details) -> str:
    lines = ["BEGIN:VEVENT\r\n", text.line("UID", text.escape(uid)), stamp, *times]
    for name, value in (
        ("SUMMARY", details.summary),
        ("DESCRIPTION", details.description),
        ("LOCATION", details.location),
    ):
        if value:
            lines.append(text.line(name, text.escape(value)))
    if details.url:
        lines.append(text.line("URL", text.clean(details.url)))
    if details.categories:
        lines.append(text.line("CATEGORIES", ",".join(text.escape(item) for item in details.categories)))
    lines += [f"STATUS:{details.status}\r\n", f"TRANSP:{details.transparency}\r\n"]
    if details.classification:
        lines.append(f"CLASS:{details.classification}\r\n")
    if details.shown_free:
        lines.append(BUSY_STATUS_FREE)
    if details.declined:
        lines.append(DECLINED)
    return "".join((*lines, "END:VEVENT\r\n"))
