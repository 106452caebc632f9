# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.unchanged`: the cost of finding that a feed has not changed, compared with parsing it with
icalendar. CPU time of this process, the least of several runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import icalendar

from importer.understand.decoding import decode
from importer.understand.meaning import understand
from importer.understand.split import split

_NOW = datetime(2026, 11, 21, tzinfo=UTC)
_HEAD = (
    "BEGIN:VCALENDAR", "PRODID:-//Google Inc//Google Calendar 70.9054//EN", "VERSION:2.0", "METHOD:PUBLISH",
    "X-WR-TIMEZONE:Europe/Berlin",
    "BEGIN:VTIMEZONE", "TZID:Europe/Berlin",
    "BEGIN:DAYLIGHT", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "TZNAME:CEST", "DTSTART:19700329T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT",
    "BEGIN:STANDARD", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "TZNAME:CET", "DTSTART:19701025T030000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD", "END:VTIMEZONE",
)  # fmt: skip


def feed(events: int, stamp: str) -> bytes:
    """A calendar like Google's with `events` appointments, all stamped `stamp` (a UTC DATE-TIME)."""
    lines = list(_HEAD)
    for number in range(events):
        start = datetime(2026, 10, 1, 8) + timedelta(hours=7 * number)  # noqa: DTZ001 (a wall clock time)
        lines += [
            "BEGIN:VEVENT",
            f"DTSTART;TZID=Europe/Berlin:{start:%Y%m%dT%H%M%S}",
            f"DTEND;TZID=Europe/Berlin:{start + timedelta(hours=1):%Y%m%dT%H%M%S}",
            f"DTSTAMP:{stamp}",
            f"UID:{number:026d}@google.com",
            "CREATED:20260901T101112Z",
            "DESCRIPTION:Notes for the appointment with a customer\\, which go on for a",
            "  while and are folded as RFC 5545 asks for it",
            f"LAST-MODIFIED:{stamp}",
            "LOCATION:Street 1\\, 10115 Berlin",
            "SEQUENCE:0",
            "STATUS:CONFIRMED",
            f"SUMMARY:Termin für Nummer {number}",
            "TRANSP:OPAQUE",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def measure(events: int, runs: int) -> dict[str, float]:
    """Milliseconds of CPU time, by what was done."""
    first, later = feed(events, "20261101T000000Z"), feed(events, "20261121T010203Z")
    seen = understand(split(decode(first, None)), default_zone="Europe/Berlin", stored={}, now=_NOW).seen

    def unchanged() -> None:
        found = understand(split(decode(later, None)), default_zone="Europe/Berlin", stored=seen, now=_NOW)
        if found.events or len(found.seen) != events:
            raise RuntimeError("The feed was not recognised as unchanged.")

    def new() -> None:
        understand(split(decode(first, None)), default_zone="Europe/Berlin", stored={}, now=_NOW)

    costs = {
        "parsed with icalendar": _least(lambda: icalendar.Calendar.from_ical(later), runs),
        "unchanged, all stamps new": _least(unchanged, runs),
        "all events new": _least(new, max(1, runs // 3)),
    }
    return costs | {"times cheaper": costs["parsed with icalendar"] / costs["unchanged, all stamps new"]}


def _least(work: Callable[[], object], runs: int) -> float:
    costs = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        costs.append((time.process_time() - begun) * 1000)
    return min(costs)


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="events in the feed (default: 200)")
    parser.add_argument("--runs", type=int, default=9, help="how often each is done (default: 9)")
    given = parser.parse_args(arguments)
    costs = measure(given.events, given.runs)
    print(json.dumps({name: round(cost, 2) for name, cost in costs.items()}, indent=2))
    return costs


if __name__ == "__main__":
    main()
