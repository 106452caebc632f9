# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet settings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

NAME = "calendars.history_months"


def shown(daysheet: Daysheet) -> tuple[str, str]:
    (setting,) = daysheet.json("settings", "show", NAME)["settings"]
    return setting["value"], setting["source"]


def test_a_setting_is_kept_and_given_up_again(daysheet: Daysheet) -> None:
    assert shown(daysheet) == ("1", "default")
    daysheet.run("settings", "set", NAME, "all")
    assert shown(daysheet) == ("all", "database")
    daysheet.run("settings", "unset", NAME)
    assert shown(daysheet) == ("1", "default")


def test_all_settings_are_shown(daysheet: Daysheet) -> None:
    table = daysheet.run("settings", "show").stdout
    assert NAME in table
    assert "templates.job_summary" in table


def test_a_bad_name_or_value_is_refused(daysheet: Daysheet) -> None:
    assert f'did you mean "{NAME}"?' in daysheet.refusal("settings", "set", "calendars.history_month", "3")
    assert f'did you mean "{NAME}"?' in daysheet.refusal("settings", "show", "calendars.history_month")
    assert "permitted" in daysheet.refusal("settings", "set", NAME, "many")
    assert shown(daysheet) == ("1", "default")


def test_a_locked_setting_is_shown_and_kept(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    daysheet.run("settings", "set", "calendars.history_months", "3")
    monkeypatch.setenv("DAYSHEET_SETTINGS_LOCKED", "calendars.history_months")
    (shown,) = daysheet.json("settings", "show", "calendars.history_months")["settings"]
    assert (shown["value"], shown["source"], shown["locked"]) == ("1", "default", True)
    for arguments in (("set", "calendars.history_months", "6"), ("unset", "calendars.history_months")):
        assert "is locked by `[settings] locked`" in daysheet.refusal("settings", *arguments)


def test_where_a_setting_comes_from_is_said(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    file = daysheet.folder / "daysheet.ini"
    file.write_text("[calendars]\nhistory_months = 1\ntombstone_days = 30\n", encoding="utf-8")
    monkeypatch.setenv("DAYSHEET_CALENDARS_TOMBSTONE_DAYS", "40")
    monkeypatch.setenv("DAYSHEET_CONFIG", str(file))
    daysheet.run("settings", "set", "calendars.horizon_months", "12")
    found = {it["name"]: (it["value"], it["source"]) for it in daysheet.json("settings", "show")["settings"]}
    assert found[NAME] == ("1", "file"), "though it is the default too"
    assert found["calendars.tombstone_days"] == ("40", "environment")
    assert found["calendars.horizon_months"] == ("12", "database")
    assert found["calendars.enabled"] == ("yes", "default")
