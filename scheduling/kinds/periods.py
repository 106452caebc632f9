# SPDX-License-Identifier: GPL-3.0-or-later
"""What columns that several kinds have in common become in iCalendar: periods, recurrence, categories, moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from scheduling.ical import timezones
from scheduling.ical.recurrence import BadRule, parse_rule
from scheduling.ical.series import Series
from scheduling.kinds.kind import SourceRow
from scheduling.kinds.rendered import NotRenderable


def period(row: SourceRow) -> tuple[int, int] | tuple[date, date]:
    """When a row takes place that happens once: epoch seconds, or dates with an exclusive end. Raises
    `NotRenderable`.
    """
    if row.starts_at is not None and row.ends_at is not None:
        start, end = int(row.starts_at.timestamp()), int(row.ends_at.timestamp())
        if end < start:
            raise NotRenderable("it ends before it starts")
        return start, end
    if row.start_date is not None and row.end_date is not None and row.end_date > row.start_date:
        return row.start_date, row.end_date
    raise NotRenderable("its start or end cannot be read as a date or an instant")


def recurring(row: SourceRow, tzid: str, busy: str) -> tuple[int, int] | tuple[date, date] | Series:
    """When a row takes place that may recur, in the user's zone; `busy` is its FBTYPE. Raises `NotRenderable`."""
    once = period(row)
    if not (row.rrule or row.rdate):
        return once
    if not timezones.is_zone(tzid):
        raise NotRenderable(f"the user's time zone {tzid!r} is not an IANA time zone")
    start, end = once
    if isinstance(start, int) and isinstance(end, int):
        local_start, local_end = timezones.from_epoch(start, tzid), timezones.from_epoch(end, tzid)
        return _series(row, local_start, local_end, tzid, busy)
    assert isinstance(start, date)
    assert isinstance(end, date)
    return _series(row, start, end, tzid, busy)


def _series(row: SourceRow, start: date, end: date, tzid: str, busy: str) -> Series:
    try:
        rule = parse_rule(row.rrule) if row.rrule else None
    except BadRule as error:
        raise NotRenderable(f"its rrule is not usable: {error}") from error
    return Series(
        start=start,
        end=end,
        tzid=tzid,
        rule=rule,
        rdates=tuple(_moments(row.rdate, start)),
        exdates=tuple(_moments(row.exdate, start)),
        overrides={},
        busy=busy,
    )


def _moments(text: str | None, like: date) -> Iterator[date]:
    """Local moments between commas or white space, each `YYYYMMDD`, `YYYYMMDDTHHMMSS` or the ISO form."""
    for item in (text or "").replace(",", " ").split():
        try:
            moment = datetime.fromisoformat(item)
        except ValueError as error:
            raise NotRenderable(
                f"{item!r} in its rdate or exdate is not a local date or date-time"
            ) from error
        if moment.tzinfo is not None:
            raise NotRenderable(
                f"{item!r} in its rdate or exdate carries a zone; write it in the user's local time"
            )
        if not isinstance(like, datetime):
            yield moment.date()
        elif len(item) <= 10 and "T" not in item:
            yield datetime.combine(moment.date(), like.time())
        else:
            yield moment


def categories(*names: str | None) -> tuple[str, ...]:
    """Those that are there, each once."""
    return tuple(dict.fromkeys(name for name in names if name))


def epoch(value: datetime | None) -> int | None:
    """Epoch seconds."""
    return None if value is None else int(value.timestamp())
