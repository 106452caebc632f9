# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def test_the_demo_makes_a_database_and_says_how_to_get_in(empty: Daysheet) -> None:
    made = empty.json("demo", "--users", "3", "--jobs", "4")["users"]
    assert [one["username"] for one in made] == ["anna", "dispatch", "james"]
    assert made[1]["role"] == "dispatcher"
    assert made[0]["caldav_url"] == "http://127.0.0.1:5232/dav/anna/"
    assert len({one["app_password"] for one in made} | {one["feed_url"] for one in made}) == 6
    status = empty.json("db", "status")
    assert (status["users"], status["jobs"]) == (3, 12)


def test_links_are_printed_whole(empty: Daysheet) -> None:
    lines = empty.run("demo", "--users", "1", "--jobs", "0").stdout.splitlines()
    assert lines[0].startswith("anna")
    assert any(line.strip().endswith(".ics") for line in lines)


def test_if_empty_leaves_a_used_database_alone(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "bert")
    assert "nothing was added" in daysheet.run("demo", "--if-empty").stdout
    assert daysheet.json("demo", "--if-empty") == {"users": []}
    assert daysheet.json("db", "status")["jobs"] == 0


def test_a_second_demo_is_refused(empty: Daysheet) -> None:
    empty.run("demo", "--users", "1", "--jobs", "1")
    assert "demo schedule already" in empty.refusal("demo")


def test_sizes_out_of_range_are_wrong_usage(empty: Daysheet) -> None:
    assert "--users" in empty.refusal("demo", "--users", "0", expect=2)
