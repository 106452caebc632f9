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

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.config.sections import CalendarSettings, Config, LockSettings
from scheduling.database.connection import Database
from scheduling.errors import Invalid
from scheduling.settings import stored
from scheduling.settings.stored import Locked


def change(database: Database, name: str, value: str | None) -> None:
    with database.write() as connection:
        stored.change(connection, name, value, actor=SYSTEM)


def shown(database: Database, config: Config) -> dict[str, tuple[str, str]]:
    with database.read() as connection:
        return {it.name: (it.value, it.source) for it in stored.show(connection, config)}


def test_stored_setting_wins_over_the_file_until_it_is_given_back(database: Database) -> None:
    given = {"calendars.history_months": "file"}
    config = Config(calendars=replace(CalendarSettings(), history_months=3), sources=given)
    with database.read() as connection:
        from_file = stored.view(connection, config)
    assert from_file.calendars.history_months == 3
    change(database, "calendars.history_months", "all")
    with database.read() as connection:
        assert stored.view(connection, config).calendars.history_months is None
    assert shown(database, config)["calendars.history_months"] == ("all", "database")
    change(database, "calendars.history_months", "6")
    with database.read() as connection:
        assert stored.view(connection, config).calendars.history_months == 6
    change(database, "calendars.history_months", None)
    with database.read() as connection:
        assert stored.view(connection, config) == from_file
    assert shown(database, config)["calendars.history_months"] == ("3", "file")


def test_every_setting_is_shown_as_text_that_could_be_stored(database: Database, config: Config) -> None:
    before = shown(database, config)
    assert list(before) == stored.names()
    assert {source for _, source in before.values()} == {"default"}
    with database.read() as connection:
        view = stored.view(connection, config)
    for name, (value, _) in before.items():
        change(database, name, value)
    with database.read() as connection:
        assert stored.view(connection, config) == view


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
        ("feeds.overlap_hours", "169", "overlap_hours"),
        ("subscriptions.minimum_minutes", "0", "minimum_minutes"),
        ("calendars.jobs_name", "x" * 4001, "at most 4000 characters"),
        ("calendars.jobs_name", "a\x00b", "and no NUL"),
    ],
)
def test_what_the_file_would_not_take_is_refused(
    database: Database, config: Config, name: str, value: str, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        change(database, name, value)
    assert {source for _, source in shown(database, config).values()} == {"default"}


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
        assert stored.view(connection, config).calendars == config.calendars


def test_view_takes_one_statement(
    database: Database,
    config: Config,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    with statements(database) as seen, database.read() as connection:
        stored.view(connection, config)
    assert len(seen) == 1


def test_a_locked_setting_is_the_files_whatever_was_stored(database: Database, config: Config) -> None:
    change(database, "calendars.history_months", "9")
    locked = replace(config, settings=LockSettings(locked=("calendars.history_months",)))
    with database.read() as connection:
        assert stored.view(connection, config).calendars.history_months == 9
        assert stored.view(connection, locked).calendars.history_months == 1
        (found,) = (it for it in stored.show(connection, locked) if it.locked)
    assert (found.name, found.value, found.source) == ("calendars.history_months", "1", "default")
    for value in ("2", None):
        with database.write() as connection, pytest.raises(Locked, match="locked") as refused:
            stored.change(connection, "calendars.history_months", value, config=locked, actor=SYSTEM)
        assert refused.value.name == "calendars.history_months"
    with database.write() as connection:
        stored.change(connection, "calendars.jobs_name", "Work", config=locked, actor=SYSTEM)


def test_every_changeable_section_takes_effect(database: Database, config: Config) -> None:
    change(database, "feeds.overlap_hours", "24")
    change(database, "subscriptions.minimum_minutes", "30")
    with database.read() as connection:
        found = stored.effective(connection, config)
    assert (found.feeds.overlap_hours, found.subscriptions.minimum_minutes) == (24, 30)
    assert (found.database, found.calendars) == (config.database, config.calendars)


def test_a_stored_text_this_version_would_not_take_is_passed_over(
    database: Database, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    stored._effective.cache_clear()  # it is said once
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO settings (name, value, changed_at)"
                " VALUES ('calendars.horizon_months', '999', '2026-01-01 00:00:00+00:00')"
            )
        )
    with database.read() as connection:
        assert stored.view(connection, config).calendars.horizon_months == 24
    assert "calendars.horizon_months is not acceptable" in caplog.text


def test_each_change_is_audited_with_both_texts(database: Database) -> None:
    for value in ("Work", "Work", "Jobs!", None, None):
        change(database, "calendars.jobs_name", value)
    with database.read() as connection:
        entries = audit.page(connection)
    assert [it.facts for it in reversed(entries)] == [
        {"after": "Work"},
        {"before": "Work", "after": "Jobs!"},
        {"before": "Jobs!"},
    ]
    assert {(it.action, it.subject) for it in entries} == {("setting.change", "setting:calendars.jobs_name")}
