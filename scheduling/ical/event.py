# SPDX-License-Identifier: GPL-3.0-or-later
"""A VEVENT as text (RFC 5545, section 3.6.1), in two steps so that the text is byte-stable.

`template()` renders everything that comes from the schedule and leaves one marker line where the stamps
belong; `stamped()` puts DTSTAMP, LAST-MODIFIED and SEQUENCE there, which come from the change and never from
the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduling.ical import text
from scheduling.ical.recurrence import Rule
from scheduling.ical.series import Series
from scheduling.ical.timezones import to_epoch

# No text holds this control character (scheduling/ical/text.py); PostgreSQL could not store NUL.
STAMP = "\x01STAMP\r\n"
STAMP_OVERRIDE = "\x01STAMP-OVERRIDE\r\n"
BUSY_STATUS_FREE = "X-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n"
DECLINED = "X-DAYSHEET-PARTSTAT:DECLINED\r\n"
"""Stands in an imported event that its reader has declined."""
PRODID = "-//Daysheet//Daysheet//EN"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What one source row shows. `span` is an instant pair (epoch seconds), a date pair (exclusive end), or a
    `Series`.
    """

    uid: str
    span: tuple[int, int] | tuple[date, date] | Series
    summary: str
    description: str = ""
    location: str = ""
    geo: tuple[float, float] | None = None
    url: str = ""
    status: str = "CONFIRMED"
    transparency: str = "OPAQUE"
    busy_status: str = "BUSY"
    categories: tuple[str, ...] = ()
    classification: str = "PUBLIC"
    created: int | None = None


def template(event: Event) -> str:
    """The VEVENT with CRLF line ends, folded, holding `STAMP` once."""
    lines = ["BEGIN:VEVENT\r\n", text.line("UID", text.escape(event.uid)), STAMP]
    if event.created is not None:
        lines.append(text.line("CREATED", text.utc(event.created)))
    lines += _span(event.span)
    lines.append(text.line("SUMMARY", text.escape(event.summary)))
    for name, value in (("DESCRIPTION", event.description), ("LOCATION", event.location)):
        if value:
            lines.append(text.line(name, text.escape(value)))
    if event.geo is not None:
        lines.append(text.line("GEO", f"{event.geo[0]:.6f};{event.geo[1]:.6f}"))
    if event.url:
        lines.append(text.line("URL", text.clean(event.url).replace("\n", ""), params=";VALUE=URI"))
    if event.categories:
        lines.append(
            text.line("CATEGORIES", ",".join(text.escape(category) for category in event.categories))
        )
    lines += [
        f"CLASS:{event.classification}\r\n",
        f"STATUS:{event.status}\r\n",
        f"TRANSP:{event.transparency}\r\n",
        f"X-MICROSOFT-CDO-BUSYSTATUS:{event.busy_status}\r\n",
        "END:VEVENT\r\n",
    ]
    return "".join(lines)


def stamped(template_text: str, *, sequence: int, changed_at: int) -> str:
    """The finished component. An override's SEQUENCE is one above its master's, or Google ignores it."""
    moment = text.utc(changed_at)
    head = f"DTSTAMP:{moment}\r\nLAST-MODIFIED:{moment}\r\nSEQUENCE:"
    return template_text.replace(STAMP, f"{head}{sequence}\r\n").replace(
        STAMP_OVERRIDE, f"{head}{sequence + 1}\r\n"
    )


def _span(span: tuple[int, int] | tuple[date, date] | Series) -> list[str]:
    if isinstance(span, Series):
        return _series(span)
    start, end = span
    if isinstance(start, int) and isinstance(end, int):
        # DTEND has to be later than DTSTART; without one the event takes no time (RFC 5545, section 3.8.2.2).
        ends = [text.line("DTEND", text.utc(end))] if end > start else []
        return [text.line("DTSTART", text.utc(start)), *ends]
    assert isinstance(start, date)
    assert isinstance(end, date)
    return [_moment("DTSTART", start, ""), _moment("DTEND", end, "")]


def _series(series: Series) -> list[str]:
    lines = [_moment("DTSTART", series.start, series.tzid)]
    if series.end > series.start:
        lines.append(_moment("DTEND", series.end, series.tzid))
    if series.rule is not None:
        lines.append(text.line("RRULE", rule_text(series.rule, series)))
    for name, values in (("RDATE", series.rdates), ("EXDATE", series.exdates)):
        if values:
            lines.append(_moments(name, values, series.tzid))
    return lines


def rule_text(rule: Rule, series: Series) -> str:
    """The rule with UNTIL in the form RFC 5545 3.3.10 asks for: UTC for a zoned series, a DATE for an all-day
    one.
    """
    last = series.until
    if last is None:
        return rule.text()
    if isinstance(series.start, datetime):
        assert isinstance(last, datetime)
        until = text.utc(to_epoch(last, series.tzid))
    else:
        until = text.day(last)
    parts = [part for part in rule.text().split(";") if not part.startswith("UNTIL=")]
    return ";".join([*parts, f"UNTIL={until}"])


def _moment(name: str, value: date, tzid: str) -> str:
    return _moments(name, (value,), tzid)


def _moments(name: str, values: Sequence[date], tzid: str) -> str:
    if isinstance(values[0], datetime):
        moments = [text.local(value) for value in values if isinstance(value, datetime)]
        if tzid == "UTC":
            return text.line(name, ",".join(f"{moment}Z" for moment in moments))
        return text.line(name, ",".join(moments), params=f";TZID={tzid}")
    return text.line(name, ",".join(text.day(value) for value in values), params=";VALUE=DATE")
