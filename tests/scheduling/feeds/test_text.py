# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored VEVENTs as busy time only, and with alarms."""

from __future__ import annotations

import re

import icalendar

from scheduling.calendars.objects import HEAD, TAIL
from scheduling.feeds import text

EVENT = """BEGIN:VEVENT
UID:abc@daysheet
DTSTAMP:20260310T090000Z
LAST-MODIFIED:20260310T090000Z
SEQUENCE:4
CREATED:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260310T100000
DTEND;TZID=Europe/Berlin:20260310T110000
RRULE:FREQ=WEEKLY;COUNT=3
EXDATE;TZID=Europe/Berlin:20260317T100000
SUMMARY:SECRET and a title that is long enough to be folded over two lin
 es SECRET
DESCRIPTION:SECRET\\nBEGIN:VEVENT\\nDTSTART:SECRET
LOCATION:SECRET
GEO:48.000000;11.000000
URL;VALUE=URI:https://secret.example/
CATEGORIES:SECRET
CLASS:PRIVATE
STATUS:CONFIRMED
TRANSP:OPAQUE
X-MICROSOFT-CDO-BUSYSTATUS:OOF
X-SECRET;X-P=SECRET:SECRET
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:SECRET
TRIGGER:-PT5M
END:VALARM
END:VEVENT
""".replace("\n", "\r\n")
OVERRIDE = """BEGIN:VEVENT
UID:abc@daysheet
DTSTAMP:20260310T090000Z
SEQUENCE:5
RECURRENCE-ID;TZID=Europe/Berlin:20260324T100000
DTSTART;TZID=Europe/Berlin:20260324T120000
SUMMARY:SECRET
STATUS:CANCELLED
TRANSP:TRANSPARENT
END:VEVENT
""".replace("\n", "\r\n")


def events(component: str) -> list[icalendar.Component]:
    return icalendar.Calendar.from_ical(HEAD + component + TAIL).walk("VEVENT")


def test_busy_shows_times_and_nothing_else() -> None:
    shown = text.busy(EVENT, b"key")
    [event] = events(shown)
    assert set(event) == {
        *("UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "RRULE", "EXDATE"),
        *("SUMMARY", "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS"),
    }
    assert (event["SUMMARY"], event["X-MICROSOFT-CDO-BUSYSTATUS"]) == ("Busy", "BUSY")
    assert event.subcomponents == []
    assert not re.search("secret|abc@|VALARM|OOF|CREATED", shown, re.IGNORECASE)


def test_all_instances_of_a_busy_event_share_a_uid_that_depends_on_the_feed() -> None:
    master, override = events(text.busy(EVENT + OVERRIDE, b"key"))
    assert master["UID"] == override["UID"] != events(text.busy(EVENT, b"other"))[0]["UID"]
    assert override["RECURRENCE-ID"].dt == master["DTSTART"].dt.replace(day=24)
    assert (override["STATUS"], override["X-MICROSOFT-CDO-BUSYSTATUS"]) == ("CANCELLED", "FREE")


def test_tentative_time_stays_tentative() -> None:
    tentative = EVENT.replace("STATUS:CONFIRMED", "STATUS:TENTATIVE")
    [event] = events(text.busy(tentative, b"key"))
    assert (event["STATUS"], event["X-MICROSOFT-CDO-BUSYSTATUS"]) == ("TENTATIVE", "TENTATIVE")


def test_an_alarm_goes_off_before_every_instance_that_takes_place() -> None:
    plain = EVENT[: EVENT.index("BEGIN:VALARM")] + "END:VEVENT\r\n"
    master, cancelled = events(text.with_alarm(plain + OVERRIDE, 90))
    [alarm] = master.subcomponents
    assert (alarm["ACTION"], alarm["TRIGGER"].to_ical()) == ("DISPLAY", b"-PT1H30M")
    assert alarm["TRIGGER"].dt.total_seconds() == -5400
    assert cancelled.subcomponents == []
    assert text.with_alarm(plain + OVERRIDE, 90).startswith(plain.removesuffix("END:VEVENT\r\n"))
