# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for busy time and the answers to them, as a client of an outbox writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import icalendar

from tests.server.client import Answer, C, Client, D

START, END = "20270310T000000Z", "20270312T000000Z"


def request(
    organizer: str, *attendees: str, start: str = START, end: str = END, method: str = "REQUEST"
) -> str:
    """A VFREEBUSY with METHOD:REQUEST (RFC 5546, section 3.3.2)."""
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", f"METHOD:{method}", "BEGIN:VFREEBUSY"),
        *("UID:4FD3AD926350", "DTSTAMP:20270101T000000Z", f"DTSTART:{start}", f"DTEND:{end}"),
        f"ORGANIZER;CN=Somebody:{organizer}",
        *(f"ATTENDEE;CUTYPE=INDIVIDUAL:{it}" for it in attendees),
        *("END:VFREEBUSY", "END:VCALENDAR"),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def post(client: Client, path: str, body: str | bytes, content_type: str = "text/calendar") -> Answer:
    """POST to an outbox."""
    return client.request("POST", path, body, Content_Type=content_type)


@dataclass(frozen=True, kw_only=True)
class Replied:
    """What an outbox says of one recipient."""

    status: str
    text: str | None

    @property
    def component(self) -> icalendar.Component:
        """The one VFREEBUSY."""
        assert self.text is not None
        calendar = icalendar.Calendar.from_ical(self.text)
        assert calendar["METHOD"] == "REPLY"
        (component,) = calendar.walk("VFREEBUSY")
        return component

    @property
    def parts(self) -> list[tuple[str, str, str]]:
        """Start, end and type of each period, as iCalendar writes times."""
        return periods(self.component)


def periods(component: icalendar.Component) -> list[tuple[str, str, str]]:
    """Start, end and type (or Daysheet's own) of each FREEBUSY of a VFREEBUSY."""
    found = component.get("FREEBUSY", [])
    parts: list[tuple[str, str, str]] = []
    for it in found if isinstance(found, list) else [found]:
        start, _, end = it.to_ical().decode().partition("/")
        parts.append((start, end, str(it.params.get("X-DAYSHEET-STATE", it.params["FBTYPE"]))))
    return parts


def replies(answer: Answer) -> Mapping[str, Replied]:
    """What a CALDAV:schedule-response says, by recipient and in order."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml; charset=utf-8")
    assert answer.xml.tag == f"{C}schedule-response"
    found = {}
    for response in answer.xml:
        assert response.tag == f"{C}response"
        found[response.findtext(f"{C}recipient/{D}href", "")] = Replied(
            status=response.findtext(f"{C}request-status", ""),
            text=response.findtext(f"{C}calendar-data"),
        )
    assert len(found) == len(answer.xml)
    return found


def statuses(answer: Answer) -> Sequence[str]:
    """The REQUEST-STATUS of each recipient."""
    return [it.status for it in replies(answer).values()]
