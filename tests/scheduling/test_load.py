# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading schedule files: what each format becomes, that it is idempotent, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from importer import loading
from scheduling import load
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.load import Counts, Format, LoadFailed
from scheduling.schedule.entries import Reading, UserNeeded
from scheduling.schedule.items import SLUGS
from scheduling.settings.stored import view

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "loading.md"
HEADER = (
    "kind,reference,users,starts_at,ends_at,start_date,end_date,time_zone,title,time_off_kind,status,rrule\n"
)

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
        users.create(connection, username="james", time_zone="America/New_York", actor=SYSTEM)


def run(database: Database, content: str | bytes, file_format: Format, user: str | None = None) -> Counts:
    def calendar(body: bytes, username: str) -> Reading:
        with database.read() as connection:
            zone = users.get(connection, username).time_zone
        return loading.read(body, username, time_zone=zone, now=datetime(2026, 6, 1, tzinfo=UTC))

    body = content.encode() if isinstance(content, str) else content
    reading = load.read(body, file_format, user=user, calendar=calendar)
    with database.write() as connection:
        return load.apply(connection, reading.entries, problems=reading.problems, actor=SYSTEM)


def failure(
    database: Database, content: str, file_format: Format = Format.CSV, user: str | None = None
) -> str:
    with pytest.raises(LoadFailed) as caught:
        run(database, content, file_format, user)
    return str(caught.value)


def one(database: Database, statement: str) -> Any:
    with database.read() as connection:
        found = connection.execute(text(statement)).all()
    assert len(found) == 1, found
    return found[0] if len(found[0]) > 1 else found[0][0]


def instant(value: Any) -> datetime:
    return (
        datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value.astimezone(UTC)
    )


def outbox(database: Database) -> list[tuple[Any, ...]]:
    """Take the pending changes away and return them."""
    with database.write() as connection:
        found = connection.execute(text("DELETE FROM schedule_changes RETURNING user_id, slug, source_id"))
        return [tuple(row) for row in found]


def documented(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def rendered(database: Database, username: str) -> list[str]:
    """Catch all calendars of a user up; returns why rows were left out."""
    with database.write() as connection:
        user_id = users.get(connection, username).id
        ensure_calendars(connection, user_id)
        for slug in SLUGS.values():
            catch_up(connection, user_id, slug, view(connection, Config()), followers=FOLLOWERS)
        return list(connection.scalars(text("SELECT reason FROM unrendered_sources")))


@pytest.mark.parametrize(
    ("language", "user", "added"), [("csv", None, 3), ("json", None, 4), ("ics", "anna", 2)]
)
def test_the_documented_file_loads_and_a_second_time_changes_nothing(
    database: Database, language: str, user: str | None, added: int
) -> None:
    content = documented(language)
    assert run(database, content, Format(language), user) == Counts(inserted=added, updated=0, unchanged=0)
    assert outbox(database)
    assert run(database, content, Format(language), user) == Counts(inserted=0, updated=0, unchanged=added)
    assert outbox(database) == []
    for username in ("anna", "james") if language != "json" else ("mia",):
        assert rendered(database, username) == []


def test_the_documented_mistake_is_told_as_documented(database: Database) -> None:
    broken = documented("csv").replace(",approved,", ",aproved,")
    assert failure(database, broken) + "\n" == documented("text")
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM jobs")) == 0


def test_local_times_are_by_the_given_zone_or_the_first_users(database: Database) -> None:
    run(
        database,
        HEADER
        + "job,given,anna,2026-07-01T09:00,2026-07-01T10:00,,,Asia/Tokyo,,,,\n"
        + "job,user,james;anna,2026-07-01T09:00,2026-07-01T10:00,,,,,,,\n"
        + "job,offset,anna,2026-07-01T09:00+05:30,2026-07-01T10:00:30Z,,,Asia/Tokyo,,,,\n",
        Format.CSV,
    )
    start = "SELECT starts_at FROM jobs WHERE reference = '{}'"
    assert instant(one(database, start.format("given"))) == datetime(2026, 7, 1, 0, tzinfo=UTC)
    assert instant(one(database, start.format("user"))) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert instant(one(database, start.format("offset"))) == datetime(2026, 7, 1, 3, 30, tzinfo=UTC)
    assert one(database, "SELECT time_zone FROM jobs WHERE reference = 'given'") == "Asia/Tokyo"


def test_only_rows_that_differ_are_written(database: Database) -> None:
    first = (
        HEADER
        + "job,J1,anna,2026-07-01T09:00Z,2026-07-01T10:00Z,,,,,,offered,\n"
        + "job,J2,anna,2026-07-02T09:00Z,2026-07-02T10:00Z,,,,,,offered,\n"
    )
    run(database, first, Format.CSV)
    outbox(database)
    changed = first.replace("2026-07-02T10:00Z,,,,,,offered", "2026-07-02T11:00Z,,,,,,confirmed")
    assert run(database, changed, Format.CSV) == Counts(inserted=0, updated=1, unchanged=1)
    job_id = one(database, "SELECT id FROM jobs WHERE reference = 'J2'")
    assert {row[2] for row in outbox(database)} == {job_id}
    assert one(database, "SELECT status FROM jobs WHERE reference = 'J2'") == "confirmed"


def test_columns_not_given_stay_and_empty_ones_are_cleared(database: Database) -> None:
    run(
        database,
        '{"jobs": [{"reference": "J", "users": ["anna"], "notes": "Key at the desk", "address": "Here",'
        ' "status": "paid", "start_date": "2026-07-01", "end_date": "2026-07-02"}]}',
        Format.JSON,
    )
    run(database, '{"jobs": [{"reference": "J", "address": null}]}', Format.JSON)
    assert tuple(one(database, "SELECT notes, address, status FROM jobs")) == (
        "Key at the desk",
        None,
        "paid",
    )
    assert one(database, "SELECT count(*) FROM job_assignments") == 1


def test_a_timed_job_can_become_an_all_day_one(database: Database) -> None:
    run(database, HEADER + "job,J,anna,2026-07-01T09:00Z,2026-07-01T10:00Z,,,,,,,\n", Format.CSV)
    counts = run(database, "kind,reference,start_date,end_date\njob,J,2026-07-01,2026-07-03\n", Format.CSV)
    assert counts.updated == 1
    row = one(database, "SELECT starts_at, ends_at, start_date, end_date FROM jobs")
    assert [None if value is None else str(value) for value in row] == [
        None,
        None,
        "2026-07-01",
        "2026-07-03",
    ]


def test_assignees_are_replaced_and_their_calendars_told(database: Database) -> None:
    row = "job,J,{},2026-07-01T09:00Z,2026-07-01T10:00Z,,,,,,,\n"
    run(database, HEADER + row.format("anna"), Format.CSV)
    outbox(database)
    assert run(database, HEADER + row.format("james"), Format.CSV).updated == 1
    with database.read() as connection:
        ids = {name: users.get(connection, name).id for name in ("anna", "james")}
    assert {row[0] for row in outbox(database)} == set(ids.values())
    assert one(database, "SELECT user_id FROM job_assignments") == ids["james"]


def test_user_stands_in_where_the_file_names_none(database: Database) -> None:
    content = "kind,reference,title,start_date,end_date\nblocker,B,Away,2026-07-01,2026-07-02\n"
    assert "a new blocker needs a user" in failure(database, content)
    assert run(database, content, Format.CSV, user="james").inserted == 1


def test_users_of_a_json_file_are_added_and_changed(database: Database) -> None:
    content = (
        '{"users": [{"username": "anna", "role": "dispatcher"}, {"username": "new", "email": "n@x.org"}]}'
    )
    assert run(database, content, Format.JSON) == Counts(inserted=1, updated=1, unchanged=0)
    assert run(database, content, Format.JSON) == Counts(inserted=0, updated=0, unchanged=2)
    assert tuple(one(database, "SELECT role, time_zone FROM users WHERE username = 'anna'")) == (
        "dispatcher",
        "Europe/Berlin",
    )
    assert "users, entry 1: The username" in failure(
        database, '{"users": [{"username": "a/b"}]}', Format.JSON
    )


@on_sqlite
@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            "jobb,J,anna,,,2026-07-01,2026-07-02,,,,,",
            'line 2: kind "jobb" is not one of job, blocker, time-off.',
        ),
        ("job,,anna,,,2026-07-01,2026-07-02,,,,,", "line 2: the reference is missing"),
        (
            "job,J,anna,,,2026-07-01,2026-07-02,,,,done,",
            'line 2: status "done" is not one of offered, confirmed',
        ),
        ("job,J,bert,,,2026-07-01,2026-07-02,,,,,", 'line 2: there is no user "bert"'),
        (
            "job,J,anna,,,2026-07-01,,,,,,",
            "line 2: give either starts_at and ends_at, or start_date and end_date",
        ),
        ("job,J,anna,,,2026-07-02,2026-07-02,,,,,", "line 2: end_date is the day after the last one"),
        ("job,J,anna,2026-07-01T09:00,2026-07-01T08:00,,,,,,,", "line 2: ends_at is before starts_at"),
        ("job,J,anna,2026-07-01,2026-07-02,,,,,,,", 'line 2: starts_at "2026-07-01" is not a date and time'),
        ("job,J,,2026-07-01T09:00,2026-07-01T10:00,,,,,,,", "line 2: its times are local: give a time_zone"),
        (
            "job,J,anna,,,2026-07-01,2026-07-02,Berlin,,,,",
            'line 2: time_zone "Berlin" is not an IANA time zone',
        ),
        ("job,J,anna,,,2026-07-01,2026-07-02,,,,,FREQ=DAILY", "line 2: rrule is not a column of a job"),
        ("job,J,anna,,,2026-07-01,2026-07-02,,,Leave,,", "line 2: time_off_kind is not a column of a job"),
        (
            "job,J,anna,0026-07-01T09:00Z,2026-07-01T10:00Z,,,,,,,",
            'line 2: starts_at "0026-07-01T09:00Z" is not',
        ),
        ("job,J,anna,,,2026-02-30,2026-07-02,,,,,", 'line 2: start_date "2026-02-30" is not a date'),
        ("blocker,B,anna,,,2026-07-01,2026-07-02,,,,,", "line 2: the title is empty"),
        ("blocker,B,anna;james,,,2026-07-01,2026-07-02,,Away,,,", "line 2: a blocker has exactly one user"),
        ("blocker,B,anna,,,2026-07-01,2026-07-02,,Away,,,FREQ=X", 'line 2: rrule "FREQ=X" cannot be used'),
        ("time-off,T,anna,,,2026-07-01,2026-07-02,,,,approved,", "line 2: the kind is empty"),
        ("job,J,anna,,,2026-07-01,2026-07-02,,,,,,x", "line 2: it has 13 cells, the header only 12"),
        ('job,"J,anna', "line 2: the row is not well-formed"),
    ],
)
def test_a_mistake_is_told_with_its_line(database: Database, row: str, told: str) -> None:
    assert told in failure(database, f"{HEADER}{row}\n")


def test_every_mistake_is_told_at_once_and_nothing_is_loaded(database: Database) -> None:
    content = (
        HEADER
        + "job,J1,anna,,,2026-07-01,2026-07-02,,,,,\n"
        + 'job,"J\n2",bert,,,2026-07-01,2026-07-02,,,,,\n'
        + "job,J1,anna,,,2026-07-01,2026-07-02,,,,,\n"
    )
    told = failure(database, content)
    assert 'line 3: there is no user "bert"' in told
    assert 'line 5: "J1" is given twice, first in line 2.' in told
    assert one(database, "SELECT count(*) FROM jobs") == 0
    mixed = (
        HEADER
        + "job,J1,bert,,,2026-07-01,2026-07-02,,,,,\n"
        + "job,J2,anna,,,never,2026-02-30,Berlin,,,done,\n"
        + "job,J3,carl,,,2026-07-01,2026-07-02,,,,,\n"
        + "blocker,,anna,,,2026-07-01,2026-07-01,,,,,\n"
        + 'job,"J4\n'
    )
    assert [it.partition(" is not")[0] for it in failure(database, mixed).splitlines()[1:]] == [
        'line 2: there is no user "bert".',
        'line 3: start_date "never"',
        'line 3: end_date "2026-02-30"',
        'line 3: time_zone "Berlin"',
        'line 3: status "done"',
        'line 4: there is no user "carl".',
        "line 5: the reference is missing.",
        "line 5: the title is empty.",
        "line 5: end_date is the day after the last one and has to be later than start_date.",
        "line 6: the row",
    ]
    many = HEADER + "job,J,anna,,,,,,,,,\n" * 30
    assert failure(database, many).endswith("... and 10 more.")


@on_sqlite
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        ("reference,title\n", 'the column "kind" is missing'),
        ("kind,reference,tittle\n", 'there is no column "tittle" (did you mean "title"?).'),
        ("kind,reference,kind\n", "a column is given twice"),
    ],
)
def test_a_header_that_cannot_be_used_is_told(database: Database, content: str, told: str) -> None:
    assert told in failure(database, content)


@on_sqlite
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "line 1: this is not JSON"),
        ("[]", "the file has to be an object"),
        ('{"job": []}', 'there is no list "job" (did you mean "jobs"?).'),
        ('{"jobs": {}}', "jobs: this has to be a list"),
        ('{"jobs": [1]}', "jobs, entry 1: it has to be an object"),
        ('{"jobs": [{"reference": "J", "colour": "red"}]}', "jobs, entry 1: colour is not a column of a job"),
        ('{"jobs": [{"reference": "J", "notess": {}}]}', 'column of a job (did you mean "notes"?).'),
        ('{"time_off": [{"reference": "J", "x": [1]}]}', "x is not a column of a time-off entry."),
        ('{"jobs": [{"reference": "J", "notes": {}}]}', "notes has to be a text, a number, yes or no"),
        ('{"jobs": [{"reference": "J", "rate": 1.234}]}', 'rate "1.234" is not an amount'),
        ('{"jobs": [{"reference": "J", "latitude": 91}]}', 'latitude "91" is not a number from -90 to 90'),
        ('{"jobs": [{"reference": "J", "notes": "\\u0000"}]}', "notes has a control character in it"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_cannot_be_used_is_told(database: Database, content: str, told: str) -> None:
    assert told in failure(database, content, Format.JSON)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(database: Database) -> None:
    with pytest.raises(LoadFailed, match="line 2: this is not UTF-8"):
        run(database, HEADER.encode() + "job,Jör".encode("latin-1"), Format.CSV)


def test_a_table_with_semicolons_and_a_byte_order_mark_loads(database: Database) -> None:
    content = '\ufeffkind;reference;users;start_date;end_date\r\njob;J;"anna;james";2026-07-01;2026-07-02\r\n'
    assert run(database, content, Format.CSV).inserted == 1
    assert one(database, "SELECT count(*) FROM job_assignments") == 2


@pytest.mark.parametrize("before", ["", "sep=\t\r\n", '"sep=\t"\n'])
def test_a_table_with_tabs_loads(database: Database, before: str) -> None:
    content = (
        f"{before}kind\treference\tusers\tstart_date\tend_date\njob\tJ\tanna;james\t2026-07-01\t2026-07-02\n"
    )
    assert run(database, content, Format.CSV).inserted == 1
    assert one(database, "SELECT count(*) FROM job_assignments") == 2


@on_sqlite
def test_a_first_line_of_excel_says_what_separates_and_is_counted(database: Database) -> None:
    content = "sep=|\nkind|reference|users|start_date|end_date\njob|J|anna|2026-07-01|never\n"
    assert 'line 3: end_date "never" is not a date' in failure(database, content)


def test_dates_with_dots_are_understood_and_with_slashes_are_not(database: Database) -> None:
    content = HEADER + (
        "job,A,anna,1.7.2026 9:30,01.07.2026T10:30:00,,,,,,,\n"
        "blocker,B,anna,,,31.12.2026,01.01.2027,,Away,,,\n"
    )
    assert run(database, content, Format.CSV).inserted == 2
    assert instant(one(database, "SELECT starts_at FROM jobs")) == datetime(2026, 7, 1, 7, 30, tzinfo=UTC)
    assert instant(one(database, "SELECT ends_at FROM jobs")) == datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    day = one(database, "SELECT start_date FROM blockers")
    assert str(day) == "2026-12-31"
    told = failure(
        database, HEADER + "job,C,anna,,,03/04/2026,31.2.2026,,,,,\njob,D,anna,,,1.7.26,2.7.26,,,,,\n"
    )
    assert 'start_date "03/04/2026" is not a date such as 2026-11-20; with slashes, day and month' in told
    assert 'end_date "2026-02-31" is not a date' not in told, "it is quoted as it was given"
    assert 'line 2: end_date "31.2.2026" is not a date' in told
    assert 'line 3: start_date "1.7.26" is not a date' in told


@on_sqlite
def test_a_name_twice_in_a_json_object_is_told(database: Database) -> None:
    content = '{"jobs": [{"reference": "J", "start_date": "2026-07-01", "start_date": "2026-07-02"}]}'
    assert 'the name "start_date" is given twice' in failure(database, content, Format.JSON)


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
        (("DTSTART:20260706T090000Z", "RRULE:FREQ=DAILY"), "it recurs by the clock of UTC"),
        (
            ("DTSTART;TZID=America/New_York:20260706T090000", "RRULE:FREQ=DAILY"),
            "by the clock of America/New_York",
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
    assert "it recurs by the clock of Europe/London" in failure(database, series, Format.ICS, "anna")
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
        "the calendar has 1 VTODO, which takes no time and was left out.",
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
        (("RECURRENCE-ID;RANGE=THISANDFUTURE:20260706T090000Z", "DTSTART:20260706T090000Z"), "series is not there"),
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
    with pytest.raises(UserNeeded, match="does not say whose it is"):
        run(database, calendar(), Format.ICS)
    whole = calendar(ics("UID:u", "DTSTART:20260706T090000Z"))
    for broken in ("", "<html>", whole[:-20], whole + whole[:-40]):
        assert "this is not an iCalendar file" in failure(database, broken, Format.ICS, "anna")
    assert run(database, whole, Format.ICS, "anna").inserted == 1


def test_a_thousand_rows_load_in_one_go(database: Database) -> None:
    content = HEADER + "".join(f"job,J{number},anna,,,2026-07-01,2026-07-02,,,,,\n" for number in range(1200))
    assert run(database, content, Format.CSV) == Counts(inserted=1200, updated=0, unchanged=0)
    assert run(database, content, Format.CSV) == Counts(inserted=0, updated=0, unchanged=1200)
