# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading schedule files: what each format becomes, that it is idempotent, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduling.access import users
from scheduling.database.connection import Database
from scheduling.load import Counts, Format, LoadFailed
from tests.scheduling.loaded import failure, instant, one, outbox, people_to_load_for, rendered, run

__all__ = ["people_to_load_for"]

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "loading.md"
HEADER = (
    "kind,reference,users,starts_at,ends_at,start_date,end_date,time_zone,title,time_off_kind,status,rrule\n"
)

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def documented(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


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
        ("job,J,anna,,,2026-07-02,2026-07-02,,,,,", "line 2: end_date must be later than start_date"),
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
        "line 5: end_date must be later than start_date; it is the day after the last one.",
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


def test_a_thousand_rows_load_in_one_go(database: Database) -> None:
    content = HEADER + "".join(f"job,J{number},anna,,,2026-07-01,2026-07-02,,,,,\n" for number in range(1200))
    assert run(database, content, Format.CSV) == Counts(inserted=1200, updated=0, unchanged=0)
    assert run(database, content, Format.CSV) == Counts(inserted=0, updated=0, unchanged=1200)
