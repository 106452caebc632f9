# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored VEVENTs read by content line, and the one decision about what may be known of who is busy."""

from __future__ import annotations

import re

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.calendars.objects import HEAD, TAIL
from scheduling.feeds import text as feed_text
from scheduling.ical import event, text
from scheduling.ical.component import busy_time, content_lines, events, is_cancelled, name_of, properties_of
from scheduling.kinds import policy

ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDURATION:PT5M\r\nDESCRIPTION:x\r\nEND:VALARM\r\n"
TITLE = "A title that is so long that it is folded over two lines, since there is no end to it"
MASTER = "".join(
    (
        "BEGIN:VEVENT\r\n",
        "UID:1@x\r\n",
        event.STAMP,
        "DTSTART;TZID=Europe/Berlin:20260310T100000\r\n",
        "RRULE:FREQ=WEEKLY\r\n",
        text.line("SUMMARY", text.escape(TITLE)),
        'ATTENDEE;CN="A: B; C":mailto:a@x\r\n',
        "DESCRIPTION:one\\, two\\nBEGIN:VEVENT\\n\\\\\r\n",
        ALARM,
        "STATUS:TENTATIVE\r\n",
        "TRANSP:OPAQUE\r\n",
        "END:VEVENT\r\n",
    )
)
OVERRIDE = (
    f"BEGIN:VEVENT\r\nUID:1@x\r\n{event.STAMP_OVERRIDE}RECURRENCE-ID:20260317T090000Z\r\n"
    "DTSTART:20260317T100000Z\r\nSUMMARY:y\r\nSTATUS:CANCELLED\r\nTRANSP:TRANSPARENT\r\n"
    f"{event.BUSY_STATUS_FREE}END:VEVENT\r\n"
)


def test_a_component_is_its_events_and_their_lines_without_those_of_alarms() -> None:
    assert events(MASTER + OVERRIDE) == [MASTER, OVERRIDE]
    assert [is_cancelled(it) for it in (MASTER, OVERRIDE)] == [False, True]
    lines = list(content_lines(MASTER))
    assert "".join(lines) == MASTER.replace(ALARM, "").removeprefix("BEGIN:VEVENT\r\n").removesuffix(
        "END:VEVENT\r\n"
    )
    assert [name_of(line) for line in lines] == [
        *("UID", event.STAMP, "DTSTART", "RRULE", "SUMMARY", "ATTENDEE", "DESCRIPTION", "STATUS", "TRANSP")
    ]


def test_values_are_unfolded_unescaped_and_behind_the_colon_outside_quotes() -> None:
    found = properties_of(MASTER + OVERRIDE)
    assert found["SUMMARY"] == ("", TITLE)
    assert found["DESCRIPTION"] == ("", "one, two\nBEGIN:VEVENT\n\\")
    assert found["ATTENDEE"] == ('CN="A: B; C"', "mailto:a@x")
    assert found["DTSTART"] == ("TZID=Europe/Berlin", "20260310T100000")
    assert properties_of("") == {}


def test_busy_time_keeps_times_stamps_and_whether_it_blocks() -> None:
    master, override = events(busy_time(MASTER + OVERRIDE, lambda line: f"of {len(line)}", outlook=False))
    assert master == (
        f"BEGIN:VEVENT\r\nUID:of 9\r\n{event.STAMP}DTSTART;TZID=Europe/Berlin:20260310T100000\r\n"
        "RRULE:FREQ=WEEKLY\r\nSTATUS:TENTATIVE\r\nTRANSP:OPAQUE\r\nSUMMARY:Busy\r\nEND:VEVENT\r\n"
    )
    assert override == OVERRIDE.replace("UID:1@x", "UID:of 9").replace("SUMMARY:y\r\n", "").replace(
        "END:VEVENT", "SUMMARY:Busy\r\nEND:VEVENT"
    )


def test_outlook_is_told_the_same_once_for_each_event() -> None:
    shown = busy_time(MASTER + OVERRIDE, lambda _line: "u", outlook=True)
    assert re.findall("X-MICROSOFT-CDO-BUSYSTATUS:(.*)\r\n", shown) == ["TENTATIVE", "FREE"]


NAMES = st.sampled_from(
    [
        *("SUMMARY", "DESCRIPTION", "LOCATION", "URL", "CATEGORIES", "COMMENT", "CONTACT", "GEO", "ATTACH"),
        *("ORGANIZER;CN=SECRET", "ATTENDEE", "X-SECRET;P=SECRET", "CREATED", "CLASS", "STATUS-SECRET"),
    ]
)
SECRETS = st.builds(
    lambda before, after: f"{before}SECRET{after}",
    st.text(max_size=80),
    st.sampled_from(
        ["", "\nDTSTART:SECRET", "\r\n STATUS:SECRET", "\x1eTRANSP:SECRET", "\u2028RRULE:SECRET"]
    ),
)


@pytest.mark.parametrize("door", ["feed", "policy"])
@given(lines=st.lists(st.tuples(NAMES, SECRETS), max_size=8), alarm=st.booleans())
def test_nothing_else_is_shown_through_any_door(
    door: str, lines: list[tuple[str, str]], *, alarm: bool
) -> None:
    secret = "".join(text.line(name, text.escape(value)) for name, value in lines)
    within = "BEGIN:VALARM\r\nSTATUS:SECRET\r\nDTSTART:SECRET\r\nEND:VALARM\r\n" if alarm else ""
    stored = (
        f"BEGIN:VEVENT\r\n{text.line('UID', 'SECRET' * 20)}DTSTART:20260310T100000Z\r\n"
        f"{secret}{within}STATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n"
    )
    if door == "feed":
        shown = feed_text.busy(stored, b"key")
    else:
        shown = policy.component(policy.Policy(visibility="busy-only"), stored, "here")
    assert "SECRET" not in shown
    (read,) = icalendar.Calendar.from_ical(HEAD + shown + TAIL).walk("VEVENT")
    assert set(read) <= {"UID", "DTSTART", "STATUS", "TRANSP", "SUMMARY", "X-MICROSOFT-CDO-BUSYSTATUS"}
    assert (str(read["SUMMARY"]), str(read["TRANSP"])) == ("Busy", "OPAQUE")
