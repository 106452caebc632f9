# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the importer stores can be rendered at every history and horizon, and blocks no less there."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import pytest

from importer.understand.meaning import understand
from importer.understand.render import render
from importer.understand.split import split
from scheduling.config.sections import CalendarSettings, TemplateSettings
from scheduling.ical import series_json
from scheduling.ical.series import MOST_INSTANCES, expand
from scheduling.kinds.rendered import build
from scheduling.settings.view import View

TODAY = date(2026, 10, 15)
NOW = datetime(2026, 10, 15, tzinfo=UTC)
HOURS = ",".join(map(str, range(24)))
SHAPES = {
    "single": "DTSTART:20261101T090000Z",
    "days": "DTSTART;VALUE=DATE:20261101|DTEND;VALUE=DATE:20261201",
    "to the end": "DTSTART:20261101T090000Z|DTEND:99991231T000000Z",
    "daily since 1970": "DTSTART:19700101T090000Z|DTEND:19700101T100000Z|RRULE:FREQ=DAILY",
    "daily since 1601": "DTSTART;VALUE=DATE:16010101|RRULE:FREQ=DAILY",
    "hourly since 1990": "DTSTART:19900101T090000Z|DTEND:19900101T091000Z|RRULE:FREQ=HOURLY;INTERVAL=2",
    "hourly": "DTSTART:20260101T090000Z|DTEND:20260101T091000Z|RRULE:FREQ=HOURLY",
    "each second": "DTSTART:20200101T090000Z|RRULE:FREQ=SECONDLY",
    "each hour of days": f"DTSTART:20000101T090000Z|RRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR={HOURS}",
    "often and over": "DTSTART:20261101T090000Z|RRULE:FREQ=MINUTELY;INTERVAL=30;UNTIL=20261102T090000Z",
    "counted": "DTSTART:19800101T090000Z|RRULE:FREQ=DAILY;COUNT=1000000",
    "zoned": "DTSTART;TZID=Europe/Berlin:19750101T090000|RRULE:FREQ=DAILY;BYHOUR=6,12",
    "unreadable": "DTSTART:19800101T090000Z|RRULE:FREQ=SOMETIMES",
}


def view(history: int | None, horizon: int) -> View:
    settings = dataclasses.replace(CalendarSettings(), history_months=history, horizon_months=horizon)
    return View.of(settings, TemplateSettings())


@pytest.mark.parametrize("horizon", [1, 24, 120])
@pytest.mark.parametrize("history", [0, 1, 120, None])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_stored_is_served_and_blocks_at_every_setting(
    shape: str, history: int | None, horizon: int
) -> None:
    lines = "\n".join(SHAPES[shape].split("|"))
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    (event,) = understand(split(text), default_zone="Europe/Berlin", stored={}, now=NOW).events
    series = series_json.loads(series_json.dumps(event.series))
    window = view(history, horizon).horizon(TODAY)
    found = build(
        uid="1",
        source_id=1,
        text=render(event)[0],
        span=series,
        tzid="Europe/Berlin",
        status="CONFIRMED",
        transparency="OPAQUE",
        busy=series.busy,
        horizon=window,
        zones=(),
    )
    assert len(found.occurrences) <= MOST_INSTANCES
    blocked = {(it.starts_at, it.ends_at) for it in found.occurrences}
    long = [it for it in blocked if it[1] - it[0] > 86400]
    near = int(NOW.timestamp()), min(window.end, int(NOW.timestamp()) + 700 * 86400)
    for it in expand(series, *near):
        whole = (it.starts_at, it.ends_at)
        assert whole in blocked or any(low <= it.starts_at and it.ends_at <= high for low, high in long)
