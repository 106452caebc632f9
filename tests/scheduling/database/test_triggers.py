# SPDX-License-Identifier: GPL-3.0-or-later
"""The outbox: which calendars are noted for which write of the dispatch application, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import view
from tests.factories import Dispatch

EVERYTHING = {"jobs", "blockers", "time-off"}
Change = tuple[int, str, int | None]


@pytest.fixture
def ann(dispatch: Dispatch) -> int:
    return dispatch.user("ann")


@pytest.fixture
def bob(dispatch: Dispatch) -> int:
    return dispatch.user("bob")


@pytest.fixture
def sqlite_dispatch(sqlite_database: Database) -> Iterator[Dispatch]:
    with Dispatch.connect(sqlite_database.url) as application:
        yield application


def taken(dispatch: Dispatch) -> set[Change]:
    """The changes noted since the last call: (user, slug, source)."""
    rows = dispatch.execute("DELETE FROM schedule_changes RETURNING user_id, slug, source_id")
    return {tuple(row) for row in rows}


def without_foreign_keys(dispatch: Dispatch) -> None:
    dispatch.execute("PRAGMA foreign_keys = OFF")


def test_users_note_nothing_when_they_come(dispatch: Dispatch, ann: int) -> None:
    assert taken(dispatch) == set()


@pytest.mark.parametrize("column", ["time_zone", "display_name", "username"])
def test_what_a_user_shows_notes_all_their_calendars(
    dispatch: Dispatch, ann: int, bob: int, column: str
) -> None:
    values = {"time_zone": "Europe/Berlin", "display_name": "Änn", "username": "anna"}
    dispatch.update("users", ann, **{column: values[column]})
    assert taken(dispatch) == {(ann, slug, None) for slug in EVERYTHING}


def test_imported_calendars_are_noted_with_their_user(dispatch: Dispatch, ann: int, bob: int) -> None:
    theirs = subscription(dispatch, ann)
    subscription(dispatch, bob)
    dispatch.update("users", ann, time_zone="Europe/Berlin")
    assert taken(dispatch) == {(ann, slug, None) for slug in {*EVERYTHING, f"external-{theirs}"}}


def test_other_columns_of_a_user_note_nothing(dispatch: Dispatch, ann: int) -> None:
    dispatch.update("users", ann, email="ann@example.com", active=True, time_zone="UTC")
    assert taken(dispatch) == set()


def test_job_notes_each_assignee(dispatch: Dispatch, ann: int, bob: int) -> None:
    job = dispatch.job()
    assert taken(dispatch) == set()
    dispatch.assign(job, ann)
    dispatch.assign(job, bob)
    assert taken(dispatch) == {(ann, "jobs", job), (bob, "jobs", job)}
    dispatch.update("jobs", job, status="cancelled")
    assert taken(dispatch) == {(ann, "jobs", job), (bob, "jobs", job)}


def test_reassignment_notes_both_users(dispatch: Dispatch, ann: int, bob: int) -> None:
    job = dispatch.job(ann)
    taken(dispatch)
    dispatch.execute("UPDATE job_assignments SET user_id = :new WHERE job_id = :job", new=bob, job=job)
    assert taken(dispatch) == {(ann, "jobs", job), (bob, "jobs", job)}
    dispatch.withdraw(job, bob)
    assert taken(dispatch) == {(bob, "jobs", job)}


def test_assignment_moved_to_another_job_notes_both_jobs(dispatch: Dispatch, ann: int) -> None:
    old, new = dispatch.job(ann), dispatch.job()
    taken(dispatch)
    dispatch.execute("UPDATE job_assignments SET job_id = :new WHERE job_id = :old", new=new, old=old)
    assert taken(dispatch) == {(ann, "jobs", old), (ann, "jobs", new)}


def test_deleted_job_notes_its_assignees_through_the_cascade(dispatch: Dispatch, ann: int, bob: int) -> None:
    job, other = dispatch.job(ann, bob), dispatch.job(ann)
    taken(dispatch)
    dispatch.delete("jobs", job)
    assert taken(dispatch) == {(ann, "jobs", job), (bob, "jobs", job)}
    assert dispatch.execute("SELECT job_id FROM job_assignments") == [(other,)]


def test_deleted_job_notes_its_assignees_without_foreign_keys(sqlite_dispatch: Dispatch) -> None:
    dispatch = sqlite_dispatch
    without_foreign_keys(dispatch)
    ann = dispatch.user()
    job = dispatch.job(ann)
    taken(dispatch)
    dispatch.delete("jobs", job)
    assert taken(dispatch) == {(ann, "jobs", job)}


def test_job_inserted_after_its_assignment_is_noted(sqlite_dispatch: Dispatch) -> None:
    dispatch = sqlite_dispatch
    without_foreign_keys(dispatch)
    ann = dispatch.user()
    dispatch.assign(77, ann)
    taken(dispatch)
    dispatch.job(id=77)
    assert taken(dispatch) == {(ann, "jobs", 77)}


@pytest.mark.parametrize(("table", "slug"), [("blockers", "blockers"), ("time_off", "time-off")])
class TestOwnedRows:
    def add(self, dispatch: Dispatch, table: str, user: int, **columns: object) -> int:
        return (
            dispatch.blocker(user, **columns) if table == "blockers" else dispatch.time_off(user, **columns)
        )

    def test_insert_update_and_delete(self, dispatch: Dispatch, ann: int, table: str, slug: str) -> None:
        row = self.add(dispatch, table, ann)
        assert taken(dispatch) == {(ann, slug, row)}
        dispatch.update(table, row, notes="by car")
        assert taken(dispatch) == {(ann, slug, row)}
        dispatch.delete(table, row)
        assert taken(dispatch) == {(ann, slug, row)}

    def test_row_moved_to_another_user(
        self, dispatch: Dispatch, ann: int, bob: int, table: str, slug: str
    ) -> None:
        row = self.add(dispatch, table, ann)
        taken(dispatch)
        dispatch.update(table, row, user_id=bob)
        assert taken(dispatch) == {(ann, slug, row), (bob, slug, row)}

    def test_row_renumbered(self, dispatch: Dispatch, ann: int, table: str, slug: str) -> None:
        row = self.add(dispatch, table, ann)
        taken(dispatch)
        dispatch.execute(f"UPDATE {table} SET id = id + 1000")  # noqa: S608
        assert taken(dispatch) == {(ann, slug, row), (ann, slug, row + 1000)}

    def test_bulk_statements(self, dispatch: Dispatch, ann: int, bob: int, table: str, slug: str) -> None:
        rows = {(user, slug, self.add(dispatch, table, user)) for user in (ann, bob, ann)}
        other = self.add(dispatch, table, ann, notes="stays")
        assert taken(dispatch) == rows | {(ann, slug, other)}
        dispatch.execute(f"UPDATE {table} SET notes = 'all' WHERE notes IS NULL")  # noqa: S608
        assert taken(dispatch) == rows
        dispatch.execute(f"DELETE FROM {table} WHERE notes = 'all'")  # noqa: S608
        assert taken(dispatch) == rows

    def test_deleted_user_takes_rows_along(
        self, dispatch: Dispatch, ann: int, bob: int, table: str, slug: str
    ) -> None:
        row = self.add(dispatch, table, ann)
        self.add(dispatch, table, bob)
        taken(dispatch)
        dispatch.delete("users", ann)
        assert taken(dispatch) == {(ann, slug, row)}

    def test_rows_replaced_through_the_reference(
        self, sqlite_dispatch: Dispatch, table: str, slug: str
    ) -> None:
        dispatch = sqlite_dispatch
        ann, bob = dispatch.user(), dispatch.user()
        old = self.add(dispatch, table, ann, reference="R1")
        other = self.add(dispatch, table, ann, reference="R2")
        taken(dispatch)
        what = "title" if table == "blockers" else "kind"
        new = dispatch.execute(
            f"INSERT OR REPLACE INTO {table} (user_id, reference, {what}, start_date, end_date)"  # noqa: S608
            " VALUES (:bob, 'R1', 'New', '2026-03-01', '2026-03-02') RETURNING id",
            bob=bob,
        )[0][0]
        assert taken(dispatch) == {(ann, slug, old), (bob, slug, new)}
        dispatch.execute(f"UPDATE OR REPLACE {table} SET reference = 'R2' WHERE id = :new", new=new)  # noqa: S608
        assert taken(dispatch) == {(ann, slug, other), (bob, slug, new)}


@pytest.mark.parametrize("foreign_keys", [True, False])
def test_replaced_job_notes_the_assignees_it_had(sqlite_dispatch: Dispatch, foreign_keys: bool) -> None:
    dispatch = sqlite_dispatch
    if not foreign_keys:
        without_foreign_keys(dispatch)
    ann, bob = dispatch.user(), dispatch.user()
    by_id, by_reference = dispatch.job(ann), dispatch.job(bob, reference="R1")
    taken(dispatch)
    columns = "id, reference, start_date, end_date"
    dispatch.execute(
        f"INSERT OR REPLACE INTO jobs ({columns}) VALUES (:id, 'R9', '2026-03-01', '2026-03-02')",  # noqa: S608
        id=by_id,
    )
    assert taken(dispatch) == {(ann, "jobs", by_id)}
    dispatch.execute(
        f"REPLACE INTO jobs ({columns}) VALUES (99, 'R1', '2026-03-01', '2026-03-02')"  # noqa: S608
    )
    assert taken(dispatch) == {(bob, "jobs", by_reference)}


def test_job_replaced_by_an_update_notes_the_assignees_it_had(sqlite_dispatch: Dispatch) -> None:
    dispatch = sqlite_dispatch
    ann, bob = dispatch.user(), dispatch.user()
    stays, goes = dispatch.job(ann), dispatch.job(bob, reference="R1")
    taken(dispatch)
    dispatch.execute("UPDATE OR REPLACE jobs SET reference = 'R1' WHERE id = :stays", stays=stays)
    assert taken(dispatch) == {(ann, "jobs", stays), (bob, "jobs", goes)}


@pytest.mark.parametrize("foreign_keys", [True, False])
def test_replaced_user_notes_all_their_calendars(sqlite_dispatch: Dispatch, foreign_keys: bool) -> None:
    dispatch = sqlite_dispatch
    if not foreign_keys:
        without_foreign_keys(dispatch)
    ann = dispatch.user("ann")
    taken(dispatch)
    dispatch.execute(
        "INSERT OR REPLACE INTO users (id, username, time_zone) VALUES (:ann, 'ann', 'Asia/Tokyo')", ann=ann
    )
    assert taken(dispatch) == {(ann, slug, None) for slug in EVERYTHING}


def test_upsert_notes_as_an_update_does(dispatch: Dispatch, ann: int, bob: int) -> None:
    job = dispatch.job(ann, reference="R1")
    blocker = dispatch.blocker(ann, reference="B1")
    taken(dispatch)
    dispatch.execute(
        "INSERT INTO jobs (reference, start_date, end_date) VALUES ('R1', '2026-03-01', '2026-03-02')"
        " ON CONFLICT (reference) DO UPDATE SET notes = 'again'"
    )
    assert taken(dispatch) == {(ann, "jobs", job)}
    dispatch.execute(
        "INSERT INTO blockers (user_id, reference, title, start_date, end_date)"
        " VALUES (:bob, 'B1', 'New', '2026-03-01', '2026-03-02')"
        " ON CONFLICT (reference) DO UPDATE SET title = excluded.title, user_id = excluded.user_id",
        bob=bob,
    )
    assert taken(dispatch) == {(ann, "blockers", blocker), (bob, "blockers", blocker)}
    dispatch.execute(
        "INSERT INTO users (username, time_zone) VALUES ('ann', 'Asia/Tokyo')"
        " ON CONFLICT (username) DO UPDATE SET time_zone = excluded.time_zone"
    )
    assert taken(dispatch) == {(ann, slug, None) for slug in EVERYTHING}


def test_upsert_that_does_nothing_moves_no_other_row(dispatch: Dispatch, ann: int, bob: int) -> None:
    job = dispatch.job(ann, reference="R1")
    dispatch.job(bob)
    taken(dispatch)
    dispatch.execute(
        "INSERT INTO jobs (reference, start_date, end_date) VALUES ('R1', '2026-03-01', '2026-03-02')"
        " ON CONFLICT (reference) DO NOTHING"
    )
    assert taken(dispatch) <= {(ann, "jobs", job)}


def test_rolled_back_writes_note_nothing(dispatch: Dispatch, ann: int) -> None:
    def write_and_fail() -> None:
        with dispatch.transaction():
            dispatch.job(ann)
            dispatch.blocker(ann)
            dispatch.update("users", ann, time_zone="Asia/Tokyo")
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert taken(dispatch) == set()


def test_imported_events_are_noted(dispatch: Dispatch, ann: int) -> None:
    calendar = subscription(dispatch, ann)
    event = dispatch.insert(
        "external_events",
        subscription_id=calendar,
        user_id=ann,
        uid="x",
        content_hash="",
        template="",
        series="",
        status="",
        transparency="",
    )
    slug = f"external-{calendar}"
    assert taken(dispatch) == {(ann, slug, event)}
    dispatch.update("external_events", event, content_hash="2")
    assert taken(dispatch) == {(ann, slug, event)}
    dispatch.delete("subscriptions", calendar)
    assert taken(dispatch) == {(ann, slug, event)}


def test_one_postgresql_statement_notes_each_row_once(postgresql_database: Database) -> None:
    with Dispatch.connect(postgresql_database.url) as dispatch:
        ann, bob = dispatch.user(), dispatch.user()
        jobs = [dispatch.job(ann, bob) for _ in range(5)]
        taken(dispatch)
        dispatch.execute("UPDATE jobs SET notes = 'all'")
        rows = dispatch.execute("SELECT user_id, slug, source_id FROM schedule_changes")
        assert len(rows) == 10
        assert {row[2] for row in rows} == set(jobs)


@pytest.mark.parametrize(
    ("table", "slug"), [("job_assignments", "jobs"), ("jobs", "jobs"), ("time_off", "time-off")]
)
def test_truncate_notes_the_calendar_of_everybody(
    postgresql_database: Database, table: str, slug: str
) -> None:
    with Dispatch.connect(postgresql_database.url) as dispatch:
        ann, bob = dispatch.user(), dispatch.user()
        dispatch.job(ann)
        taken(dispatch)
        dispatch.execute(f"TRUNCATE {table} CASCADE")
        assert taken(dispatch) == {(ann, slug, None), (bob, slug, None)}


@pytest.fixture
def narrow_role(postgresql_database: Database) -> Iterator[str]:
    """The URL of a role that may write the contract tables and nothing else."""
    with Dispatch.connect(postgresql_database.url) as admin:
        admin.execute("CREATE ROLE dispatcher LOGIN")
        admin.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE"
            " ON users, jobs, job_assignments, blockers, time_off TO dispatcher"
        )
        yield postgresql_database.url.set(username="dispatcher").render_as_string(hide_password=False)
        admin.execute("DROP OWNED BY dispatcher")
        admin.execute("DROP ROLE dispatcher")


def test_role_without_rights_on_our_tables_can_write(postgresql_database: Database, narrow_role: str) -> None:
    with psycopg.connect(narrow_role.replace("+psycopg", ""), autocommit=True) as connection:
        application = Dispatch(connection, is_sqlite=False)
        ann = application.user()
        job = application.job(ann)
        blocker = application.blocker(ann)
        leave = application.time_off(ann)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("SELECT * FROM schedule_changes")
    with Dispatch.connect(postgresql_database.url) as admin:
        assert taken(admin) == {(ann, "jobs", job), (ann, "blockers", blocker), (ann, "time-off", leave)}


def test_temporary_table_of_a_writer_cannot_stand_in_for_the_outbox(
    postgresql_database: Database, narrow_role: str
) -> None:
    with psycopg.connect(narrow_role.replace("+psycopg", ""), autocommit=True) as connection:
        application = Dispatch(connection, is_sqlite=False)
        application.execute("CREATE TEMP TABLE schedule_changes (LIKE jobs)")
        ann = application.user()
        blocker = application.blocker(ann)
    with Dispatch.connect(postgresql_database.url) as admin:
        assert taken(admin) == {(ann, "blockers", blocker)}


_WRITER = """
import sys
import psycopg

connection = psycopg.connect(sys.argv[1])
connection.execute("SET lock_timeout = '200ms'")
for line in sys.stdin:
    statement = line.strip()
    if statement == "COMMIT":
        connection.commit()
    else:
        connection.execute(statement)
    print("done", flush=True)
"""


class Writer:
    """The dispatch application in another process, one open transaction that gives up after 200 ms of
    waiting.
    """

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _WRITER, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, statement: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(statement + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer == "done", self._process.communicate()[1]

    def close(self) -> None:
        self._process.communicate()


def test_writers_touching_the_same_users_never_wait(postgresql_database: Database, config: Config) -> None:
    with Dispatch.connect(postgresql_database.url) as dispatch:
        users = [dispatch.user() for _ in range(2)]
        mine = [dispatch.blocker(user, reference=f"M{user}") for user in users]
        theirs = [dispatch.blocker(user, reference=f"T{user}") for user in users]
    url = postgresql_database.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def read_calendars() -> int:
        count = 0
        for user in users:
            with postgresql_database.write() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '200ms'"))
                ensure_calendars(connection, user)
                count += catch_up(connection, user, "blockers", view(connection, config), followers=FOLLOWERS)
        return count

    assert read_calendars() == 4
    one, two = Writer(url), Writer(url)
    try:
        for first, second in zip(mine, reversed(theirs), strict=True):
            one.run(f"UPDATE blockers SET title = 'one' WHERE id = {first}")  # noqa: S608
            assert read_calendars() == 0
            two.run(f"UPDATE blockers SET title = 'two' WHERE id = {second}")  # noqa: S608
            two.run(f"DELETE FROM time_off WHERE user_id = {users[0]}")  # noqa: S608
            assert read_calendars() == 0
        with postgresql_database.write() as connection:
            for user in users:  # while these calendars are locked by catching up
                catch_up(connection, user, "blockers", view(connection, config), followers=FOLLOWERS)
            one.run(f"UPDATE blockers SET notes = 'late' WHERE id = {mine[0]}")  # noqa: S608
            two.run("COMMIT")
        assert read_calendars() == 2
        one.run("COMMIT")
        assert read_calendars() == 2
    finally:
        one.close()
        two.close()


def subscription(dispatch: Dispatch, user: int) -> int:
    return dispatch.insert(
        "subscriptions",
        user_id=user,
        label="Home",
        host="example.com",
        encrypted_url=b"",
        created_at="2026-01-01 00:00:00+00:00",
        next_at=0,
    )


def test_outbox_rows_carry_the_moment_of_the_write(dispatch: Dispatch, ann: int) -> None:
    query = (
        "SELECT CAST(strftime('%s', 'now') AS INTEGER)"
        if dispatch.is_sqlite
        else "SELECT extract(epoch from clock_timestamp())::bigint"
    )
    before = dispatch.connection.execute(query).fetchone()[0]
    dispatch.blocker(ann)
    after = dispatch.connection.execute(query).fetchone()[0]
    [(moment,)] = dispatch.execute("SELECT changed_at FROM schedule_changes")
    assert before <= moment <= after
    assert isinstance(moment, int)


def test_functions_run_with_a_search_path_of_our_own(postgresql_database: Database) -> None:
    with Dispatch.connect(postgresql_database.url) as dispatch:
        rows = dispatch.connection.execute(
            sql.SQL("SELECT DISTINCT prosecdef, proconfig FROM pg_proc WHERE proname LIKE 'daysheet%'")
        ).fetchall()
    assert rows == [(True, ["search_path=public, pg_temp"])]
