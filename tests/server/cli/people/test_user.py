# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet user` and `daysheet user app-password`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scheduling.access import credentials
from scheduling.access.secrets import Keyring

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

PASSWORD = "correct horse battery"


def accepts(daysheet: Daysheet, username: str, password: str) -> bool:
    """Whether somebody can sign in so."""
    key = Keyring((daysheet.folder / "daysheet.key").read_text())
    with daysheet.database.read() as connection:
        login = credentials.find_login(connection, key, username, password)
    return login is not None and (
        login.app_password_id is not None or credentials.verify(login.password_hash, password)
    )


def test_an_added_user_is_listed(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna", "--display-name", "Anna [bold]Müller", "--time-zone", "Europe/Berlin")
    daysheet.run("user", "add", "dana", "--role", "dispatcher", "--email", "dana@example.com")
    listed = daysheet.json("user", "list")["users"]
    assert [(one["username"], one["role"], one["time_zone"]) for one in listed] == [
        ("anna", "member", "Europe/Berlin"),
        ("dana", "dispatcher", "UTC"),
    ]
    table = daysheet.run("user", "list").stdout
    assert "Anna [bold]Müller" in table
    assert "dana@example.com" in table


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("anna",), "There is a user 'anna' already."),
        (("a/b",), "cannot be part of a URL"),
        (("bert", "--time-zone", "Berlin"), "is not an IANA time zone"),
    ],
)
def test_a_user_that_cannot_be_added_is_refused(
    daysheet: Daysheet, arguments: tuple[str, ...], told: str
) -> None:
    daysheet.run("user", "add", "anna")
    assert told in daysheet.refusal("user", "add", *arguments)


def test_a_password_comes_from_standard_input(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna", "--password-stdin", stdin=f"{PASSWORD}\n")
    daysheet.run("user", "app-password", "create", "anna")
    assert accepts(daysheet, "anna", PASSWORD)
    daysheet.run("user", "password", "anna", "--password-stdin", stdin="another one entirely\n")
    assert not accepts(daysheet, "anna", PASSWORD)
    assert accepts(daysheet, "anna", "another one entirely")


def test_a_prompted_password_is_asked_twice_and_not_shown(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    daysheet.run("user", "app-password", "create", "anna")
    result = daysheet.run("user", "password", "anna", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in result.output
    assert accepts(daysheet, "anna", PASSWORD)


def test_a_short_or_missing_password_is_refused_and_nobody_is_added(daysheet: Daysheet) -> None:
    told = daysheet.refusal("user", "add", "anna", "--password-stdin", stdin="short\n")
    assert "at least 8 characters" in told
    assert "short\n" not in told
    assert "Standard input" in daysheet.refusal("user", "add", "anna", "--password-stdin", stdin="", expect=2)
    assert daysheet.json("user", "list") == {"users": []}


def test_an_app_password_works_until_it_is_revoked(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("user", "app-password", "create", "anna", "--label", "Phone")
    assert accepts(daysheet, "anna", made["app_password"])
    listed = daysheet.json("user", "app-password", "list", "anna")["app_passwords"]
    assert [(one["label"], one["revoked_at"]) for one in listed] == [("Phone", None)]
    daysheet.run("user", "app-password", "revoke", "anna", str(made["id"]))
    assert not accepts(daysheet, "anna", made["app_password"])
    assert made["app_password"] not in daysheet.run("user", "app-password", "list", "anna").output
    assert "no app password" in daysheet.refusal("user", "app-password", "revoke", "anna", str(made["id"]))


def test_a_disabled_user_is_not_served_until_enabled(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = daysheet.json("user", "app-password", "create", "anna")
    daysheet.run("user", "disable", "anna")
    assert not accepts(daysheet, "anna", made["app_password"])
    daysheet.run("user", "enable", "anna")
    assert accepts(daysheet, "anna", made["app_password"])


@pytest.mark.parametrize(
    "command",
    [("password",), ("disable",), ("enable",), ("app-password", "list"), ("app-password", "create")],
)
def test_a_user_that_does_not_exist_is_told(daysheet: Daysheet, command: tuple[str, ...]) -> None:
    assert daysheet.refusal("user", *command, "nobody").startswith("There is no user 'nobody'")


@pytest.mark.parametrize("email", ["notmail", "@example.com", "anna@", "a b@example.com", "a@b@example.com"])
def test_an_email_address_that_is_none_is_refused(daysheet: Daysheet, email: str) -> None:
    told = daysheet.refusal("user", "add", "anna", "--email", email)
    assert told == f"{email!r} is not an e-mail address; an example is anna@example.com."
    assert daysheet.json("user", "list") == {"users": []}


def test_an_email_address_is_kept_without_spaces_around_it(daysheet: Daysheet) -> None:
    assert (
        daysheet.json("user", "add", "anna", "--email", " anna@example.com ")["email"] == "anna@example.com"
    )
    assert daysheet.json("user", "add", "bert", "--email", " ")["email"] is None
