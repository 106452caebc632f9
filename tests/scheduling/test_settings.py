# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings kept in the database: they win over the file at once, are checked as the file is, and can be given
back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from sqlalchemy import text

from scheduling import settings
from scheduling.config import CalendarSettings, Config
from scheduling.database import Database
from scheduling.errors import Invalid


def change(database: Database, name: str, value: str | None) -> None:
    with database.write() as connection:
        settings.change(connection, name, value)


def shown(database: Database, config: Config) -> dict[str, tuple[str, str]]:
    with database.read() as connection:
        return {it.name: (it.value, it.source) for it in settings.show(connection, config)}


def test_stored_setting_wins_over_the_file_until_it_is_given_back(database: Database) -> None:
    config = Config(calendars=replace(CalendarSettings(), history_months=3))
    with database.read() as connection:
        from_file = settings.view(connection, config)
    assert from_file.calendars.history_months == 3
    change(database, "calendars.history_months", "all")
    with database.read() as connection:
        assert settings.view(connection, config).calendars.history_months is None
    assert shown(database, config)["calendars.history_months"] == ("all", "database")
    change(database, "calendars.history_months", "6")
    with database.read() as connection:
        assert settings.view(connection, config).calendars.history_months == 6
    change(database, "calendars.history_months", None)
    with database.read() as connection:
        assert settings.view(connection, config) == from_file
    assert shown(database, config)["calendars.history_months"] == ("3", "file")


def test_every_setting_is_shown_as_text_that_could_be_stored(database: Database, config: Config) -> None:
    before = shown(database, config)
    assert list(before) == settings.names()
    assert {source for _, source in before.values()} == {"file"}
    with database.read() as connection:
        view = settings.view(connection, config)
    for name, (value, _) in before.items():
        change(database, name, value)
    with database.read() as connection:
        assert settings.view(connection, config) == view


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("calendars.histori_months", "1", "did you mean"),
        ("database.url", "sqlite:///x", "There is no setting 'database.url'"),
        ("calendars.history_months", "some", "history_months"),
        ("calendars.job_statuses", "confirmed,lost", "lost"),
        ("templates.job_summary", "{password}", "password"),
        ("templates.job_url", "javascript:{reference}", "https://"),
        ("calendars.jobs_color", "red", "#RRGGBB"),
    ],
)
def test_what_the_file_would_not_take_is_refused(
    database: Database, config: Config, name: str, value: str, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        change(database, name, value)
    assert {source for _, source in shown(database, config).values()} == {"file"}


def test_setting_left_by_another_version_is_passed_over(database: Database, config: Config) -> None:
    with database.write() as connection:
        for name in ("calendars.of_tomorrow", "elsewhere.x", "nonsense"):
            connection.execute(
                text(
                    "INSERT INTO settings (name, value, changed_at) VALUES (:name, '1', '2026-01-01 "
                    "00:00:00+00:00')"
                ),
                {"name": name},
            )
    with database.read() as connection:
        assert settings.view(connection, config).calendars == config.calendars


def test_view_takes_one_statement(
    database: Database,
    config: Config,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    with statements(database) as seen, database.read() as connection:
        settings.view(connection, config)
    assert len(seen) == 1
