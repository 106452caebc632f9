# SPDX-License-Identifier: GPL-3.0-or-later
"""Real calendars of many programs, where a collection of them lies beside the project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
import vobject

from importer.errors import NotACalendar
from importer.render import render
from importer.split import decode, split
from importer.understand import understand
from scheduling.ical.event import STAMP, STAMP_OVERRIDE
from scheduling.ical.timezones import vtimezone

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("*.ics"))


@pytest.mark.skipif(not FILES, reason="no collection of real calendars beside the project (shared/corpus)")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_gives_events_or_a_clear_reason(file: Path) -> None:
    try:
        feed = split(decode(file.read_bytes(), None))
    except NotACalendar as error:
        problem = error.message
        assert problem.endswith(".")
        return
    found = understand(feed, default_zone="Europe/Berlin", stored={}, now=datetime(2026, 10, 1, tzinfo=UTC))
    assert bool(feed.events) == bool(found.events or found.skipped)
    assert all(skipped.line and skipped.reason.endswith(".") for skipped in found.skipped)
    for event in found.events:
        text, zones = render(event)
        for marker in (STAMP, STAMP_OVERRIDE):
            text = text.replace(marker, "DTSTAMP:20260101T000000Z\r\n")
        definitions = "".join(vtimezone(tzid, 2026) for tzid in zones.split())
        whole = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{definitions}{text}END:VCALENDAR\r\n"
        assert not [part.errors for part in icalendar.Calendar.from_ical(whole).walk() if part.errors]
        assert vobject.readOne(whole).vevent.uid.value == event.uid
        assert max(len(line.encode()) for line in whole.split("\r\n")) <= 75
