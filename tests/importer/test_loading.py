# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedule files as iCalendar: what becomes of their events, what is noted, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from importer import loading
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.load import Format
from scheduling.schedule.entries import UserNeeded
from tests.scheduling.loaded import failure, instant, one, people_to_load_for, rendered, run

__all__ = ["people_to_load_for"]


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def calendar(*events: str) -> str:
    body = "".join(
        f"BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n{event}\r\nEND:VEVENT\r\n" for event in events
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n"


def ics(*lines: str) -> str:
    return "\r\n".join(lines)


def test_a_changed_instance_becomes_a_blocker_of_its_own(database: Database) -> None:
    series = ics(
        "UID:u",
        "SUMMARY:Stand-up",
        "DTSTART;TZID=Europe/Berlin:20260706T090000",
        "DURATION:PT30M",
        "RRULE:FREQ=WEEKLY;COUNT=5",
    )
    moved = ics(
        "UID:u",
        "RECURRENCE-ID:20260713T070000Z",
        "SUMMARY:Later",
        "DTSTART;TZID=Europe/Berlin:20260713T150000",
        "DTEND;TZID=Europe/Berlin:20260713T153000",
    )
    gone = ics(
        "UID:u",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260720T090000",
        "STATUS:CANCELLED",
        "DTSTART;TZID=Europe/Berlin:20260720T090000",
    )
    content = calendar(series, moved, gone)
    assert run(database, content, Format.ICS, "anna").inserted == 2
    assert (
        one(database, "SELECT exdate FROM blockers WHERE reference = 'u'")
        == "20260713T090000,20260720T090000"
    )
    start = one(database, "SELECT starts_at FROM blockers WHERE title = 'Later'")
    assert instant(start) == datetime(2026, 7, 13, 13, tzinfo=UTC)
    assert run(database, content, Format.ICS, "anna").unchanged == 2
    assert rendered(database, "anna") == []


def test_an_end_in_another_zone_and_exact_durations_are_kept(database: Database) -> None:
    flight = ics(
        "UID:f", "DTSTART;TZID=Europe/Berlin:20260706T090000", "DTEND;TZID=America/New_York:20260706T110000"
    )
    night = ics("UID:n", "DTSTART;TZID=Europe/Berlin:20261024T220000", "DURATION:PT8H")
    run(database, calendar(flight, night), Format.ICS, "anna")
    ends = "SELECT ends_at FROM blockers WHERE reference = '{}'"
    assert instant(one(database, ends.format("f"))) == datetime(2026, 7, 6, 15, tzinfo=UTC)
    assert instant(one(database, ends.format("n"))) == datetime(2026, 10, 25, 4, tzinfo=UTC)


def test_a_job_of_an_ics_file_is_shared_and_a_blocker_is_not(database: Database) -> None:
    job = ics(
        "UID:j", "CATEGORIES:Job,Urgent", "DTSTART;VALUE=DATE:20260706", "SUMMARY:Meter", "STATUS:TENTATIVE"
    )
    blocker = ics("UID:b", "DTSTART;VALUE=DATE:20260706", "SUMMARY:Away")
    run(database, calendar(job, blocker), Format.ICS, "anna")
    assert run(database, calendar(job), Format.ICS, "james").updated == 1
    assert one(database, "SELECT count(*) FROM job_assignments") == 2
    assert tuple(one(database, "SELECT job_type, status FROM jobs")) == ("Meter", "offered")
    assert 'event 1 (Away): "b" is a blocker of anna already.' in failure(
        database, calendar(blocker), Format.ICS, "james"
    ).replace("event 1:", "event 1 (Away):")


@on_sqlite
@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("SUMMARY:No start",), "event 1 (No start): it has no DTSTART"),
        (("DTSTART:20260706T090000Z", "DTEND;VALUE=DATE:20260707"), "one of DTSTART and DTEND is a date"),
        (("DTSTART;TZID=Nowhere/Land:20260706T090000",), 'the time zone "Nowhere/Land" is not known'),
        (("DTSTART:20260706T090000Z", "CATEGORIES:Job", "RRULE:FREQ=DAILY"), "a job cannot recur"),
        (("DTSTART:20260706T090000Z", "RRULE:FREQ=DAILY"), "it recurs in the time zone UTC"),
        (
            ("DTSTART;TZID=America/New_York:20260706T090000", "RRULE:FREQ=DAILY"),
            "in the time zone America/New_York",
        ),
        (("DTSTART:nonsense",), "event 1"),
    ],
)
def test_an_event_that_cannot_be_loaded_is_told(
    database: Database, lines: tuple[str, ...], told: str
) -> None:
    assert told in failure(database, calendar(ics("UID:u", *lines)), Format.ICS, "anna")


_LONDON = ics(
    "BEGIN:VTIMEZONE",
    "TZID:GMT",
    "BEGIN:STANDARD",
    "DTSTART:19961027T020000",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:19810329T010000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "END:DAYLIGHT",
    "END:VTIMEZONE",
    "BEGIN:VEVENT",
)


def test_a_zone_that_is_called_gmt_and_has_summer_time_has_it(database: Database) -> None:
    event = ics("UID:u", "DTSTART;TZID=GMT:20260706T090000", "DTEND;TZID=GMT:20260706T100000")
    content = calendar(event).replace("BEGIN:VEVENT", _LONDON, 1)
    assert run(database, content, Format.ICS, "anna").inserted == 1
    start, end = one(database, "SELECT starts_at, ends_at FROM blockers")
    assert instant(start) == datetime(2026, 7, 6, 8, tzinfo=UTC)
    assert instant(end) == datetime(2026, 7, 6, 9, tzinfo=UTC)
    series = calendar(ics(event, "RRULE:FREQ=DAILY")).replace("BEGIN:VEVENT", _LONDON, 1)
    assert "it recurs in the time zone Europe/London" in failure(database, series, Format.ICS, "anna")
    with database.write() as connection:
        users.create(connection, username="lucy", time_zone="Europe/London", actor=SYSTEM)
    assert run(database, series.replace("UID:u", "UID:l"), Format.ICS, "lucy").inserted == 1


@on_sqlite
def test_nothing_that_decides_about_time_passes_in_silence(database: Database) -> None:
    start = "DTSTART;TZID=Europe/Berlin:20260706T090000"
    content = calendar(
        ics("UID:a", start, "DURATION:PT1H", "RRULE:FREQ=DAILY"),
        ics("UID:a", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260708T090000", start),
        ics("UID:b", start, "DURATION:PT1H", "DTEND;TZID=Europe/Berlin:20260706T100000"),
        ics("UID:c", "DTSTART;VALUE=DATE:20260706", "DTEND;VALUE=DATE:20260704"),
        ics("UID:d", "DTSTART:nonsense", "DTEND:never"),
    ).replace("PRODID:x\r\n", "PRODID:x\r\nMETHOD:CANCEL\r\n")
    busy = "BEGIN:VFREEBUSY\r\nUID:f\r\nFREEBUSY:20260706T090000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR"
    told = failure(database, content.replace("END:VCALENDAR", busy), Format.ICS, "anna").splitlines()[1:]
    beginnings = (
        "the calendar's METHOD is CANCEL",
        "event 3 (without a title): it has both DTEND and DURATION",
        "event 4 (without a title): it ends before it starts",
        "event 5 (without a title): DTSTART cannot be read",
        "event 5 (without a title): DTEND cannot be read",
        "the calendar has a VFREEBUSY, which cannot be loaded",
    )
    assert len(told) == len(beginnings), told
    for line, beginning in zip(told, beginnings, strict=True):
        assert re.sub(r"^line [0-9]+[,:] ", "", line).startswith(beginning), line
    assert [int(it) for it in re.findall(r"^line ([0-9]+)", "\n".join(told), re.MULTILINE)] == [
        18,
        25,
        31,
        31,
        37,
    ]


def notes(content: str, zone: str = "Europe/Berlin") -> list[str]:
    reading = loading.read(content.encode(), "anna", time_zone=zone, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert reading.problems == []
    return list(reading.notes)


def blocked(database: Database) -> list[str]:
    """All blockers as title, start and end, and what they recur by."""
    with database.read() as connection:
        found = (
            connection.execute(text("SELECT * FROM blockers ORDER BY starts_at, start_date")).mappings().all()
        )
    return [
        f"{it['title']} {instant(it['starts_at']):%m-%d %H:%M}/{instant(it['ends_at']):%H:%M} {it['rrule'] or ''}"
        for it in found
    ]


def test_a_change_of_all_later_instances_is_carried_out(database: Database) -> None:
    series = ics(
        "UID:u",
        "SUMMARY:Choir",
        "DTSTART;TZID=Europe/Berlin:20261102T190000",
        "DURATION:PT2H",
        "RRULE:FREQ=WEEKLY",
        "EXDATE;TZID=Europe/Berlin:20261130T190000",
    )
    later = ics(
        "UID:u",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261116T190000",
        "SUMMARY:Choir (Tuesday)",
        "DTSTART;TZID=Europe/Berlin:20261117T180000",
        "DTEND;TZID=Europe/Berlin:20261117T193000",
    )
    content = calendar(series, later)
    assert run(database, content, Format.ICS, "anna").inserted == 2
    assert blocked(database) == [
        "Choir 11-02 18:00/20:00 FREQ=WEEKLY;UNTIL=20261116T175959Z",
        "Choir (Tuesday) 11-17 17:00/18:30 FREQ=WEEKLY",
    ]
    excluded = one(database, "SELECT exdate FROM blockers WHERE title = 'Choir (Tuesday)'")
    assert excluded == "20261201T180000"
    assert run(database, content, Format.ICS, "anna").unchanged == 2
    assert rendered(database, "anna") == []


def test_times_without_a_zone_are_in_the_calendars_own(database: Database) -> None:
    event = ics("UID:u", "SUMMARY:Call", "DTSTART:20260706T090000", "DTEND:20260706T093000")
    head = "PRODID:x\r\nX-WR-TIMEZONE:Asia/Tokyo\r\n"
    content = calendar(event).replace("PRODID:x\r\n", head)
    run(database, content, Format.ICS, "anna")
    assert blocked(database) == ["Call 07-06 00:00/00:30 "]
    assert "line 5, event 1 (Call): Times without a zone were read in the calendar's, Asia/Tokyo." in notes(
        content
    )
    assert notes(calendar(event)) == []


def test_what_takes_no_time_is_left_out_with_a_word(database: Database) -> None:
    start = "DTSTART:20260706T090000Z"
    content = calendar(
        ics("UID:free", "SUMMARY:Birthday", start, "TRANSP:TRANSPARENT"),
        ics("UID:shown", "SUMMARY:Maybe", start, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"),
        ics("UID:off", start, "STATUS:CANCELLED"),
        ics("UID:job", "SUMMARY:Visit", start, "DURATION:PT1H", "TRANSP:TRANSPARENT", "CATEGORIES:Job"),
        ics("UID:busy", "SUMMARY:Work", start, "DURATION:PT1H", "TRANSP:OPAQUE"),
    ).replace("END:VCALENDAR", "BEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\nEND:VCALENDAR")
    assert run(database, content, Format.ICS, "anna").inserted == 2
    assert blocked(database) == ["Work 07-06 09:00/10:00 "]
    assert one(database, "SELECT count(*) FROM jobs") == 1
    assert notes(content) == [
        "the calendar has 1 VTODO, which is not loaded.",
        "line 4, event 1 (Birthday): It takes no time (TRANSP:TRANSPARENT) and was left out.",
        "line 11, event 2 (Maybe): It takes no time (X-MICROSOFT-CDO-BUSYSTATUS:FREE) and was left out.",
    ]


def test_an_instance_that_takes_no_time_frees_its_time(database: Database) -> None:
    series = ics(
        "UID:u", "SUMMARY:Shift", "DTSTART;TZID=Europe/Berlin:20260706T090000", "RRULE:FREQ=DAILY;COUNT=3"
    )
    free = ics("UID:u", "RECURRENCE-ID:20260707T070000Z", "DTSTART:20260707T070000Z", "TRANSP:TRANSPARENT")
    run(database, calendar(series, free), Format.ICS, "anna")
    assert one(database, "SELECT exdate FROM blockers") == "20260707T090000"


def test_texts_are_decoded_and_periods_of_an_rdate_are_kept(database: Database) -> None:
    content = calendar(
        ics(
            "UID:u",
            "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCllabfuhr",
            "DTSTART;TZID=Europe/Berlin:2026-07-06T09:00",
            "DURATION:PT1H",
            "RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20260708T090000/PT3H",
        )
    )
    assert run(database, content, Format.ICS, "anna").inserted == 2
    assert blocked(database) == ["Müllabfuhr 07-06 07:00/08:00 ", "Müllabfuhr 07-08 07:00/10:00 "]
    assert [it for it in notes(content) if "written in an unusual way" in it]


@on_sqlite
@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("DTSTART:20260706T090000Z", "DTSTART:20260707T090000Z"), "it has DTSTART more than once"),
        (("DTSTART:20260706T090000Z", "DURATION:an hour"), "DURATION cannot be read"),
        (("DTSTART:20260706T090000Z", "RRULE:every week"), "repetition rule cannot be read"),
        (("DTSTART:20260706T090000Z", "RRULE;X FREQ=DAILY"), "not an iCalendar property"),
        (("DTSTART:20260706T090000Z", "EXDATE:20260706T090000Z,soon", "RRULE:FREQ=DAILY"), "EXDATE cannot be read"),
        (("DTSTART:20260706T090000Z", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), "written out as dates"),
        (("DTSTART:20260706T090000Z", "RRULE:FREQ=MINUTELY"), "repeats too often"),
        (("RECURRENCE-ID;RANGE=THISANDFUTURE:20260706T090000Z", "DTSTART:20260706T090000Z"), "series is missing"),
        (("DTSTART:22600706T090000Z",), "It begins after the year 2200".lower()),
    ],
)  # fmt: skip
def test_what_an_import_would_make_do_with_is_a_mistake_here(
    database: Database, lines: tuple[str, ...], told: str
) -> None:
    found = failure(database, calendar(ics("UID:u", *lines)), Format.ICS, "anna").splitlines()
    assert found[1].startswith("line 4, event 1 (without a title): ")
    assert told in found[1]


@on_sqlite
def test_what_is_not_closed_or_not_read_is_a_mistake(database: Database) -> None:
    content = calendar(ics("UID:u", "DTSTART:20260706T090000Z")).replace(
        "END:VCALENDAR",
        "BEGIN:VAVAILABILITY\r\nEND:VAVAILABILITY\r\nBEGIN:VEVENT\r\nUID:o\r\nEND:VCALENDAR",
    )
    assert failure(database, content, Format.ICS, "anna").splitlines()[1:] == [
        "line 9: it is a VAVAILABILITY, which is not read.",
        "line 11: its END:VEVENT line is missing.",
    ]
    assert "it has no UID" in failure(database, calendar("DTSTART:20260706T090000Z"), Format.ICS, "anna")


def test_a_series_by_a_clock_that_agrees_is_kept(database: Database) -> None:
    event = ics("UID:u", "DTSTART;TZID=Europe/Vienna:20260706T090000", "RRULE:FREQ=DAILY", "DURATION:PT1H")
    assert run(database, calendar(event), Format.ICS, "anna").inserted == 1


def test_an_ics_file_needs_a_user_and_has_to_be_one(database: Database) -> None:
    with pytest.raises(UserNeeded, match="names no user"):
        run(database, calendar(), Format.ICS)
    whole = calendar(ics("UID:u", "DTSTART:20260706T090000Z"))
    for broken in ("", "<html>", whole[:-20], whole + whole[:-40]):
        assert "this is not an iCalendar file" in failure(database, broken, Format.ICS, "anna")
    assert run(database, whole, Format.ICS, "anna").inserted == 1
