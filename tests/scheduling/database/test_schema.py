# SPDX-License-Identifier: GPL-3.0-or-later
"""The migrations: they give exactly the tables of the models, once, however many processes run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from scheduling.database import schema, triggers
from scheduling.database.connection import Database
from scheduling.errors import SchemaMismatch
from scheduling.models import Base
from tests.factories import Dispatch

_CATALOG = {
    "columns": "SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision,"
    " numeric_scale, column_default, is_nullable, is_identity, identity_generation"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
}
_UPGRADE = (
    "import sys; from scheduling.database import schema; from scheduling.database.connection import Database;"
    " print(schema.upgrade(Database(sys.argv[1])))"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'new' / 'daysheet.db'}")
        yield database
        database.dispose()
        return
    server = request.getfixturevalue("postgresql")
    name = server.create()
    database = Database(server.url(name))
    yield database
    database.dispose()
    server.drop(name)


def described(connection: Connection) -> dict[str, list[str]]:
    """Everything a database knows about its schema, apart from Alembic's own table."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all()
        found = {"master": sorted(f"{kind} {name} {table} {_lines(sql)}" for kind, name, table, sql in rows)}
    else:
        found = {
            what: sorted(str(tuple(row)) for row in connection.execute(text(query)))
            for what, query in _CATALOG.items()
        }
    return {what: [row for row in rows if "alembic" not in row] for what, rows in found.items()}


def _lines(sql: str | None) -> list[str]:
    """The lines of a CREATE statement in any order: constraints are not written in a fixed one."""
    return sorted(line.strip().rstrip(",") for line in (sql or "").splitlines())


def create_from_models(database: Database) -> None:
    if database.file is not None:
        database.file.create()
    with database.write() as connection:
        Base.metadata.create_all(connection)
        for statement in triggers.statements(connection.dialect.name):
            connection.exec_driver_sql(statement)


def test_migrated_database_equals_one_made_from_the_models(
    empty: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    schema.upgrade(empty)
    with empty.read() as connection:
        migrated = described(connection)
    if empty.is_sqlite:
        fresh, name = Database(f"sqlite:///{tmp_path / 'models.db'}"), None
    else:
        server = request.getfixturevalue("postgresql")
        name = server.create()
        fresh = Database(server.url(name))
    create_from_models(fresh)
    with fresh.read() as connection:
        made = described(connection)
    fresh.dispose()
    assert migrated == made
    assert sum(map(len, migrated.values())) > 50
    if name is not None:
        server.drop(name)


def test_head_is_the_last_migration() -> None:
    assert schema.head() == ScriptDirectory.from_config(schema._config()).get_current_head()


def test_second_upgrade_changes_nothing(empty: Database) -> None:
    assert schema.upgrade(empty) == (None, schema.head())
    with empty.read() as connection:
        before, instance = described(connection), connection.scalar(text("SELECT name FROM instance"))
    assert schema.upgrade(empty) == (schema.head(), schema.head())
    with empty.read() as connection:
        assert described(connection) == before
        assert connection.scalar(text("SELECT name FROM instance")) == instance


def test_upgraded_database_is_current(database: Database) -> None:
    schema.require_current(database)


def test_database_without_tables_is_refused_with_what_to_do(empty: Database) -> None:
    if empty.file is not None:
        empty.file.create()
    with pytest.raises(SchemaMismatch) as refusal:
        schema.require_current(empty)
    assert str(refusal.value) == (
        f"The database has no Daysheet tables, and this version needs {schema.head()}."
    )
    assert (refusal.value.found, refusal.value.needed) == (None, schema.head())


def test_database_of_another_version_is_refused_by_name(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="is at revision 9999, and this version needs"):
        schema.require_current(database)


def test_database_of_a_newer_version_is_left_as_it_is(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="a newer Daysheet made it") as refusal:
        schema.upgrade(database)
    assert refusal.value.is_newer
    with database.read() as connection:
        assert schema.current(connection) == "9999"


def test_processes_upgrading_at_once_all_succeed(empty: Database) -> None:
    if empty.file is not None:
        empty.file.create()
    url = empty.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-W", "error", "-c", _UPGRADE, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    upgraded = [stdout for stdout, _ in answers if "None" in stdout]
    assert len(upgraded) == 1, answers
    schema.require_current(empty)
    with empty.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM instance")) == 1


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-01", "infinity"), ("-infinity", "2026-01-01"), ("0044-03-15 BC", "2026-01-01")],
)
def test_moments_that_no_program_can_hold_are_refused(
    postgresql_database: Database, start: str, end: str
) -> None:
    with Dispatch.connect(postgresql_database.url) as dispatch:
        ann = dispatch.user()
        with pytest.raises(psycopg.errors.CheckViolation, match="blockers_range_check"):
            dispatch.blocker(ann, starts_at=start, ends_at=end)
        with pytest.raises(psycopg.errors.CheckViolation, match="time_off_range_check"):
            dispatch.time_off(ann, start_date=start, end_date=end)
        with pytest.raises(psycopg.errors.CheckViolation, match="jobs_range_check"):
            dispatch.job(ann, created_at="infinity")


def test_failed_upgrade_leaves_no_tables(empty: Database) -> None:
    if empty.file is not None:
        empty.file.create()
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE blockers (in_the_way INTEGER)"))
    with pytest.raises((OperationalError, ProgrammingError), match="blockers"):
        schema.upgrade(empty)
    with empty.read() as connection:
        assert schema.current(connection) is None
        assert not any("calendar_objects" in row for rows in described(connection).values() for row in rows)
