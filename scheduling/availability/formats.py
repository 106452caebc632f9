# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability as iCalendar: one VFREEBUSY (RFC 5545, section 3.6.4), which says when and never what or why.

RFC 5545 has no type for time that is unknown or outside working hours. Both are BUSY-UNAVAILABLE, since a client takes
whatever is left for free; X-DAYSHEET-STATE tells them apart for whoever wants to know.
"""

from __future__ import annotations

from scheduling.availability.busy_time import BusyTime
from scheduling.calendars import free_busy
from scheduling.ical import text
from scheduling.ical.free_busy_request import FreeBusyRequest


def vfreebusy(answer: BusyTime, stamp: int, *, head: str = "", more: str = "") -> str:
    """The answer as a calendar; `stamp` is the DTSTAMP, `head` and `more` as in `free_busy.vfreebusy`."""
    start, end = answer.question.start, answer.question.end
    if answer.of_type(free_busy.UNKNOWN):
        comment = "A calendar could not be read lately. Unavailable may mean unknown."
        more += text.line("COMMENT", text.escape(comment))
    return free_busy.vfreebusy(answer.periods, start, end, stamp, head=head, more=more)


def reply(answer: BusyTime, asked: FreeBusyRequest, attendee: str, stamp: int) -> str:
    """The answer of one attendee to a request (RFC 5546, section 3.3.3)."""
    more = (
        text.line("UID", asked.uid)
        + text.line("ORGANIZER", asked.organizer)
        + text.line("ATTENDEE", attendee)
    )
    return vfreebusy(answer, stamp, head="METHOD:REPLY\r\n", more=more)
