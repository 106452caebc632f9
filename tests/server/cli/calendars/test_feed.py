# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet feed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scheduling.access import audit

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def test_a_link_can_be_shown_again(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("feed", "create", "anna", "--label", "Outlook")
    assert made["feed_url"].startswith("http://127.0.0.1:5232/feeds/")
    shown = daysheet.run("feed", "show", str(made["id"])).stdout
    assert shown.splitlines()[0] == made["feed_url"]
    assert "Nobody has fetched it yet." in shown


def test_regenerating_replaces_the_link_and_revoking_ends_it(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("feed", "create", "anna")
    number = str(made["id"])
    replaced = daysheet.json("feed", "regenerate", number)
    assert replaced["feed_url"] != made["feed_url"]
    assert daysheet.json("feed", "show", number)["feed_url"] == replaced["feed_url"]
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


def test_options_are_given_shown_and_changed(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    options = ("--kind", "time-off", "--kind", "jobs", "--detail", "busy", "--history-months", "0")
    more = (
        "--future-months",
        "3",
        "--cancelled-days",
        "7",
        "--alarm-minutes",
        "15",
        "--expires",
        "2999-01-31",
    )
    number = str(daysheet.json("feed", "create", "anna", *options, *more)["id"])
    assert daysheet.json("feed", "show", number)["options"] == {
        "kinds": ["jobs", "time-off"],
        "detail": "busy",
        "history_months": 0,
        "future_months": 3,
        "cancelled_days": 7,
        "alarm_minutes": 15,
        "expires_at": "2999-01-31T23:59:59Z",
    }
    daysheet.run("feed", "update", number, "--future-months", "none", "--label", "Agency")
    changed = daysheet.json("feed", "show", number)
    assert (changed["label"], changed["options"]["future_months"]) == ("Agency", None)
    assert changed["options"]["alarm_minutes"] == 15
    daysheet.run("feed", "update", number, "--expires", "none")
    assert daysheet.json("feed", "list")["feeds"][0]["options"]["expires_at"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--history-months", "1201"), "1201 is not in the range"),
        (("--alarm-minutes", "-5"), "-5 is not in the range"),
        (("--kind", "job"), "'job' is not one of"),
        (("--expires", "soon"), "'soon' is no date or time"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(
    daysheet: Daysheet, options: tuple[str, str], message: str
) -> None:
    assert message in daysheet.refusal("feed", "create", "anna", *options, expect=2)


def test_a_link_that_is_past_is_refused(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    refusal = daysheet.refusal("feed", "create", "anna", "--expires", "2020-01-01")
    assert refusal == "The expiry of a feed must be in the future."


def test_the_overlap_comes_from_the_settings_unless_given(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    number = str(daysheet.json("feed", "create", "anna")["id"])
    daysheet.run("settings", "set", "feeds.overlap_hours", "6")
    daysheet.run("feed", "regenerate", number)
    daysheet.run("feed", "regenerate", number, "--overlap", "0")
    with daysheet.database.read() as connection:
        entries = audit.page(connection, filters=audit.Filters(action="feed.regenerate"))
    assert [it.facts for it in entries] == [{}, {"overlap_hours": 6}]


def test_all_links_of_a_user_are_replaced_at_once(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = [daysheet.json("feed", "create", "anna") for _ in range(2)]
    assert daysheet.run("feed", "reset", "anna").stdout == "Replaced 2 links of anna.\n"
    for one in made:
        assert daysheet.json("feed", "show", str(one["id"]))["feed_url"] != one["feed_url"]


def test_the_ways_to_subscribe_are_shown(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYSHEET_SERVER_PUBLIC_URL", "https://calendar.example.com")
    daysheet.run("user", "add", "anna")
    number = str(daysheet.json("feed", "create", "anna", "--label", "My jobs")["id"])
    shown = daysheet.json("feed", "show", number)
    path = shown["feed_url"].removeprefix("https://calendar.example.com")
    assert shown["links"]["apple"] == shown["links"]["webcal"] == f"webcal://calendar.example.com{path}"
    assert shown["links"]["outlook"] == (
        "https://outlook.live.com/calendar/0/addfromweb?url=https%3A%2F%2Fcalendar.example.com"
        f"{path.replace('/', '%2F')}&name=My%20jobs"
    )
    assert shown["links"]["google"].startswith("https://calendar.google.com/")


def test_a_link_too_long_for_google_is_told(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYSHEET_SERVER_PUBLIC_URL", f"https://{'a' * 60}.example.com")
    daysheet.run("user", "add", "anna")
    assert "Google ignores links" in daysheet.run("feed", "create", "anna").stderr
