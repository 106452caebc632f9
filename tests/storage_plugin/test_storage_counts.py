# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request costs with 10,000 objects in the calendar: statements and parsed objects are counted, not seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import vobject.base

from scheduling.composition import FOLLOWERS
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch
from tests.server.client import CS, Client, D, during, multiget
from tests.server.running import Running, start
from tests.watching import watched

JOBS = "/dav/anna/jobs/"
SIZE = 10_000
Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The application over one user's 10,000 jobs, an hour each, all rendered."""
    folder = tmp_path_factory.mktemp("large")
    server = None
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copyfile(template, folder / "daysheet.db")
        database = Database(f"sqlite:///{folder}/daysheet.db")
    else:
        server = request.getfixturevalue("postgresql")
        database = Database(server.url(server.create(request.getfixturevalue("postgresql_template"))))
    with Dispatch.connect(database.url) as dispatch:
        _fill(dispatch)
    running = start(folder, database)
    with Snapshot(database, running.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.calendars("anna")
    running.client("anna").propfind("/dav/anna/", f"{D}displayname", depth="1")
    with Dispatch.connect(database.url) as dispatch:
        dispatch.execute("ANALYZE")
    yield running
    running.database.dispose()
    database.dispose()
    if server is not None:
        server.drop(database.url.database)


def _fill(dispatch: Dispatch) -> None:
    anna = dispatch.user("anna")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [begin + timedelta(hours=2 * number) for number in range(SIZE)]
    dispatch.execute_many(
        "INSERT INTO jobs (reference, organisation, status, starts_at, ends_at) "
        "VALUES (:reference, :who, 'confirmed', :start, :end)",
        [
            {
                "reference": f"J{number}",
                "who": f"Customer {number}",
                "start": str(hour),
                "end": str(hour + timedelta(hours=1)),
            }
            for number, hour in enumerate(hours)
        ],
    )
    dispatch.execute("INSERT INTO job_assignments (job_id, user_id) SELECT id, :anna FROM jobs", anna=anna)


@pytest.fixture
def anna(large: Running) -> Client:
    client = large.client("anna")
    client.propfind("/dav/", f"{D}current-user-principal")
    return client


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with every text that vobject is given to parse."""
    seen: list[str] = []
    read = vobject.base.readComponents

    def counted(text: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(str(text)[:20])
        return read(text, *arguments, **options)

    monkeypatch.setattr(vobject.base, "readComponents", counted)
    return seen


def read(seen: list[str]) -> list[str]:
    """The statements without what is written to the ledger of readers."""
    return [it for it in seen if it.startswith("SELECT")]


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """Collects how the database finds the objects that are read inside."""
    seen: list[str] = []
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def note(statement: str, parameters: Any) -> None:
        if statement.startswith("SELECT") and "calendar_objects" in statement:
            with closing(database.engine.raw_connection()) as other:
                cursor = other.cursor()
                cursor.execute(explain + statement, parameters)
                seen.extend(str(row[-1]) for row in cursor.fetchall())

    with watched(database, note):
        yield seen


def test_a_poll_of_tag_and_token_reads_no_object(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    with statements(large.database) as seen:
        answer = anna.propfind(JOBS, f"{CS}getctag", f"{D}sync-token").only
    assert answer.text(f"{D}sync-token")
    assert len(read(seen)) == 1, seen
    assert not any("calendar_objects" in it or "FROM jobs" in it for it in seen)
    assert parses == []


def test_a_poll_of_the_whole_home_reads_no_object(
    large: Running, anna: Client, statements: Statements
) -> None:
    with statements(large.database) as seen:
        anna.propfind(
            "/dav/anna/", f"{CS}getctag", f"{D}sync-token", f"{D}displayname", f"{D}getetag", depth="1"
        )
    assert len(read(seen)) == 2, seen  # the calendars, and the properties that the viewer has set
    assert not any("calendar_objects" in it for it in seen)


def test_a_device_that_comes_back_after_a_while_costs_one_write(
    large: Running, anna: Client, statements: Statements
) -> None:
    for path, depth, reads in (("/dav/anna/", "1", 2), (JOBS, "0", 1)):
        with large.database.write() as connection:
            connection.exec_driver_sql("UPDATE app_passwords SET last_used_at = NULL")
        for writes in (1, 0):
            with statements(large.database) as seen:
                anna.propfind(path, f"{D}displayname" if depth == "1" else f"{CS}getctag", depth=depth)
            assert len(read(seen)) == reads, seen
            assert sum(it.startswith("UPDATE app_passwords") for it in seen) == writes


def test_a_get_of_an_object_looks_up_the_calendar_and_the_object(
    large: Running, anna: Client, statements: Statements
) -> None:
    [href, *_] = anna.query(JOBS, during("20260302T000000Z", "20260309T000000Z")).resources
    with statements(large.database) as seen:
        assert anna.get(href).status == 200
    assert len(read(seen)) == 2, seen


def test_an_unchanged_sync_reads_no_object(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    token = anna.token(JOBS)
    with statements(large.database) as seen:
        answer = anna.sync(JOBS, token)
    assert answer.resources == {}
    assert len(seen) <= 4, seen
    assert not any("calendar_objects" in it for it in seen)
    assert parses == []


def test_the_first_sync_lists_everything_without_parsing(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    with statements(large.database) as seen:
        assert len(anna.sync(JOBS).resources) == SIZE
    assert len(seen) <= 4 + SIZE // 500, seen
    assert parses == []


def test_a_week_is_found_by_index_and_not_parsed(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    week = during("20260302T000000Z", "20260309T000000Z")
    with statements(large.database) as seen, plans(large.database) as found_by:
        assert len(anna.query(JOBS, week).resources) == 84
    assert len(seen) <= 4, seen
    assert any("index" in line.lower() for line in found_by)
    assert not any(
        "SCAN calendar_objects" in line or "Seq Scan on calendar_objects" in line for line in found_by
    ), found_by
    assert parses == []


def test_a_week_with_a_text_looks_only_into_that_week(
    large: Running, anna: Client, parses: list[str]
) -> None:
    filters = during("20260302T000000Z", "20260303T000000Z").replace(
        "</C:comp-filter>",
        '<C:prop-filter name="SUMMARY"><C:text-match>customer 720</C:text-match></C:prop-filter></C:comp-filter>',
    )
    assert len(anna.query(JOBS, filters).resources) == 1
    assert len(parses) == 12


def test_expanding_a_week_parses_nothing(large: Running, anna: Client, parses: list[str]) -> None:
    week = during("20260302T000000Z", "20260309T000000Z")
    expand = '<C:calendar-data><C:expand start="20260302T000000Z" end="20260309T000000Z"/></C:calendar-data>'
    assert len(anna.query(JOBS, week, expand).resources) == 84
    assert parses == []


def test_a_multiget_of_fifty_is_one_statement(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    hrefs = [*anna.query(JOBS, during("20260302T000000Z", "20260309T000000Z")).resources][:50]
    with statements(large.database) as seen:
        assert len(anna.report(JOBS, multiget(*hrefs)).resources) == 50
    assert sum("calendar_objects" in it for it in seen) == 1
    assert len(seen) <= 4, seen
    assert parses == []


def test_an_object_that_the_client_has_is_not_sent_and_a_calendar_not_read(
    large: Running, anna: Client, statements: Statements, parses: list[str]
) -> None:
    etag = anna.propfind(JOBS, f"{D}getetag").only.text(f"{D}getetag")
    with statements(large.database) as seen:
        assert anna.get(JOBS, If_None_Match=etag).status == 304
    assert len(seen) <= 4, seen
    assert not any("calendar_objects" in it for it in seen)
    assert parses == []


def test_one_change_costs_the_same_in_a_large_calendar(
    large: Running, anna: Client, statements: Statements
) -> None:
    token = anna.token(JOBS)
    with Dispatch.connect(large.database.url) as dispatch:
        dispatch.update("jobs", 5000, organisation=f"Changed {token}")
    with statements(large.database) as seen:
        assert len(anna.sync(JOBS, token).resources) == 1
    assert len(seen) <= 25, seen
