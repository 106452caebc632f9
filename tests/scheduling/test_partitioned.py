# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement in docs/scaling.md that partitions by calendar leaves everything as it was, and working."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from scheduling.calendars import objects, sync
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.upkeep import maintenance
from tests.factories import Dispatch

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"
TABLES = ("calendar_objects", "occurrences")


@pytest.fixture
def partition() -> str:
    """The statement."""
    (found,) = re.findall(r"```sql\n(DO .*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def _shown(database: Database, config: Config) -> tuple[str, dict[str, str]]:
    """The token of ann's blockers, and what they look like."""
    with Snapshot(database, config, followers=FOLLOWERS) as snapshot:
        state = snapshot.calendar("ann", "blockers")
        assert state is not None
        found = objects.all_objects(snapshot.connection, state.id, state.cutoff)
        return str(sync.token_of(state)), {it.name: it.calendar for it in found}


def _shape(database: Database) -> list[object]:
    """Names and columns of keys, constraints and indexes."""
    found = inspect(database.engine)
    return [
        (
            [(it["name"], it["nullable"], str(it["type"]), it["default"]) for it in found.get_columns(table)],
            found.get_pk_constraint(table),
            found.get_foreign_keys(table),
            [(it["name"], it["column_names"]) for it in found.get_indexes(table)],
        )
        for table in TABLES
    ]


def test_partitioning_by_calendar_changes_nothing(
    postgresql_database: Database, config: Config, partition: str
) -> None:
    database = postgresql_database
    with Dispatch.connect(database.url) as dispatch:
        user = dispatch.user("ann")
        tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        period = {"starts_at": tomorrow, "ends_at": tomorrow + timedelta(hours=1)}
        once = dispatch.blocker(user, **period)
        dispatch.blocker(user, **period, rrule="FREQ=DAILY;COUNT=5")
        before, shape = _shown(database, config), _shape(database)
        dispatch.connection.execute(partition)
        assert _shown(database, config) == before
        assert _shape(database) == shape
        dispatch.update("blockers", once, title="Moved")
        token, shown = _shown(database, config)
        assert token != before[0]
        assert [name for name in shown if shown[name] != before[1][name]] == _changes(
            database, config, before[0]
        )
        maintenance.run(database, config, datetime.now(UTC), followers=FOLLOWERS)
        with database.read() as connection:
            partitions = connection.scalar(text("SELECT count(DISTINCT tableoid) FROM calendar_objects"))
            assert partitions == 1, "one calendar is in one partition"
        dispatch.delete("users", user)
        maintenance.run(database, config, datetime.now(UTC), followers=FOLLOWERS)
        with database.read() as connection:
            assert [connection.scalar(text(f"SELECT count(*) FROM {it}")) for it in TABLES] == [0, 0]  # noqa: S608


def _changes(database: Database, config: Config, old: str) -> list[str]:
    with Snapshot(database, config, followers=FOLLOWERS) as snapshot:
        state = snapshot.calendar("ann", "blockers")
        assert state is not None
        return list(sync.changes(snapshot.connection, state, old))
