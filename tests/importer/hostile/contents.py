# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars that mean harm, each beside the events that were there before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
EVENTS = 3
Make = Callable[[str, int], bytes]


def event(uid: str, *lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT", ""])


def slot(number: int) -> tuple[int, int]:
    """When the events of calendar `number` take place, one after the other, in epoch seconds."""
    start = int(START.timestamp()) + number * 3600
    return start, start + EVENTS * 1200


def own(name: str, number: int = 0, summary: str = "Own") -> str:
    """The events of a calendar, of twenty minutes each."""
    begins = START + timedelta(hours=number)
    return "".join(
        event(f"{name}-{n}", f"DTSTART:{begins + timedelta(minutes=20 * n):%Y%m%dT%H%M%SZ}", "DURATION:PT20M",
              f"SUMMARY:{summary}")
        for n in range(EVENTS)
    )  # fmt: skip


def wrapped(body: str, head: str = "") -> bytes:
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{head}{body}END:VCALENDAR\r\n"
    return text.encode("utf-8", "surrogateescape")


def calendar(name: str | None = None, number: int = 0, summary: str = "Own") -> bytes:
    """A well-behaved calendar; without a name an empty one."""
    return wrapped(own(name, number, summary) if name is not None else "")


def beside(bomb: Callable[[], str], head: str = "") -> Make:
    return lambda name, number: wrapped(own(name, number) + bomb(), head)


def ruled(*lines: str) -> Callable[[], str]:
    return lambda: event("bomb", "DTSTART:20200101T090000Z", "DTEND:20200101T091000Z", *lines)


def a_million_dates() -> str:
    first = datetime(2000, 1, 1, tzinfo=UTC)
    days = [f"{first + timedelta(days=n):%Y%m%d}" for n in range(41_667)]
    hours = [f"T{hour:02}0000Z" for hour in range(24)]
    return ruled("RDATE:" + ",".join(day + hour for day in days for hour in hours))()


def _numbers(low: int, high: int) -> str:
    return ",".join(map(str, range(low, high)))


def _product() -> str:
    return (
        f"RRULE:FREQ=YEARLY;BYYEARDAY={_numbers(1, 367)};BYHOUR={_numbers(0, 24)};BYMINUTE={_numbers(0, 60)};"
        f"BYSECOND={_numbers(0, 60)}"
    )


_ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+5744\r\n"
    "TZOFFSETTO:+0100\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)
_OPEN, _SHUT = "BEGIN:VEVENT\r\n", "END:VEVENT\r\n"

CONTENTS: dict[str, tuple[Make, str | None]] = {
    "every second": (beside(ruled("RRULE:FREQ=SECONDLY")), None),
    "a huge count": (beside(ruled("RRULE:FREQ=MINUTELY;COUNT=1000000000")), None),
    "never": (beside(ruled("RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")), None),
    "no interval": (beside(ruled("RRULE:FREQ=DAILY;INTERVAL=0")), None),
    "product of lists": (beside(ruled(_product())), None),
    "rules that cancel": (beside(ruled("RRULE:FREQ=MINUTELY", "EXRULE:FREQ=MINUTELY")), None),
    "a million dates": (beside(a_million_dates), None),
    "one long line": (beside(ruled("DESCRIPTION:" + "x" * 10_000_000)), None),
    "a million folds": (beside(ruled("DESCRIPTION:" + "\r\n x" * 1_000_000)), None),
    "blank lines": (beside(lambda: "\r\n" * 2_000_000), None),
    "alarms": (
        beside(ruled("BEGIN:VALARM", "TRIGGER:-PT1H", "REPEAT:999999999", "DURATION:PT1S", "END:VALARM")),
        None,
    ),
    "deep events": (beside(lambda: _OPEN * 5000 + _SHUT * 5000), None),
    "deep others": (beside(lambda: "BEGIN:X-A\r\n" * 5000 + "END:X-A\r\n" * 5000), "nesting"),
    "a bomb in a zone": (beside(lambda: _ZONE + event("z", "DTSTART;TZID=X:20200101T090000")), None),
    "NUL and controls": (beside(ruled("SUMMARY:a\0b\x01\x1f\udcff\ufffe")), None),
    "wrong charset": (lambda name, number: b"\xef\xbb\xbf" + calendar(name, number), None),
    "odd UIDs": (
        beside(lambda: "".join(event(uid, "DTSTART:20200101T090000Z") for uid in ("../../x", "a" * 9000, "%00"))),
        None,
    ),
    "far years": (
        beside(ruled("DURATION:P9999999W", "RDATE:99991231T235959Z,00010101T000000Z", "RRULE:FREQ=YEARLY")),
        None,
    ),
    "long names": (beside(ruled(), f"X-WR-CALNAME:{'n' * 500_000}\r\nREFRESH-INTERVAL:P999999999W\r\n"), None),
    "too many events": (beside(lambda: "BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 60_000), "too-many-events"),
    "too many parts": (beside(lambda: "BEGIN:VTODO\r\nEND:VTODO\r\n" * 110_000), "too-many-components"),
    "50,000 bad events": (beside(lambda: "BEGIN:VEVENT\r\nDTSTART:x\r\nEND:VEVENT\r\n" * 49_000), None),
    "50,000 rules": (
        beside(lambda: "".join(event(f"r{n}", "DTSTART:20200101T090000Z", "RRULE:FREQ=DAILY") for n in range(49_000))),
        "too-expensive",
    ),
}  # fmt: skip
