# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for busy time as clients write them, and what is no such request (RFC 5546, section 3.3.2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.ical import free_busy_request
from scheduling.ical.errors import BadRequest, IsInvitation, NotAFreeBusyRequest, NotICalendar
from scheduling.ical.free_busy_request import FreeBusyRequest

LINES = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//x//EN",
    "METHOD:REQUEST",
    "BEGIN:VFREEBUSY",
    "UID:4FD3AD926350",
    "DTSTAMP:20090602T190420Z",
    "DTSTART:20090602T000000Z",
    "DTEND:20090604T000000Z",
    'ORGANIZER;CN="Cyrus: Daboo":mailto:cyrus@example.com',
    "ATTENDEE;CN=Wilfredo;PARTSTAT=NEEDS-ACTION:mailto:wilfredo@example.com",
    "ATTENDEE:mailto:bernard@example.net",
    "END:VFREEBUSY",
    "END:VCALENDAR",
)
START = int(datetime(2009, 6, 2, tzinfo=UTC).timestamp())
EXPECTED = FreeBusyRequest(
    uid="4FD3AD926350",
    organizer="mailto:cyrus@example.com",
    attendees=("mailto:wilfredo@example.com", "mailto:bernard@example.net"),
    start=START,
    end=START + 2 * 86400,
)


def text(*lines: str, end: str = "\r\n") -> bytes:
    return "".join(line + end for line in lines or LINES).encode()


def but(old: str, *new: str) -> bytes:
    """The request with the line that begins with `old` replaced."""
    (at,) = (number for number, line in enumerate(LINES) if line.startswith(old))
    return text(*LINES[:at], *new, *LINES[at + 1 :])


def test_the_example_of_rfc_6638_is_read() -> None:
    assert free_busy_request.read(text()) == EXPECTED


@pytest.mark.parametrize(
    "octets",
    [
        text(end="\n"),
        b"\xef\xbb\xbf" + text(),
        text().removesuffix(b"\r\n"),
        text(*(it.lower() if it.startswith(("BEGIN", "END", "METHOD")) else it for it in LINES)),
        but("ATTENDEE:mailto", "ATTENDEE:mail", " to:bern", "\tard@example.net"),
        but("ATTENDEE:mailto", "ATTENDEE:mailto:bernard@example.net", "ATTENDEE:mailto:bernard@example.net"),
        but("DTSTART", "DTSTART;TZID=Europe/Berlin:20090602T020000"),
        but("DTSTART", 'DTSTART;TZID="W. Europe Standard Time":20090602T020000'),
        but(
            "BEGIN:VFREEBUSY",
            *("BEGIN:VTIMEZONE", "TZID:X", "BEGIN:STANDARD", "END:STANDARD", "END:VTIMEZONE"),
            "BEGIN:VFREEBUSY",
        ),
    ],
)
def test_what_clients_do_differently_means_the_same(octets: bytes) -> None:
    assert free_busy_request.read(octets) == EXPECTED


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin")])
def test_what_icalendar_writes_is_read(zone: ZoneInfo) -> None:
    calendar, component = icalendar.Calendar(), icalendar.FreeBusy()
    calendar.add("method", "REQUEST")
    start = datetime(2027, 3, 10, 8, tzinfo=zone)
    component.add("uid", "u")
    component.add("dtstamp", datetime(2027, 1, 1, tzinfo=UTC))
    component.add("dtstart", start)
    component.add("dtend", start + timedelta(hours=2))
    component.add("organizer", "mailto:anna@example.com")
    component.add("attendee", f"mailto:{'long' * 40}@example.com")
    calendar.add_component(component)
    read = free_busy_request.read(calendar.to_ical())
    assert (read.start, read.end - read.start) == (int(start.timestamp()), 7200)
    assert read.attendees == (f"mailto:{'long' * 40}@example.com",)


@pytest.mark.parametrize(
    ("octets", "refusal"),
    [
        (b"", NotICalendar),
        (b"\xff\xfe", NotICalendar),
        (b"<xml/>", NotICalendar),
        (text("BEGIN:VCALENDAR", "END:VCALENDAR"), NotICalendar),
        (text(*LINES[:-1]), NotICalendar),
        (text(*LINES[1:]), NotICalendar),
        (text(*LINES[:-2], "END:VCALENDAR", "END:VFREEBUSY"), NotICalendar),
        (text() * 2, NotICalendar),
        (but("UID", "UID:a\x00b"), NotICalendar),
        (but("UID", "UID:a\x0bb"), NotICalendar),
        (but("UID", "UID:a\u2028ATTENDEE:b"), NotICalendar),
        (but("UID", "UID:a", *["X:y"] * 20_000), NotICalendar),
        (text("BEGIN:VCALENDAR", *["BEGIN:X"] * 1000), NotICalendar),
        (but("METHOD"), NotAFreeBusyRequest),
        (but("METHOD", "METHOD:REQUEST", "METHOD:REQUEST"), NotAFreeBusyRequest),
        (but("METHOD", "METHOD:REPLY"), NotAFreeBusyRequest),
        (but("UID"), NotAFreeBusyRequest),
        (but("UID", "UID:"), NotAFreeBusyRequest),
        (but("UID", "UID:" + "x" * 1025), NotAFreeBusyRequest),
        (but("ORGANIZER"), NotAFreeBusyRequest),
        (but("ORGANIZER", "ORGANIZER:mailto:a@x", "ORGANIZER:mailto:b@x"), NotAFreeBusyRequest),
        (but("DTSTAMP"), NotAFreeBusyRequest),
        (but("DTSTART", "DTSTART;VALUE=DATE:20090602"), NotAFreeBusyRequest),
        (but("DTSTART", "DTSTART:20090602T000000"), NotAFreeBusyRequest),
        (but("DTSTART", "DTSTART;TZID=Mars:20090602T000000"), NotAFreeBusyRequest),
        (but("DTSTART", "DTSTART:20090604T000000Z"), NotAFreeBusyRequest),
        (but("DTSTART", "DTSTART:20091399T000000Z"), NotAFreeBusyRequest),
        (
            but("DTSTART", "DTSTART:\u0662\u0660\u0660\u0669\u0660\u0666\u0660\u0662T000000Z"),
            NotAFreeBusyRequest,
        ),
        (but("DTEND", "DURATION:P1D"), NotAFreeBusyRequest),
        (but("UID", "UID:a", "FREEBUSY:20090602T000000Z/PT1H"), NotAFreeBusyRequest),
        (text(*(it for it in LINES if not it.startswith("ATTENDEE"))), NotAFreeBusyRequest),
        (text(*LINES[:-1], *LINES[4:-1], "END:VCALENDAR"), NotAFreeBusyRequest),
        (text(*LINES[:-1], "BEGIN:VEVENT", "END:VEVENT", "END:VCALENDAR"), NotAFreeBusyRequest),
        (text(*(it.replace("VFREEBUSY", "VEVENT") for it in LINES)), IsInvitation),
        (text(*(it.replace("VFREEBUSY", "VTODO") for it in LINES)), IsInvitation),
    ],
)
def test_what_is_no_request_for_busy_time_is_refused(octets: bytes, refusal: type[BadRequest]) -> None:
    with pytest.raises(BadRequest) as refused:
        free_busy_request.read(octets)
    assert type(refused.value) is refusal


@given(
    st.lists(
        st.one_of(st.sampled_from(LINES), st.text(max_size=20), st.sampled_from(["ATTENDEE;X=", ';"', '";'])),
        max_size=30,
    )
)
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    with suppress(BadRequest):
        read = free_busy_request.read("\r\n".join(lines).encode())
        assert read.start < read.end
