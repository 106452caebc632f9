# SPDX-License-Identifier: GPL-3.0-or-later
"""One source row as a calendar object: its text and the facts that queries need, computed once while catching
up.

RFC 4791, section 9.9 fixes what overlaps a time range; nothing on the reading side parses iCalendar again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b

from scheduling.ical import series_json, timezones
from scheduling.ical.event import Event, template
from scheduling.ical.series import Occurrence, Series, extent, kept, last_day
from scheduling.ical.spans import FOREVER, LONG, LONG_SPAN, NEVER, RECURRING, SHORT_SPAN, Horizon


class NotRenderable(ValueError):
    """The row cannot be shown as a calendar object; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """`template` still holds its stamp markers; `timezones` is `tzid@year` entries separated by spaces;
    `series` is the JSON of a recurring object's series, for expanding it outside the horizon.
    """

    name: str
    uid: str
    source_id: int
    template: str
    timezones: str
    fingerprint: str
    span: int
    starts_at: int
    ends_at: int
    leaves_on: int
    status: str
    transparency: str
    busy: str
    series: str = ""
    occurrences: tuple[Occurrence, ...] = ()


def object_name(uid: str) -> str:
    """The last path segment of the object with `uid`: opaque, safe in every path, the same for ever."""
    return blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() + ".ics"


def from_event(event: Event, source_id: int, *, tzid: str, busy: str, horizon: Horizon) -> Rendered:
    """Render one event; `tzid` is the user's zone, whose days an all-day event covers. Raises
    `NotRenderable`.
    """
    return build(
        uid=event.uid,
        source_id=source_id,
        text=template(event),
        span=event.span,
        tzid=tzid,
        status=event.status,
        transparency=event.transparency,
        busy=busy,
        horizon=horizon,
        zones=_zones(event.span),
    )


def build(
    *,
    uid: str,
    source_id: int,
    text: str,
    span: tuple[int, int] | tuple[date, date] | Series,
    tzid: str,
    status: str,
    transparency: str,
    busy: str,
    horizon: Horizon,
    zones: tuple[str, ...],
) -> Rendered:
    """Add the facts to a finished template. Raises `NotRenderable`."""
    entries = " ".join(f"{zone}@{horizon.year}" for zone in zones)
    occurrences: tuple[Occurrence, ...] = ()
    series = ""
    if isinstance(span, Series):
        try:
            starts_at, last = extent(span)
            day = last_day(span)
            occurrences = tuple(kept(span, horizon.start, horizon.end, horizon.present))
        except (ValueError, OverflowError) as error:
            raise NotRenderable(f"its recurrence cannot be expanded: {error}") from error
        ends_at = FOREVER if last is None else last
        leaves_on = NEVER if day is None else day.toordinal()
        kind, series = RECURRING, series_json.dumps(span)
    else:
        starts_at, ends_at, leaves_on = _single(span, tzid)
        kind = LONG_SPAN if ends_at - starts_at > LONG else SHORT_SPAN
    return Rendered(
        name=object_name(uid),
        uid=uid,
        source_id=source_id,
        template=text,
        timezones=entries,
        fingerprint=_fingerprint(text, entries),
        span=kind,
        starts_at=starts_at,
        ends_at=max(ends_at, starts_at + 1),
        leaves_on=leaves_on,
        status=status,
        transparency=transparency,
        busy=busy,
        series=series,
        occurrences=occurrences,
    )


def _zones(span: tuple[int, int] | tuple[date, date] | Series) -> tuple[str, ...]:
    """The zones that the text names."""
    return (span.tzid,) if isinstance(span, Series) and not span.all_day and span.tzid != "UTC" else ()


def _single(span: tuple[int, int] | tuple[date, date], tzid: str) -> tuple[int, int, int]:
    start, end = span
    if isinstance(start, int) and isinstance(end, int):
        return start, end, _day_after(max(end, start + 1))
    assert isinstance(start, date)
    assert isinstance(end, date)
    return _midnight(start, tzid), _midnight(end, tzid), end.toordinal()


def _midnight(day: date, tzid: str) -> int:
    return timezones.to_epoch(datetime.combine(day, time()), tzid)


def _day_after(end: int) -> int:
    """The first UTC day (ordinal) on which nothing of a span ending at `end` (exclusive) is left."""
    last = datetime.fromtimestamp(end, UTC) - timedelta(seconds=1)
    return last.date().toordinal() + 1


def _fingerprint(text: str, entries: str) -> str:
    digest = blake2b(text.encode(), digest_size=16)
    for entry in entries.split():
        zone, year = entry.split("@")
        digest.update(timezones.vtimezone(zone, int(year)).encode())
    return digest.hexdigest()
