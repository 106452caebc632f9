# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in to the pages: who gets in, and that nobody learns more from being refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import argon2
import pytest

from scheduling.access import audit, credentials, sign_in, signed_in, users
from scheduling.access.audit import Filters
from scheduling.access.permissions import SYSTEM
from scheduling.access.sign_in import SignInRefused, TooManyAttempts
from scheduling.access.signed_in import ConfirmationNeeded
from scheduling.database.connection import Database
from tests.scheduling.access.signing_in import PASSWORD, Door


@pytest.fixture
def door(database: Database) -> Door:
    door = Door(database)
    door.user("anna", email="Anna@example.com")
    return door


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with every password that argon2 is asked to check."""
    seen: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(hasher: argon2.PasswordHasher, hashed: str, password: str) -> bool:
        seen.append(password)
        return verify(hasher, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    return seen


def refused(door: Door, name: str, password: str) -> str:
    with pytest.raises(SignInRefused) as caught:
        door.sign_in(name, password)
    return str(caught.value)


@pytest.mark.parametrize("name", ["anna", "Anna", "ANNA", " anna ", "anna@example.com", "ANNA@EXAMPLE.COM"])
def test_the_username_and_the_address_let_in_in_any_case(door: Door, name: str) -> None:
    assert door.signed_in(door.sign_in(name)).user.username == "anna"


@pytest.mark.parametrize("name", ["mÜLLER", "Müller", "MÜLLER", "müller"])
def test_other_letters_than_those_of_ascii_have_cases_too(door: Door, name: str) -> None:
    door.user("müller")
    assert door.signed_in(door.sign_in(name)).user.username == "müller"


def test_another_letter_is_not_another_case(door: Door) -> None:
    door.user("i")
    refused(door, "\N{LATIN SMALL LETTER DOTLESS I}", PASSWORD)


def test_a_username_counts_before_the_address_of_many(door: Door) -> None:
    door.user("Office@example.com", email="office@example.com")
    for number in range(12):
        door.user(f"office-{number}", password=None, email="office@example.com")
    for name in ("Office@example.com", "office@example.com"):
        assert door.signed_in(door.sign_in(name)).user.username == "Office@example.com"


def test_what_several_people_are_called_means_nobody(door: Door) -> None:
    door.user("office-1", email="office@example.com")
    door.user("office-2", email="office@example.com")
    door.user("Bo")
    door.user("bO")
    door.user("bo@example.com")
    door.user("other", email="bo@example.com")
    refused(door, "office@example.com", PASSWORD)
    refused(door, "bo", PASSWORD)
    assert door.signed_in(door.sign_in("bO")).user.username == "bO"
    assert door.signed_in(door.sign_in("bo@example.com")).user.username == "bo@example.com"


def test_an_address_counts_among_active_users(door: Door) -> None:
    door.user("anna-before", email="anna@example.com")
    refused(door, "anna@example.com", PASSWORD)
    with door.database.write() as connection:
        users.set_active(connection, "anna-before", active=False, actor=SYSTEM)
    assert door.signed_in(door.sign_in("anna@example.com")).user.username == "anna"


def test_an_app_password_does_not_sign_in(door: Door) -> None:
    with door.database.write() as connection:
        user_id = users.get(connection, "anna").id
        _, text = credentials.create_app_password(connection, door.keyring, user_id, "Phone", actor=SYSTEM)
    refused(door, "anna", text)


def test_every_refusal_is_the_same_sentence_after_the_same_work(
    door: Door,
    checks: list[str],
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    door.user("new", password=None)
    door.user("gone")
    door.user("lapsed")
    with door.database.write() as connection:
        users.set_active(connection, "gone", active=False, actor=SYSTEM)
        users.set_access(connection, "lapsed", allowed=False, actor=SYSTEM)
    seen = []
    for name, password in (
        ("anna", "wrong password"),
        ("nobody", PASSWORD),
        ("new", PASSWORD),
        ("gone", PASSWORD),
        ("lapsed", PASSWORD),
    ):
        checks.clear()
        with statements(door.database) as executed:
            sentence = refused(door, name, password)
        seen.append((sentence, len(checks), [it.split()[0] for it in executed]))
    assert all(it == seen[0] for it in seen)
    assert seen[0][:2] == ("The name or the password is wrong.", 1)


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("anna", ""), ("anna\x00", PASSWORD), ("anna", "\ud800"), ("anna", "x" * 1025)],
)
def test_what_cannot_be_a_name_or_a_password_is_wrong(
    door: Door, checks: list[str], name: str, password: str
) -> None:
    refused(door, name, password)
    assert checks == []


def test_failures_slow_down_and_are_audited(door: Door, checks: list[str]) -> None:
    for _ in range(5):
        refused(door, "Anna@example.com", "wrong password")
    checks.clear()
    with pytest.raises(TooManyAttempts) as caught:
        door.sign_in("anna@EXAMPLE.com")
    assert caught.value.retry_after > 0
    assert checks == []
    door.later(seconds=caught.value.retry_after)
    door.sign_in("anna@example.com")
    with door.database.read() as connection:
        (entry,) = audit.page(connection, filters=Filters(action="login"))
    assert (entry.subject, entry.address) == ("user:anna", "192.0.2.1")


def test_being_slowed_down_does_not_tell_which_names_are_one_persons(door: Door) -> None:
    for _ in range(5):
        refused(door, "anna", "wrong password")
    refused(door, "anna@example.com", "wrong password")


def test_a_sign_in_is_audited_without_its_secrets(door: Door) -> None:
    token = door.sign_in("anna")
    with door.database.read() as connection:
        (entry,) = audit.page(connection, filters=Filters(action="session"))
    assert (entry.action, entry.actor, entry.address) == ("session.start", "anna", "192.0.2.1")
    assert entry.facts == {"user": "anna", "by": "password"}
    assert token not in str(entry)


def test_a_password_changed_while_it_is_checked_does_not_sign_in(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = argon2.PasswordHasher.verify

    def overtaken(hasher: argon2.PasswordHasher, hashed: str, password: str) -> bool:
        found = verify(hasher, hashed, password)
        with door.database.write() as connection:
            credentials.set_password(
                connection, users.get(connection, "anna").id, "another password", actor=SYSTEM
            )
        return found

    monkeypatch.setattr(argon2.PasswordHasher, "verify", overtaken)
    refused(door, "anna", PASSWORD)


def test_sensitive_things_need_the_password_again_after_a_while(door: Door) -> None:
    token = door.sign_in("anna")
    signed_in.require_confirmed(door.signed_in(token), door.now)
    door.later(minutes=15)
    with pytest.raises(ConfirmationNeeded):
        signed_in.require_confirmed(door.signed_in(token), door.now)
    for wrong in ("wrong password", "", "\x00"):
        with pytest.raises(SignInRefused):
            confirm(door, token, wrong)
    with pytest.raises(ConfirmationNeeded):
        signed_in.require_confirmed(door.signed_in(token), door.now)
    confirm(door, token, PASSWORD)
    signed_in.require_confirmed(door.signed_in(token), door.now)
    door.later(minutes=14)
    signed_in.require_confirmed(door.signed_in(token), door.now)


def test_guessing_at_the_confirmation_slows_down_too(door: Door) -> None:
    token = door.sign_in("anna")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            confirm(door, token, "wrong password")
    with pytest.raises(TooManyAttempts):
        confirm(door, token, PASSWORD)


def confirm(door: Door, token: str, password: str) -> None:
    sign_in.confirm(
        door.database,
        door.keyring,
        door.signed_in(token),
        password,
        config=door.config,
        address="192.0.2.1",
        at=door.now,
    )
