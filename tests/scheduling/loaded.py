# SPDX-License-Identifier: GPL-3.0-or-later
"""What loading a schedule file made of the database, and the two people whose rows they are."""

from __future__ import annotations

from datetime import UTC, datetime
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
from scheduling.schedule.entries import Reading
from scheduling.schedule.items import SLUGS
from scheduling.settings.stored import view


@pytest.fixture(autouse=True)
def people_to_load_for(database: Database) -> None:
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


def rendered(database: Database, username: str) -> list[str]:
    """Catch all calendars of a user up; returns why rows were left out."""
    with database.write() as connection:
        user_id = users.get(connection, username).id
        ensure_calendars(connection, user_id)
        for slug in SLUGS.values():
            catch_up(connection, user_id, slug, view(connection, Config()), followers=FOLLOWERS)
        return list(connection.scalars(text("SELECT reason FROM unrendered_sources")))
