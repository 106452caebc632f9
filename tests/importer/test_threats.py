# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile feeds through the whole import, from a socket to what is served: the attack costs its own event at most, the
good ones are served, and what comes out is well-formed. Other attacks are in the tests of the parts they aim at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import icalendar
import pytest
import vobject

from importer.loop import run
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore
from tests.importer.conftest import CalendarServer
from tests.importer.test_own_events import CONFIG, KEYRING

GOOD = 10
DAY = (datetime.now(UTC) + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)


def event(uid: str, *lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def at(hour: int) -> tuple[str, str]:
    return f"DTSTART:{DAY:%Y%m%d}T{hour:02}0000Z", f"DTEND:{DAY:%Y%m%d}T{hour:02}3000Z"


def ruled(*lines: str) -> str:
    return event("bomb", "DTSTART:20200101T090000Z", "DTEND:20200101T091000Z", *lines)


EVERY = {
    name: ",".join(map(str, range(count))) for name, count in (("HOUR", 24), ("MINUTE", 60), ("SECOND", 60))
}
DATES = ",".join(
    f"{day:%Y%m%d}T090000Z"
    for day in (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(n) for n in range(100_000))
)
ATTACKS = {
    "C01 endless seconds": ruled("RRULE:FREQ=SECONDLY"),
    "C01 endless minutes": ruled("RRULE:FREQ=MINUTELY"),
    "C02 huge count": ruled("RRULE:FREQ=DAILY;COUNT=1000000000"),
    "C03 never matches": ruled("RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"),
    "C03 never matches daily": ruled("RRULE:FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2"),
    "C03 beyond the set": ruled("RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300"),
    "C04 interval 0": ruled("RRULE:FREQ=DAILY;INTERVAL=0"),
    "C04 interval negative": ruled("RRULE:FREQ=DAILY;INTERVAL=-5"),
    "C04 interval 1e18": ruled("RRULE:FREQ=DAILY;INTERVAL=1000000000000000000"),
    "C05 excluded wholly": ruled("RRULE:FREQ=MINUTELY", "EXRULE:FREQ=MINUTELY"),
    "C05 excluded singly": ruled("RRULE:FREQ=DAILY;COUNT=10000", f"EXDATE:{DATES}"),
    "C06 product of lists": ruled(
        "RRULE:FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367)))
        + "".join(f";BY{name}={values}" for name, values in EVERY.items())
    ),
    "C07 dates": ruled(f"RDATE:{DATES}"),
    "C07 periods": ruled("RDATE;VALUE=PERIOD:" + DATES.replace(",", "/PT1H,") + "/PT1H"),
    "C08 alarms": ruled(
        "BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT1H", "REPEAT:999999999", "DURATION:PT1S", "END:VALARM"),
    "C10 spaces": ruled("SUMMARY" + " " * 65_536 + ";X=1" + " " * 65_536 + ":x"),
    "C10 newlines": "\r\n" * 200_000 + ruled(),
    "C11 separators": ruled(*(f"SUMMARY{sign * 50_000}" for sign in ';=":,')),
    "C12 one long line": ruled("DESCRIPTION:" + "x" * 5_000_000),
    "C12 many folds": ruled("DESCRIPTION:" + "\r\n x" * 500_000),
    "C15 bad bytes": ruled("SUMMARY:\udcff\ufffe\uffff\x00 text"),
    "C16 controls": ruled("DESCRIPTION:\x01\x0b\x1f]]>&<x>"),
    "C20 odd UID": "\r\n".join(
        [event("../../etc/passwd", *at(22)), event("a" * 1000, *at(22)), event("%2F%00", *at(22)), event("", *at(22))]
    ),
    "C22 zones": event("bomb", "DTSTART;TZID=\"(UTC+01:00) Amsterdam, Berlin\":20200101T090000"),
    "C23 zone bomb": "BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+5744\r\n"
    "TZOFFSETTO:+0100\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    + event("bomb", "DTSTART;TZID=X:20200101T090000"),
    "C26 times": "\r\n".join(
        event(f"t{number}", line, *more)
        for number, (line, *more) in enumerate(
            [
                ("DTSTART:00010101T000000Z",), ("DTSTART:99991231T235959Z",), ("DTSTART:20201301T000000Z",),
                ("DTSTART:20200101T090000Z", "DURATION:P999999999999999999W"),
                ("DTSTART:20200101T090000Z", "DURATION:-P3000000D"),
                ("DTSTART:20200101T090000Z", "DTEND:20190101T090000Z", "DURATION:P1D"),
            ]
        )
    ),
    "C28 method": "METHOD:CANCEL\r\n" + ruled(
        "ATTENDEE;RSVP=TRUE:mailto:a@example.com", "ORGANIZER:mailto:b@example.com"),
    "C29 active content": ruled(
        "SUMMARY:<script>alert(1)</script>", "URL:javascript:alert(1)", "ATTACH:file:///etc/passwd",
        "X-ALT-DESC;FMTTYPE=text/html:<b onload=x>", "CONFERENCE:javascript:x",
    ),
    "C30 injection": ruled("SUMMARY:x\\nRRULE:FREQ=SECONDLY\\nEND:VEVENT\\nBEGIN:VALARM"),
}  # fmt: skip


@dataclass
class Imported:
    """What a feed became."""

    report: dict[str, object]
    texts: list[str]


@pytest.fixture
def served(sqlite_database: Database, server: CalendarServer) -> Callable[[str], Imported]:
    def become(attack: str) -> Imported:
        good = [event(f"good-{number}", *at(8 + number)) for number in range(GOOD)]
        text = "\r\n".join(
            ["BEGIN:VCALENDAR", "VERSION:2.0", *good[:5], attack, *good[5:], "END:VCALENDAR", ""]
        )
        url = server.says("/a.ics", 200, text.encode("utf-8", "surrogateescape"))
        with sqlite_database.write() as connection:
            user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
            number = subscriptions.add(connection, KEYRING, user.id, url, "Elsewhere", actor=SYSTEM).id
        store = ImportStore(sqlite_database, Config(), KEYRING, followers=FOLLOWERS)
        assert run(store, CONFIG, once=True, stop=threading.Event(), only=number).applied == 1
        with Snapshot(sqlite_database, Config(), followers=FOLLOWERS) as snapshot:
            state = snapshot.calendar("anna", f"external-{number}")
            assert state is not None
            texts = [it.calendar for it in objects.all_objects(snapshot.connection, state.id, state.cutoff)]
        with sqlite_database.read() as connection:
            report = subscriptions.get(connection, number, actor=SYSTEM).report
        assert report is not None
        return Imported(report=report, texts=texts)

    return become


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_costs_its_own_event_at_most(served: Callable[[str], Imported], attack: str) -> None:
    found = served(attack)
    uids = set()
    for text in found.texts:
        (calendar,) = icalendar.Calendar.from_ical(text, multiple=True)
        events = calendar.walk("VEVENT")
        assert len({str(it["UID"]) for it in events}) == 1
        uids.add(str(events[0]["UID"]))
        assert len(vobject.readOne(text).vevent_list) == len(events)
        ET.fromstring(f"<a>{text.replace('&', '&amp;').replace('<', '&lt;')}</a>")  # noqa: S314 (our own)
        assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
        for word in (
            "VALARM",
            "METHOD",
            "ATTENDEE",
            "ORGANIZER",
            "ATTACH",
            "CONFERENCE",
            "X-ALT-DESC",
            "EXRULE",
        ):
            assert f"\r\n{word}" not in text
            assert f"BEGIN:{word}" not in text
        assert "SECONDLY" not in text.replace("\\nRRULE:FREQ=SECONDLY", "")
    assert {f"good-{number}" for number in range(GOOD)} <= uids
    assert sum("TRANSP:OPAQUE" in text for text in found.texts) >= GOOD
