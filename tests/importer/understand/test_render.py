# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import icalendar
import pytest
import vobject
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import Unusable
from importer.understand.decoding import decode
from importer.understand.meaning import understand
from importer.understand.render import render, verify
from importer.understand.split import split
from scheduling.ical.event import STAMP, STAMP_OVERRIDE

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def rendered(text: str) -> list[tuple[str, str]]:
    found = understand(split(text), default_zone="Europe/Berlin", stored={}, now=NOW)
    assert found.skipped == ()
    return [render(event) for event in found.events]


def single(*lines: str) -> tuple[str, str]:
    text = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT", "END:VCALENDAR"])
    (found,) = rendered(text)
    return found


def test_a_series_is_written_in_its_zone_with_everything_unasked_left_out(
    data: Callable[[str], bytes],
) -> None:
    stand_up, fair = rendered(decode(data("google.ics"), None))
    assert stand_up == (
        "BEGIN:VEVENT\r\n"
        "UID:stand-up@google.com\r\n"
        f"{STAMP}"
        "DTSTART;TZID=Europe/Berlin:20261005T090000\r\n"
        "DTEND;TZID=Europe/Berlin:20261005T093000\r\n"
        "RRULE:FREQ=WEEKLY;UNTIL=20261109T225959Z;BYDAY=MO\r\n"
        "EXDATE;TZID=Europe/Berlin:20261012T090000,20261026T090000\r\n"
        "SUMMARY:Stand-up\r\n"
        "LOCATION:Room 1\\, first floor\r\n"
        "STATUS:CONFIRMED\r\n"
        "TRANSP:OPAQUE\r\n"
        "END:VEVENT\r\n"
        "BEGIN:VEVENT\r\n"
        "UID:stand-up@google.com\r\n"
        f"{STAMP_OVERRIDE}"
        "RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000\r\n"
        "DTSTART;TZID=Europe/Berlin:20261019T150000\r\n"
        "DTEND;TZID=Europe/Berlin:20261019T160000\r\n"
        "SUMMARY:Stand-up (afternoon)\r\n"
        "STATUS:CONFIRMED\r\n"
        "TRANSP:OPAQUE\r\n"
        "END:VEVENT\r\n",
        "Europe/Berlin",
    )
    assert fair == (
        "BEGIN:VEVENT\r\n"
        "UID:fair@google.com\r\n"
        f"{STAMP}"
        "DTSTART;VALUE=DATE:20261024\r\n"
        "DTEND;VALUE=DATE:20261026\r\n"
        "SUMMARY:Fair\r\n"
        "DESCRIPTION:<b>Bring</b> the banner\r\n"
        "STATUS:CONFIRMED\r\n"
        "TRANSP:TRANSPARENT\r\n"
        "END:VEVENT\r\n",
        "",
    )


def test_what_outlook_shows_as_free_stays_known() -> None:
    period = ("DTSTART:20261001T080000Z", "DTEND:20261001T090000Z")
    text, _ = single(*period, "X-MICROSOFT-CDO-BUSYSTATUS:FREE")
    assert text.endswith("TRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\nEND:VEVENT\r\n")
    for said in ("TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "STATUS:CANCELLED"):
        text, _ = single(*period, said)
        assert "BUSYSTATUS" not in text


def test_a_single_event_is_written_in_utc() -> None:
    text, zones = single("DTSTART;TZID=Asia/Tokyo:20261001T080000", "DTEND;TZID=Asia/Tokyo:20261001T090000")
    assert "DTSTART:20260930T230000Z\r\nDTEND:20261001T000000Z\r\n" in text
    assert zones == ""


def test_days_of_a_recurring_duration_stay_days() -> None:
    times = ("DTSTART;TZID=Europe/Berlin:20261024T120000", "DURATION:P1DT2H")
    text, _ = single(*times, "RRULE:FREQ=WEEKLY;COUNT=2")
    assert "DTSTART;TZID=Europe/Berlin:20261024T120000\r\nDURATION:P1DT7200S\r\nRRULE" in text
    assert "DTEND:20261025T130000Z\r\n" in single(*times)[0]


def test_whole_days_need_a_zone_only_for_an_instance_with_a_time() -> None:
    whole = ("DTSTART;VALUE=DATE:20261001", "RRULE:FREQ=DAILY;COUNT=3", "SUMMARY:;TZID=Europe/Berlin:")
    assert single(*whole)[1] == ""
    timed = ("END:VEVENT", "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID:20261002", "DTSTART:20261002T080000Z")
    text, zones = single(*whole, *timed)
    assert "RECURRENCE-ID;VALUE=DATE:20261002\r\nDTSTART;TZID=Europe/Berlin:20261002T100000\r\n" in text
    assert zones == "Europe/Berlin"


def test_a_series_in_utc_stays_in_utc() -> None:
    text, zones = single("DTSTART:20261001T080000Z", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20261002T080000Z")
    assert "DTSTART:20261001T080000Z\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEXDATE:20261002T080000Z\r\n" in text
    assert zones == ""


def test_until_is_written_in_the_form_that_fits_the_start() -> None:
    timed, _ = single("DTSTART;TZID=Europe/Berlin:20261001T080000", "RRULE:FREQ=DAILY;UNTIL=20261101")
    assert "UNTIL=20261101T225959Z" in timed
    whole, _ = single("DTSTART;VALUE=DATE:20261001", "RRULE:FREQ=DAILY;UNTIL=20261101T120000Z")
    assert "UNTIL=20261101\r\n" in whole


def test_a_period_becomes_a_date_and_a_changed_instance() -> None:
    text, _ = single(
        "DTSTART;TZID=Europe/Berlin:20261001T080000",
        "SUMMARY:Fair",
        "RDATE;VALUE=PERIOD:20261005T080000Z/PT3H",
    )
    assert "RDATE;TZID=Europe/Berlin:20261005T100000\r\n" in text
    assert (
        f"{STAMP_OVERRIDE}RECURRENCE-ID;TZID=Europe/Berlin:20261005T100000\r\n"
        "DTSTART;TZID=Europe/Berlin:20261005T100000\r\n"
        "DTEND;TZID=Europe/Berlin:20261005T130000\r\n"
        "SUMMARY:Fair\r\n"
    ) in text


def test_the_same_event_is_always_the_same_text(data: Callable[[str], bytes]) -> None:
    text = decode(data("google.ics"), None)
    assert rendered(text) == rendered(text)


def test_what_one_of_the_parsers_cannot_read_is_refused() -> None:
    text, _ = single("DTSTART:20261001T080000Z", "SUMMARY:Fine")
    verify(text)
    for broken in (
        text.replace("DTSTART:20261001T080000Z", "DTSTART:20261301T080000Z"),
        text.replace("END:VEVENT\r\n", ""),
        text.replace("SUMMARY:Fine", "no colon"),
        text.replace("SUMMARY:Fine", "BEGIN:VALARM"),
    ):
        with pytest.raises(Unusable):
            verify(broken)


@settings(derandomize=True, deadline=None, max_examples=150)
@example(summary=";TZID=UTC:END:VEVENT", uid="BEGIN:VEVENT", category="BEGIN:VEVENT")
@given(summary=st.text(max_size=200), uid=st.text(min_size=1, max_size=80), category=st.text(max_size=20))
def test_no_text_escapes_from_its_property(summary: str, uid: str, category: str) -> None:
    def escaped(value: str) -> str:
        for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", "\\n"), ("\n", "\\n")):
            value = value.replace(plain, written)
        return value

    source = decode(
        "\r\n".join(
            [
                "BEGIN:VCALENDAR",
                "BEGIN:VEVENT",
                f"UID:{escaped(uid)}",
                f"SUMMARY:{escaped(summary)}",
                f"CATEGORIES:{escaped(category)}",
                "DTSTART:20261001T080000Z",
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            ]
        ).encode("utf-8", "replace"),
        None,
    )
    found = understand(split(source), default_zone="Europe/Berlin", stored={}, now=NOW)
    assert found.skipped == ()
    (event,) = found.events
    text, _ = render(event)
    whole = text.replace(STAMP, "DTSTAMP:20260101T000000Z\r\n")
    (read,) = icalendar.Calendar.from_ical(f"BEGIN:VCALENDAR\r\n{whole}END:VCALENDAR\r\n").walk("VEVENT")
    assert set(read.keys()) <= {
        "UID", "DTSTAMP", "DTSTART", "SUMMARY", "CATEGORIES", "STATUS", "TRANSP",
    }  # fmt: skip
    assert str(read["UID"]) == event.uid
    assert str(read.get("SUMMARY", "")) == event.details.summary
    assert len(vobject.readOne(f"BEGIN:VCALENDAR\r\n{whole}END:VCALENDAR\r\n").vevent_list) == 1
