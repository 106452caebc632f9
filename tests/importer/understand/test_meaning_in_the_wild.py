# SPDX-License-Identifier: GPL-3.0-or-later
"""What wild calendars mean: zones, versions, old dates, published busy time, and what stays unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from importer.understand.meaning import understand
from importer.understand.split import split
from scheduling.subscriptions.unread import ALWAYS
from tests.importer.understand.calendars import NOW, busy, calendar, days, one, read, vevent

Data = Callable[[str], bytes]


def test_whole_days_end_and_are_left_out_by_the_days_of_the_calendars_zone() -> None:
    rule = ("RRULE:FREQ=DAILY;UNTIL=20261021T220000Z", "EXDATE:20261019T220000Z")
    text = calendar("X-WR-TIMEZONE:Europe/Berlin", vevent("DTSTART;VALUE=DATE:20261019", *rule))
    (event,) = read(text, zone="America/New_York").events
    assert days(event) == ["10-19", "10-21", "10-22"]
    (event,) = read(text.replace("X-WR-TIMEZONE", "TZID"), zone="America/New_York").events
    assert days(event) == ["10-19", "10-21", "10-22"]


def test_a_time_without_a_zone_is_in_the_one_of_its_end_or_of_the_calendar() -> None:
    event = one("DTSTART:20261001T111500", "DTEND;TZID=Europe/Athens:20261001T130000", zone="UTC")
    assert busy(event) == ["10-01 08:15/10-01 10:00"]
    text = calendar("X-WR-TIMEZONE:Asia/Tokyo", vevent("DTSTART:20261001T111500", "DURATION:PT1H"))
    found = read(text)
    assert busy(found.events[0]) == ["10-01 02:15/10-01 03:15"]
    assert "Times without a zone were read in the calendar's, Asia/Tokyo. (line 3)" in found.warnings
    given = understand(split(text), default_zone="Europe/Berlin", zone_is_given=True, stored={}, now=NOW)
    assert busy(given.events[0]) == ["10-01 09:15/10-01 10:15"]


def test_the_form_of_a_value_counts_more_than_its_name() -> None:
    concert = one("DTSTART;VALUE=DATE:20261019T193000", "DTEND;VALUE=DATE:20261019T220000")
    assert busy(concert) == ["10-19 17:30/10-19 20:00"]
    day = one("DTSTART;VALUE=DATE:20261019T000000", "DTEND;VALUE=DATE:20261020T000000")
    assert day.all_day


def test_an_offset_in_a_value_is_that_of_a_zone_where_one_has_it() -> None:
    event = one("DTSTART:2026-10-19T09:00:00+02:00", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert busy(event) == ["10-19 07:00/10-19 08:00", "10-26 08:00/10-26 09:00"]
    far = one("DTSTART:2026-10-19T09:00:00-07:00", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2;BYDAY=MO")
    assert busy(far) == ["10-19 16:00/10-19 17:00", "10-26 16:00/10-26 17:00"]


def test_versions_of_one_event_and_different_ones_under_one_uid() -> None:
    same = vevent("DTSTART:20261001T080000Z", "DTEND:20261001T090000Z", "SUMMARY:A")
    longer = vevent("DTSTART:20261001T080000Z", "DTEND:20261001T110000Z", "SUMMARY:B")
    assert len(read(calendar(same, same.replace(":A", ":C"))).events) == 1
    found = read(calendar(same, longer)).events
    assert sorted(busy(event)[0] for event in found) == ["10-01 08:00/10-01 09:00", "10-01 08:00/10-01 11:00"]
    newer = longer.replace("SUMMARY:B", "SEQUENCE:1")
    assert [busy(event) for event in read(calendar(newer, same)).events] == [["10-01 08:00/10-01 11:00"]]


def test_what_repeats_since_before_1900_is_kept() -> None:
    leap = one("DTSTART;VALUE=DATE:16040229", "RRULE:FREQ=YEARLY", zone="UTC")
    assert (busy(leap, 2027), days(leap)) == ([], [])
    assert busy(leap, 2028) == ["02-29 00:00/03-01 00:00"]
    weekly = one(
        "DTSTART:16010101T090000Z", "DTEND:16010101T100000Z", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE"
    )
    assert days(weekly)[:2] == ["01-05", "01-07"]
    assert read(calendar(vevent("DTSTART:18990101T090000Z", "RRULE:FREQ=DAILY;COUNT=5"))).events == ()


def test_published_busy_time_blocks() -> None:
    found = read(
        calendar(
            "BEGIN:VFREEBUSY", "UID:fb", "FREEBUSY:20261001T080000Z/20261001T090000Z,20261002T080000Z/PT30M",
            "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261003T080000Z/PT1H", "FREEBUSY;FBTYPE=FREE:20261004T080000Z/PT1H",
            "FREEBUSY;FBTYPE=X-AWAY:20261005T080000Z/PT1H", "END:VFREEBUSY",
        )
    )  # fmt: skip
    assert [(busy(event), event.details.busy) for event in found.events] == [
        (["10-01 08:00/10-01 09:00"], "BUSY"),
        (["10-02 08:00/10-02 08:30"], "BUSY"),
        (["10-03 08:00/10-03 09:00"], "BUSY-TENTATIVE"),
        (["10-05 08:00/10-05 09:00"], "BUSY"),
    ]


def test_events_outside_of_a_calendar_and_indented_ones_are_read() -> None:
    inside, outside = vevent("DTSTART:20261001T080000Z"), vevent("DTSTART:20261002T080000Z", uid="2")
    assert len(read(calendar(inside) + outside + "\n").events) == 2
    assert len(read(outside + "\n" + calendar(inside)).events) == 2
    indented = "\n".join(f"   {line}" for line in calendar(inside).splitlines())
    assert len(read(indented + "\n").events) == 1
    assert len(read(f"\n\t  {calendar(inside)}").events) == 1


@pytest.mark.parametrize(
    ("lines", "expected"),
    [((), ""), (("CLASS:PUBLIC",), ""), (("CLASS:private",), "PRIVATE"), (("CLASS:CONFIDENTIAL",), "CONFIDENTIAL"),
     (("CLASS:X-SECRET",), "PRIVATE")],
)  # fmt: skip
def test_how_private_an_event_is_stays(lines: tuple[str, ...], expected: str) -> None:
    assert one("DTSTART:20261001T080000Z", *lines).details.classification == expected


def test_quoted_printable_texts_are_read_in_every_version() -> None:
    event = one(
        "DTSTART:20261001T080000Z",
        "SUMMARY;ENCODING=QUOTED-PRINTABLE:M=C3=BCllabfuhr",
        "LOCATION;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Stra=DFe",
        "DESCRIPTION;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:eins=0D=0Azwei=",
        "drei=",
        " vier",
    )
    details = event.details
    assert (details.summary, details.location) == ("Müllabfuhr", "Straße")
    assert details.description.split() == ["eins", "zweidrei", "vier"]


@pytest.mark.parametrize(
    "encoded",
    ["SUMMARY;QUOTED-PRINTABLE:Gr=C3=BC=C3=9Fe", "SUMMARY;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:Gr=FC=DFe",
     "SUMMARY;ENCODING=QUOTED-PRINTABLE;UTF-8:Gr=C3=BC=C3=9Fe", "summary;encoding=quoted-printable:Gr=c3=bc=c3=9fe"],
)  # fmt: skip
def test_quoted_printable_is_decoded_however_it_is_named(encoded: str) -> None:
    event = one("DTSTART:20261001T080000Z", encoded, "CATEGORIES;ENCODING=QUOTED-PRINTABLE:B=C3=BCro,=C3=9C")
    assert (event.details.summary, event.details.categories) == ("Grüße", ("Büro", "Ü"))
    head = encoded.replace("SUMMARY", "X-WR-CALNAME").replace("summary", "x-wr-calname")
    assert split(calendar(head, vevent("DTSTART:20261001T080000Z"))).name == "Grüße"


def test_a_line_with_an_open_quote_is_read_by_its_meaning() -> None:
    event = one(
        'DTSTART;TZID="Europe/Athens:20261001T080000', "DURATION:PT1H", 'RRULE;X="a:FREQ=DAILY;COUNT=2'
    )
    assert busy(event) == ["10-01 05:00/10-01 06:00", "10-02 05:00/10-02 06:00"]
    assert "line-mended" in {note.rule for note in event.notes if note.guess}


@pytest.mark.parametrize("line", ["RRULE;X FREQ=DAILY", "RDATE;=", "RECURRENCE-ID;=", "DURATION", "DTEND;X"])
def test_a_line_that_could_take_time_and_is_none_leaves_time_unknown(line: str) -> None:
    found = read(calendar(vevent("DTSTART:20261001T080000Z", line)))
    assert found.gaps == (ALWAYS,)
    assert [it for it in found.warnings if "was left out" in it]
    for harmless in ("EXDATE;=", "SUMMARY", "TRANSP"):
        assert read(calendar(vevent("DTSTART:20261001T080000Z", harmless))).gaps == ()


def test_a_definition_of_one_year_says_nothing_of_the_next_spring() -> None:
    zone = [
        "BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:DAYLIGHT", "DTSTART:20260329T020000", "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200", "END:DAYLIGHT", "BEGIN:STANDARD", "DTSTART:20261025T030000", "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE",
    ]  # fmt: skip
    event = vevent("DTSTART;TZID=Ours:20270405T090000", "DURATION:PT1H")
    assert busy(read(calendar(*zone, event), zone="UTC").events[0], 2027) == ["04-05 07:00/04-05 08:00"]
