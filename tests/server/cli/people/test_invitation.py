# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet user invite`, `reset-link`, `sign-in-link`, and `daysheet session`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scheduling.access import by_link, one_time_links, sessions, signed_in
from scheduling.access.one_time_links import OneTimeLink
from scheduling.access.secrets import Keyring
from scheduling.config.sections import Config
from scheduling.errors import NotFound

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

BROWSER = sessions.Browser(address="192.0.2.1", user_agent="Firefox")


@pytest.fixture
def known(daysheet: Daysheet) -> Daysheet:
    daysheet.run("user", "add", "anna", "--email", "anna@example.com")
    return daysheet


def keyring(daysheet: Daysheet) -> Keyring:
    return Keyring((daysheet.folder / "daysheet.key").read_text())


def token_in(said: str) -> str:
    (url,) = re.findall(r"http://\S+", said)
    return str(url).rpartition("/link/")[2].rstrip('",')


def look(daysheet: Daysheet, token: str) -> OneTimeLink:
    with daysheet.database.read() as connection:
        return one_time_links.find(connection, keyring(daysheet), token, datetime.now(UTC))


@pytest.mark.parametrize(
    ("command", "purpose"),
    [("invite", "invitation"), ("reset-link", "password-reset"), ("sign-in-link", "sign-in")],
)
def test_a_link_is_printed(known: Daysheet, command: str, purpose: str) -> None:
    said = known.run("user", command, "anna").stdout
    assert "is not shown again" in said
    found = look(known, token_in(said))
    assert (found.username, found.purpose) == ("anna", purpose)
    again = known.json("user", command, "anna")
    assert look(known, token_in(again["url"])).purpose == purpose
    with pytest.raises(NotFound):
        look(known, token_in(said))
    assert "There is no user 'nobody'" in known.refusal("user", command, "nobody")
    entries = known.json("audit", "list", "--action", "link")["entries"]
    assert [(it["subject"], it["facts"]) for it in entries] == [("user:anna", {"purpose": purpose})] * 2


def test_a_letter_goes_where_mail_is_set(known: Daysheet) -> None:
    file = known.folder / "daysheet.ini"
    file.write_text("[mail]\nhost = mail.example.com\nsender = daysheet@example.com\n")
    for command in ("invite", "reset-link"):
        said = known.run("--config", str(file), "user", command, "anna").stdout
        assert said.endswith(": a letter with the link goes to anna@example.com.\n")
        assert "/link/" in known.run("--config", str(file), "user", command, "anna", "--link").stdout


def test_whoever_has_a_password_is_not_invited(known: Daysheet) -> None:
    known.run("user", "password", "anna", "--password-stdin", stdin="correct horse\n")
    assert "has a password already" in known.refusal("user", "invite", "anna")


def test_the_first_administrator_is_invited_when_added(daysheet: Daysheet) -> None:
    said = daysheet.run("user", "add", "adam", "--role", "super-admin").stdout
    assert look(daysheet, token_in(said)).username == "adam"
    made = daysheet.json("user", "add", "eve", "--role", "super-admin")
    assert look(daysheet, token_in(made["invitation"]["url"])).username == "eve"
    made = daysheet.json("user", "add", "bo", "--invite")
    assert look(daysheet, token_in(made["invitation"]["url"])).username == "bo"
    assert "invitation" not in daysheet.json("user", "add", "cy")
    with_password = ("--role", "super-admin", "--password-stdin")
    assert "invitation" not in daysheet.json("user", "add", "di", *with_password, stdin="correct horse\n")


def test_sessions_are_listed_and_ended(known: Daysheet) -> None:
    tokens = []
    for _ in range(3):
        link = token_in(known.run("user", "sign-in-link", "anna").stdout)
        at = datetime.now(UTC)
        _, token = by_link.sign_in(
            known.database, keyring(known), link, config=Config(), browser=BROWSER, at=at
        )
        tokens.append(token)
    listed = known.json("session", "list", "anna")["sessions"]
    assert [(it["began_by"], it["address"], it["user_agent"]) for it in listed] == [
        ("link", "192.0.2.1", "Firefox")
    ] * 3
    assert "Firefox" in known.run("session", "list", "anna").stdout
    first = str(min(it["id"] for it in listed))
    assert known.run("session", "end", "anna", first).stdout == "anna was signed out of 1 browser.\n"
    assert [counts(known, it) for it in tokens] == [False, True, True]
    assert "The user has no session" in known.refusal("session", "end", "anna", first)
    assert known.run("session", "end", "anna", "--all").stdout == "anna was signed out of 2 browsers.\n"
    assert [counts(known, it) for it in tokens] == [False] * 3
    assert known.run("session", "list", "anna").stdout == "anna is signed in nowhere.\n"


def counts(daysheet: Daysheet, token: str) -> bool:
    at = datetime.now(UTC)
    key = keyring(daysheet)
    found = signed_in.resolve(daysheet.database, key, token, config=Config(), address="192.0.2.1", at=at)
    return found is not None


def test_which_session_is_ended_is_said(known: Daysheet) -> None:
    for arguments in ((), ("7", "--all")):
        result = known.run("session", "end", "anna", *arguments, expect=2)
        assert "Give either the ID of a session or --all." in result.stderr
