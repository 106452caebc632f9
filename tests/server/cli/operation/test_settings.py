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
    assert shown(daysheet) == ("1", "file")
    daysheet.run("settings", "set", NAME, "all")
    assert shown(daysheet) == ("all", "database")
    daysheet.run("settings", "unset", NAME)
    assert shown(daysheet) == ("1", "file")


def test_all_settings_are_shown(daysheet: Daysheet) -> None:
    table = daysheet.run("settings", "show").stdout
    assert NAME in table
    assert "templates.job_summary" in table


def test_a_bad_name_or_value_is_refused(daysheet: Daysheet) -> None:
    assert f'did you mean "{NAME}"?' in daysheet.refusal("settings", "set", "calendars.history_month", "3")
    assert f'did you mean "{NAME}"?' in daysheet.refusal("settings", "show", "calendars.history_month")
    assert "permitted" in daysheet.refusal("settings", "set", NAME, "many")
    assert shown(daysheet) == ("1", "file")


def test_a_locked_setting_is_shown_and_kept(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    daysheet.run("settings", "set", "calendars.history_months", "3")
    monkeypatch.setenv("DAYSHEET_SETTINGS_LOCKED", "calendars.history_months")
    (shown,) = daysheet.json("settings", "show", "calendars.history_months")["settings"]
    assert (shown["value"], shown["source"], shown["locked"]) == ("1", "file", True)
    for arguments in (("set", "calendars.history_months", "6"), ("unset", "calendars.history_months")):
        assert "is locked by `[settings] locked`" in daysheet.refusal("settings", *arguments)
