# SPDX-License-Identifier: GPL-3.0-or-later
"""Real calendars of many programs, where a collection of them lies beside the project."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
import vobject

from importer.errors import NotACalendar
from importer.preview import preview
from importer.understand.body import Stream
from importer.understand.decoding import decode
from importer.understand.meaning import understand
from importer.understand.render import render
from importer.understand.split import split
from scheduling.ical.event import STAMP, STAMP_OVERRIDE
from scheduling.ical.timezones import vtimezone

# What becomes of each file: events, imported and skipped ones (an event may consist of several VEVENTs), and the rules
# that decided beside the ordinary ones; or why the file is no calendar.
EXPECTED: dict[str, tuple[int, int, int, str] | str] = {
    "icalendar__bom_calendar": (0, 0, 0, ""),
    "icalendar__broken_ical": (1, 1, 0, ""),
    "icalendar__big_bad_calendar": "truncated",
    "icalendar__small_bad_calendar": "truncated",
    "icalendar__parsing_error": (2, 2, 0, ""),
    "icalendar__parsing_error_in_UTC_offset": (0, 0, 0, ""),
    "icalendar__issue_165_missing_event": (1, 1, 0, "zone-offsets"),
    "icalendar__issue_237_fail_to_parse_timezone_with_non_ascii_tzid": (1, 1, 0, "zone-offsets"),
    "icalendar__issue_156_RDATE_with_PERIOD_TZID_khal_2": (1, 1, 0, "exceptions-alone zone-offsets"),
    "icalendar__pacific_fiji": (1, 1, 0, "property-doubled time-unknown zone-spelling"),
    "icalendar__timezone_same_start_and_offset": "truncated",
    "icalendar__issue_722_missing_timezones": (3, 1, 2, "exception-unreadable no-start time-unknown"),
    "icalendar__issue_466_convert_tzid_with_slash": (1, 1, 0, "zone-spelling"),
    "icalendar__multiple_calendar_components": (3, 3, 0, ""),
    "icalendar__fuzz_testcase_vtimezone_lone_cr": "not-a-calendar",
    "icalendar__event_with_recurrence_exdates_on_different_lines": "not-a-calendar",
    "icalendar__rfc_7529": (4, 4, 0, "repetition-mended repetition-unreadable"),
    "icalendar__broken_dtstart": (1, 0, 1, "time-unknown time-unreadable"),
    "icalendar__invalid_duration": (1, 1, 0, "duration-unreadable"),
    "icalendar__issue_1081_invalid_rrule_freq": (1, 1, 0, "repetition-unreadable"),
    "ical__office_356_custom_timezone": (2, 2, 0, "busystatus-tentative zone-alias"),
    "ical__office_365_invalid_timezone": (1, 1, 0, "zone-of-subscription"),
    "ical__office_360_nz_tz": (3, 3, 0, "zone-alias"),
    "ical__google_dtstart_until_mismatch": (1, 1, 0, ""),
    "ical__apple_ical": (8, 8, 0, ""),
    "ical__google_calendar_invalid_offset": (1, 1, 0, "status-tentative"),
    "ical__rrule-exdate-mismatch": (1, 1, 0, ""),
    "ical__duration_negative": (1, 1, 0, "transp-transparent"),
    "ical__languages": (9, 9, 0, ""),
    "ical__invalid_param_value": (0, 0, 0, ""),
    "ical__calendar_labs_same_day_dtend": (1, 1, 0, "transp-transparent"),
    "node-ical__Office-2012-owa": (4, 4, 0, "zone-alias"),
    "node-ical__bad_ms_tz": (1, 1, 0, "zone-offsets"),
    "node-ical__badRRULE": (3, 3, 0, "repetition-mended"),
    "node-ical__vtimezone-year-0001-dtstart": (1, 1, 0, "zone-alias"),
    "node-ical__festival-multiday-rrule": (128, 128, 0, ""),
    "node-ical__tripit-location-escaping": (47, 47, 0, "transp-transparent"),
    "node-ical__test_with_forward_TZ": (1, 1, 0, "transp-transparent"),
    "node-ical__floating-dtstart-custom-vtimezone": (1, 1, 0, ""),
    "node-ical__windows-quoted-tz-rrule": (1, 1, 0, "zone-spelling"),
    "node-ical__exchange-custom-tz": (1, 1, 0, "zone-alias"),
    "ical-net__Bug2912657": (3, 3, 0, "zone-offsets"),
    "ical-net__EmptyLines1": (2, 2, 0, ""),
    "ical-net__CaseInsensitive1": (1, 1, 0, ""),
    "ical-net__Outlook2007LineFolds": (1, 1, 0, "transp-transparent"),
    "ical-net__Encoding2": (1, 1, 0, "zone-spelling"),
    "ical-net__Google1": (1, 1, 0, ""),
    "ical-net__USHolidays": (36, 36, 0, ""),
    "ical-net__XProperty2": (1, 1, 0, ""),
    "icalendar__bad_wrapping": (1, 1, 0, ""),
    "icalendar__reversed_timezone": (1, 1, 0, "zone-offsets"),
    "icalendar__single_event_bad_line": (1, 1, 0, "zone-spelling"),
    "icalendar__nonstandard": (1, 1, 0, "zone-spelling"),
    "golang-ical__timeparsing": (5, 5, 0, ""),
    "golang-ical__issue52_notworking": (1, 1, 0, ""),
    "biweekly__outlook-2010": (1, 1, 0, "busystatus-tentative zone-alias"),
    "biweekly__issue115-1": (1, 1, 0, "zone-alias"),
    "biweekly__pr63": (1, 1, 0, "zone-spelling"),
    "vobject__ms_tzid": (1, 1, 0, "zone-alias"),
    "vobject__tzid_8bit": (1, 1, 0, "zone-offsets"),
    "vobject__radicale-0827": (3, 1, 0, ""),
    "vobject__ruby_rrule": (1, 1, 0, ""),
    "ical4j__blankTzid": (1, 1, 0, ""),
    "ical4j__Casablanca": (0, 0, 0, ""),
    "ical4j__multiple_calendars": (2, 2, 0, ""),
    "ical4j__custom_component": (0, 0, 0, ""),
    "ical4j__rfc5545-sec3.6.5": (0, 0, 0, ""),
    "ical4j__categories": (1, 0, 1, "no-start time-unknown"),
    "ical4j__friday13": (1, 1, 0, ""),
    "ics-parser__ICal": (
        25,
        23,
        1,
        "end-before-start time-unknown time-unreadable transp-transparent zone-alias",
    ),
    "ical-js__google_birthday": (4, 2, 0, "exceptions-alone"),
    "ical-js__recur_instances": (3, 1, 0, ""),
    "ical-js__blank_line_mid": (0, 0, 0, ""),
    "ical-js__utc_negative_zero": (1, 1, 0, "zone-alias"),
    "ical-js__day_long_recur_yearly": (1, 1, 0, "transp-transparent"),
    "cyrus-imapd__ms_timezone": (1, 1, 0, "transp-transparent zone-alias"),
    "cyrus-imapd__rdate_period": (1, 1, 0, "transp-transparent"),
    "vobject__UntilRespectsTimezoneTest": (1, 1, 0, ""),
}  # fmt: skip
ORDINARY = {"opaque", "zone-iana"}
NOT_COUNTABLE = {"ical-net__Bug2912657"}
"""Files in UTF-16, whose lines the list of the collection does not count."""
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


@pytest.mark.skipif(not FILES, reason="no collection of real calendars beside the project (shared/corpus)")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_understood_as_recorded(file: Path) -> None:
    body = file.read_bytes()
    try:
        found = preview(
            Stream(body=body), default_zone="Europe/Berlin", now=datetime(2026, 10, 1, tzinfo=UTC)
        )
    except NotACalendar as error:
        reason = error.reason
        assert reason == EXPECTED[file.stem]
        return
    outcomes = Counter(it.outcome for it in found.events)
    rules = {note.rule for it in found.events for note in it.rules} - ORDINARY
    fetched = len(split(decode(body, None)).events)
    assert (fetched, outcomes["imported"], outcomes["skipped"], " ".join(sorted(rules))) == EXPECTED[
        file.stem
    ]
    if file.stem not in NOT_COUNTABLE:
        periods = sum(str(it.uid).endswith("@free-busy") for it in found.events)
        assert fetched - periods == listed()[file.name]


def listed() -> dict[str, int]:
    """How many VEVENTs the list of the collection counts in each file."""
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: int(row["vevent_begin_lines"]) for row in csv.DictReader(file, delimiter="\t")}
