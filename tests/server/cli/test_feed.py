# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet feed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def test_a_link_can_be_shown_again(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("feed", "create", "anna", "--label", "Outlook")
    assert made["feed_url"].startswith("http://127.0.0.1:5232/feeds/")
    assert daysheet.run("feed", "show", str(made["id"])).stdout == made["feed_url"] + "\n"


def test_regenerating_replaces_the_link_and_revoking_ends_it(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("feed", "create", "anna")
    number = str(made["id"])
    replaced = daysheet.json("feed", "regenerate", number)
    assert replaced["feed_url"] != made["feed_url"]
    assert daysheet.json("feed", "show", number) == replaced
    daysheet.run("feed", "revoke", number)
    assert "is revoked" in daysheet.refusal("feed", "show", number)


def test_the_list_shows_no_links(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    daysheet.run("user", "add", "bert")
    token = daysheet.json("feed", "create", "anna", "--label", "Outlook")["feed_url"].split("/")[-1]
    daysheet.run("feed", "create", "bert", "--label", "Phone")
    assert [it["label"] for it in daysheet.json("feed", "list")["feeds"]] == ["Outlook", "Phone"]
    assert [it["username"] for it in daysheet.json("feed", "list", "bert")["feeds"]] == ["bert"]
    table = daysheet.run("feed", "list").stdout
    assert "Outlook" in table
    assert token not in table


def test_links_begin_with_the_public_url(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYSHEET_SERVER_PUBLIC_URL", "https://calendar.example.com/")
    daysheet.run("user", "add", "anna")
    assert daysheet.run("feed", "create", "anna").stdout.startswith("https://calendar.example.com/feeds/")


@pytest.mark.parametrize("command", ["show", "regenerate", "revoke"])
def test_a_feed_that_does_not_exist_is_told(daysheet: Daysheet, command: str) -> None:
    assert daysheet.refusal("feed", command, "7").startswith("There is no feed 7")
