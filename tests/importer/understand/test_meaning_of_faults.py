# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars with faults of every kind at once: nothing fails as a whole, and nothing vanishes without a word."""

from __future__ import annotations

import random

import pytest

from importer import loading
from importer.preview import preview
from importer.understand.body import Stream
from scheduling.subscriptions.unread import ALWAYS
from tests.importer.understand.calendars import NOW, busy, busy_in, calendar, one, read, vevent

START, END = "DTSTART:20261005T080000Z", "DTEND:20261005T090000Z"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((START, END, "DTEND:20261005T120000Z"), "10-05 08:00/10-05 12:00"),
        ((START, "DTEND:20261005T120000Z", END, "DTEND:never"), "10-05 08:00/10-05 12:00"),
        ((START, END, "DURATION:PT5H"), "10-05 08:00/10-05 13:00"),
        ((START, "DURATION:PT10M", END), "10-05 08:00/10-05 09:00"),
    ],
)
def test_of_several_ends_the_latest_counts(lines: tuple[str, ...], expected: str) -> None:
    event = one(*lines)
    assert busy(event) == [expected]
    assert "property-doubled" in {note.rule for note in event.notes if note.guess}


def test_the_same_end_twice_is_no_fault() -> None:
    for lines in ((START, END, END), (START, END, "DURATION:PT1H"), (START, START, END)):
        assert "property-doubled" not in {note.rule for note in one(*lines).notes}


def test_two_starts_or_two_replaced_instances_leave_time_unknown() -> None:
    found = read(calendar(vevent(START, "DTSTART:20261006T080000Z", END)))
    assert (busy_in(found.events), found.gaps) == (["10-05 08:00/10-05 09:00"], (ALWAYS,))
    twice = vevent(
        "RECURRENCE-ID:20261006T080000Z", "RECURRENCE-ID:20261007T080000Z", "DTSTART:20261008T080000Z"
    )
    assert read(calendar(vevent(START, END, "RRULE:FREQ=DAILY;COUNT=3"), twice)).gaps == (ALWAYS,)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("TRANSP:TRANSPARENT", "TRANSP:OPAQUE"), "BUSY"),
        (("TRANSP:TRANSPARENT", "TRANSP:TRANSPARENT"), ""),
        (("STATUS:CANCELLED", "STATUS:CONFIRMED"), "BUSY"),
        (("STATUS:CANCELLED", "STATUS:TENTATIVE"), "BUSY-TENTATIVE"),
        (("X-MICROSOFT-CDO-BUSYSTATUS:FREE", "X-MICROSOFT-CDO-BUSYSTATUS:BUSY"), "BUSY"),
    ],
)
def test_of_several_effects_that_counts_which_blocks_most(lines: tuple[str, ...], expected: str) -> None:
    for ordered in (lines, lines[::-1]):
        assert one(START, END, *ordered).details.busy == expected


def test_an_end_without_a_beginning_is_told_and_leaves_time_unknown() -> None:
    stray = f"UID:lost\n{START}\n{END}\nEND:VEVENT"
    found = read(calendar(vevent(START, END), stray))
    assert [(it.line, it.reason) for it in found.skipped] == [
        (2, "An END:VEVENT after it has no BEGIN:VEVENT.")
    ]
    assert found.gaps == (ALWAYS,)
    nested = "\n".join(
        ["BEGIN:VEVENT", "UID:a", START, vevent("DTSTART:20261007T080000Z", uid="b"), "END:VEVENT"]
    )
    assert [it.uid for it in read(calendar(nested)).skipped] == ["a"]


@pytest.mark.parametrize("end", ["99991231T235959", "00010101T000000", "00010101", "99991231"])
@pytest.mark.parametrize("identifier", ["", "RECURRENCE-ID:20261007T060000Z"])
def test_an_end_at_the_edge_of_time_fails_nothing_else(end: str, identifier: str) -> None:
    odd = vevent(
        "DTSTART;VALUE=DATE:20261005", f"DTEND:{end}", *([identifier] if identifier else []), uid="odd"
    )
    found = read(calendar("X-WR-TIMEZONE:Asia/Tokyo", odd, vevent(START, END)))
    assert "1" in found.seen
    assert "odd" in found.seen or found.gaps


def test_a_time_as_java_writes_it() -> None:
    event = one(
        "DTSTART:2026-10-20T09:00:00.000+02:00[Europe/Paris]", "RRULE:FREQ=WEEKLY;COUNT=2", "DURATION:PT1H"
    )
    assert busy(event) == ["10-20 07:00/10-20 08:00", "10-27 08:00/10-27 09:00"]
    assert busy(one("DTSTART:2026-10-20T09:00Z[UTC]", "DURATION:PT1H")) == ["10-20 09:00/10-20 10:00"]


_VALUES = (
    *(
        "20261005T080000Z",
        "20261006",
        "20261005T080000",
        "2026-10-05 08:00",
        "x",
        "",
        "20261005T080000Z/PT1H",
    ),
    *("20261005T080000Z,20261009", "18990101T000000", "99991231T235959", "00010101"),
)
_PARAMETERS = (
    *(
        "",
        ";VALUE=DATE",
        ";TZID=Europe/Berlin",
        ";TZID=GMT",
        ';TZID="x:y"',
        ";TZID=",
        ";X",
        ";=",
        ";VALUE=PERIOD",
    ),
    *(";RANGE=THISANDFUTURE", ";RANGE=THISANDPRIOR", ";RANGE=x", ';TZID="Europe/Berlin'),
)
_RULES = (
    *(
        "FREQ=DAILY",
        "FREQ=WEEKLY;COUNT=5",
        "FREQ=MONTHLY;BYDAY=2TU;UNTIL=20291231",
        "FREQ=YEARLY",
        "FREQ=SECONDLY",
    ),
    *(
        "FREQ=HOURLY;COUNT=9",
        "W1 MO #4",
        "garbage",
        "",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=99999999999",
    ),
    *(
        "FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=MINUTELY;INTERVAL=7;BYHOUR=3",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU",
    ),
    *(
        "FREQ=DAILY;UNTIL=00000000T000000Z",
        "FREQ=WEEKLY;BYSETPOS=-1;BYDAY=MO,TU",
        "FREQ=MONTHLY;BYMONTHDAY=31",
    ),
)
_OTHERS = {
    "DURATION": ("PT1H", "P1D", "-PT5M", "x", "P", "PT99999999H"),
    "STATUS": ("CANCELLED", "TENTATIVE", ""),
    "TRANSP": ("TRANSPARENT", "OPAQUE", ""),
    "SEQUENCE": ("0", "1", "9", "x"),
    "RRULE": _RULES,
    "EXRULE": _RULES,
}
_NAMES = (*_OTHERS, "DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID", "ATTENDEE", "UID")
_STARTS = (":20261005T080000Z", ";VALUE=DATE:20261005", ";TZID=Europe/Berlin:20261005T080000")
_RANGES = ("", ";RANGE=THISANDFUTURE", ";RANGE=THISANDPRIOR")


def faulty(chance: random.Random) -> str:
    """A calendar of up to four components under two UIDs, with lines that come in any number and shape."""

    def line() -> str:
        name = chance.choice(_NAMES)
        if name in _OTHERS:
            return f"{name}:{chance.choice(_OTHERS[name])}"
        return f"{name}{chance.choice(_PARAMETERS)}:{chance.choice(_VALUES)}"

    events = []
    for number in range(chance.randint(1, 4)):
        lines = [line() for _ in range(chance.randint(0, 5))]
        if chance.random() < 0.8:
            lines.append(f"DTSTART{chance.choice(_STARTS)}")
        if number and chance.random() < 0.6:
            replaced = chance.choice(("20261005T080000Z", "20261006T080000Z", "20261012T080000Z", "20261020"))
            lines.append(f"RECURRENCE-ID{chance.choice(_RANGES)}:{replaced}")
        chance.shuffle(lines)
        events.append(vevent(*lines, uid=chance.choice("12")))
    head = chance.choice(
        ((), ("X-WR-TIMEZONE:Asia/Tokyo",), ("TZ:-05", "DAYLIGHT:TRUE;-04;20260308;20261101"))
    )
    return calendar(*head, *events)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_is_read_left_out_with_a_reason_and_known_again(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    for _ in range(40):
        text = faulty(chance)
        found = read(text)
        assert found.seen or found.skipped, text
        assert all(it.reason.endswith(".") for it in found.skipped)
        again = read(text, stored=found.seen)
        assert (again.seen, again.events, again.gaps) == (found.seen, (), found.gaps), text
        looked_at = preview(Stream(body=text.encode()), default_zone="Europe/Berlin", now=NOW).events
        assert {it.uid for it in looked_at if it.outcome == "imported"} == set(found.seen), text
        loaded = loading.read(text.encode(), "anna", time_zone="Europe/Berlin", now=NOW)
        assert loaded.entries or loaded.problems or loaded.notes or not any(busy_in(found.events)), text
