# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet load`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

TABLE = "kind,reference,start_date,end_date,title\nblocker,B,2026-07-01,2026-07-02,Away\n"


@pytest.fixture
def schedule(daysheet: Daysheet) -> Path:
    daysheet.run("user", "add", "anna")
    file = daysheet.folder / "schedule.CSV"
    file.write_text(TABLE)
    return file


def test_a_file_is_loaded_once(daysheet: Daysheet, schedule: Path) -> None:
    assert daysheet.json("load", str(schedule), "--user", "anna") == {
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
    }
    assert (
        daysheet.run("load", str(schedule), "--user", "anna").stdout == "0 added, 0 changed, 1 unchanged.\n"
    )


def test_a_load_is_one_entry_of_the_audit_log_without_what_the_file_says(
    daysheet: Daysheet, schedule: Path
) -> None:
    for _ in range(2):  # the second changes nothing
        daysheet.run("load", str(schedule), "--user", "anna")
    entries = [it for it in daysheet.json("audit", "list")["entries"] if it["action"].startswith("schedule.")]
    (entry,) = entries
    assert (entry["action"], entry["subject"]) == ("schedule.load", "schedule")
    assert entry["facts"] == {"kinds": "blocker", "added": 1, "changed": 0, "unchanged": 0}


def test_standard_input_needs_a_format(daysheet: Daysheet, schedule: Path) -> None:
    assert schedule.exists()
    loaded = daysheet.json("load", "-", "--format", "csv", "--user", "anna", stdin=TABLE)
    assert loaded["inserted"] == 1
    assert "give --format" in daysheet.refusal("load", "-", stdin=TABLE, expect=2)


def test_every_mistake_is_a_line_and_nothing_is_loaded(daysheet: Daysheet, schedule: Path) -> None:
    schedule.write_text(TABLE + "blocker,C,2026-07-01,never,Away\nblocker,D,2026-07-01,2026-07-02,\n")
    result = daysheet.run("load", str(schedule), "--user", "anna", expect=1)
    assert result.stderr.splitlines() == [
        "The file was not loaded, and nothing has been changed.",
        'line 3: end_date "never" is not a date such as 2026-11-20.',
        "line 4: the title is empty.",
    ]
    assert daysheet.json("db", "status")["blockers"] == 0


def test_a_user_who_is_missing_can_be_added(daysheet: Daysheet, schedule: Path) -> None:
    told = daysheet.run("load", str(schedule), "--user", "bert", expect=1).stderr.splitlines()
    assert told[1:] == ['line 2: there is no user "bert".', "`daysheet user add` adds a user."]
    calendar = schedule.with_suffix(".ics")
    calendar.write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    assert "name the user with --user." in daysheet.run("load", str(calendar), expect=1).stderr


def test_a_file_that_is_not_there_is_wrong_usage(daysheet: Daysheet) -> None:
    assert "does not exist" in daysheet.refusal("load", str(daysheet.folder / "none.csv"), expect=2)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:yoga
SUMMARY;ENCODING=QUOTED-PRINTABLE:Yoga f=C3=BCr alle
DTSTART;TZID=W. Europe Standard Time:20261207T120000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=4
END:VEVENT
BEGIN:VEVENT
UID:yoga
RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261221T120000
SUMMARY:Yoga in the afternoon
DTSTART;TZID=Europe/Berlin:20261221T150000
DURATION:PT90M
END:VEVENT
BEGIN:VEVENT
UID:holiday
SUMMARY:St Nicholas
DTSTART;VALUE=DATE:20261206
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VTODO
UID:todo
END:VTODO
END:VCALENDAR
"""


def test_a_calendar_is_understood_as_an_imported_one_and_says_what_it_left_out(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna", "--time-zone", "Europe/Berlin")
    file = daysheet.folder / "anna.ics"
    file.write_text(CALENDAR)
    result = daysheet.run("load", str(file), "--user", "anna")
    assert result.stdout == "2 added, 0 changed, 0 unchanged.\n"
    assert result.stderr.splitlines() == [
        "Note: the calendar has 1 VTODO, which is not loaded.",
        "Note: line 17, event 3 (St Nicholas): It takes no time (TRANSP:TRANSPARENT) and was left out.",
    ]
    assert daysheet.json("load", str(file), "--user", "anna")["unchanged"] == 2
    shown = daysheet.json("availability", "show", "anna", "--start", "2026-12-05", "--end", "2027-01-04")
    busy = [(it["starts_at"][5:16], it["ends_at"][11:16]) for it in shown["periods"] if it["type"] == "BUSY"]
    assert busy == [
        ("12-07T11:00", "12:00"), ("12-14T11:00", "12:00"), ("12-21T14:00", "15:30"), ("12-28T14:00", "15:30")
    ]  # fmt: skip
    file.write_text(CALENDAR.replace("DURATION:PT90M", "DURATION:long").replace("UID:holiday\n", ""))
    assert daysheet.run("load", str(file), "--user", "anna", expect=1).stderr.splitlines()[-2:] == [
        "line 10, event 2 (Yoga in the afternoon): DURATION cannot be read: 'long' is not a duration.",
        "line 17, event 3 (St Nicholas): it has no UID.",
    ]


def test_a_calendar_of_somebody_unknown_is_told_so(daysheet: Daysheet) -> None:
    file = daysheet.folder / "x.ics"
    file.write_text(CALENDAR)
    told = daysheet.run("load", str(file), "--user", "nobody", expect=1).stderr
    assert 'line 3, event 1: there is no user "nobody".' in told.splitlines()
