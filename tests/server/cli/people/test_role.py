# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet role`, and `daysheet user role` and `access`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def permissions(daysheet: Daysheet, role: str) -> list[str]:
    found: list[str] = daysheet.json("role", "show", role)["permissions"]
    return found


def test_roles_are_listed_with_what_they_are_for(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    listed = {it["name"]: it for it in daysheet.json("role", "list")["roles"]}
    assert list(listed) == ["admin", "dispatcher", "member", "super-admin"]
    assert (listed["member"]["users"], listed["member"]["built_in"]) == (1, True)
    assert "Plans: reads everybody's calendars" in daysheet.run("role", "list").stdout


def test_showing_a_role_says_of_each_permission_whether_it_has_it(daysheet: Daysheet) -> None:
    lines = daysheet.run("role", "show", "member").stdout.splitlines()
    assert [it.split() for it in lines if "calendars.read_all" in it or "view_own" in it] == [
        ["feeds.view_own", "yes"],
        ["calendars.read_all", "no"],
    ]


def test_permissions_are_granted_withdrawn_and_replaced(daysheet: Daysheet) -> None:
    daysheet.run("role", "set", "member", "feeds.view_own", "schedule.read_own")
    assert permissions(daysheet, "member") == ["feeds.view_own", "schedule.read_own"]
    daysheet.run("role", "set", "member", "--add", "users.view", "--remove", "feeds.view_own")
    assert permissions(daysheet, "member") == ["schedule.read_own", "users.view"]
    daysheet.run("role", "set", "member", "--description", "Works")
    assert daysheet.json("role", "show", "member")["description"] == "Works"


def test_an_own_role_is_added_given_and_removed(daysheet: Daysheet) -> None:
    daysheet.run("role", "add", "planner", "schedule.write", "--description", "Plans")
    daysheet.run("user", "add", "anna", "--role", "planner")
    assert "still have the role planner" in daysheet.refusal("role", "remove", "planner")
    daysheet.run("user", "role", "anna", "member")
    daysheet.run("role", "remove", "planner")
    assert "There is no role 'planner'" in daysheet.refusal("user", "role", "anna", "planner")


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (("set", "member"), "Give at least one permission", 2),
        (("set", "member", "users.view", "--add", "users.view"), "either all permissions, or --add", 2),
        (("set", "member", "users.vieuw"), 'did you mean "users.view"', 1),
        (("set", "super-admin", "users.view"), "always has every permission", 1),
        (("show", "boss"), "There is no role 'boss'", 1),
        (("add", "Boss"), "cannot be the name of a role", 1),
        (("remove", "member"), "built in", 1),
    ],
)
def test_what_cannot_be_is_refused(
    daysheet: Daysheet, arguments: tuple[str, ...], told: str, code: int
) -> None:
    assert told in daysheet.refusal("role", *arguments, expect=code)


def test_calendar_access_is_taken_away_and_given_back(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    for state, expected in (("off", False), ("on", True)):
        daysheet.run("user", "access", "anna", state)
        assert daysheet.json("user", "list")["users"][0]["calendar_access"] is expected
    assert "no user 'bo'" in daysheet.refusal("user", "access", "bo", "off")
