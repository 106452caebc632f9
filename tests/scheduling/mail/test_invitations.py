# SPDX-License-Identifier: GPL-3.0-or-later
"""How links reach people: by a letter where mail can be sent, else by whoever made them; and asking for one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import audit, one_time_links, users
from scheduling.access.audit import Filters
from scheduling.access.one_time_links import LASTS, Purpose
from scheduling.access.permissions import SYSTEM, Forbidden
from scheduling.config.ini import load_section
from scheduling.config.mail import MailSettings
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import Conflict
from scheduling.mail import invitations, outbox
from scheduling.mail.invitations import Brought
from scheduling.mail.outbox import Waiting
from tests.scheduling.access.signing_in import Door
from tests.scheduling.actors_of import everybody

ROOT = "https://calendar.example.com"
MAIL = load_section(
    MailSettings, "mail", {"host": "mail.example.com", "sender": "Daysheet <daysheet@example.com>"}, {}, "x"
)
Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture
def door(database: Database) -> Door:
    door = Door(database, config=Config(mail=MAIL))
    door.user("anna", password=None, email="anna@example.com", display_name="Anna")
    door.user("bo", email="bo@example.com")
    return door


def invite(door: Door, username: str, **options: Any) -> Brought:
    return _make(door, username, Purpose.INVITATION, **options)


def reset(door: Door, username: str, **options: Any) -> Brought:
    return _make(door, username, Purpose.PASSWORD_RESET, **options)


def _make(door: Door, username: str, purpose: Purpose, **options: Any) -> Brought:
    given = {"root": ROOT, "at": door.now, "actor": SYSTEM, **options}
    with door.database.write() as connection:
        return invitations.make_link(connection, door.keyring, door.config, username, purpose, **given)


def ask(door: Door, name: str, address: str = "192.0.2.1") -> int:
    return invitations.ask_for_reset(
        door.database, door.keyring, name, root=ROOT, address=address, at=door.now
    )


def work_off(door: Door) -> list[Waiting]:
    """Answer what was asked, and give the letters that then wait."""
    letters = []
    while waiting := outbox.claim(door.database, door.keyring, int(door.now.timestamp())):
        with door.database.write() as connection:
            if waiting.kind == "reset":
                invitations.answer(connection, door.keyring, door.config, waiting, door.now)
            else:
                letters.append(waiting)
                outbox.done(connection, waiting)
    return letters


def purpose_of(door: Door, url: str) -> tuple[str, Purpose]:
    with door.database.read() as connection:
        found = one_time_links.find(connection, door.keyring, url.removeprefix(f"{ROOT}/link/"), door.now)
    return found.username, found.purpose


def test_an_invitation_goes_by_letter(door: Door) -> None:
    brought = invite(door, "anna")
    assert brought == Brought(
        mailed_to="anna@example.com", url=None, expires_at=door.now + LASTS[Purpose.INVITATION]
    )
    (waiting,) = work_off(door)
    assert (waiting.letter.to, waiting.letter.subject) == ("anna@example.com", "Your calendar access")
    assert waiting.letter.text.startswith("Hello Anna,\n")
    link = next(line for line in waiting.letter.text.splitlines() if line.startswith("https://"))
    assert purpose_of(door, link) == ("anna", Purpose.INVITATION)


def test_a_letter_speaks_the_language_of_the_settings(door: Door) -> None:
    door.config = Config(mail=replace(MAIL, language="de"))
    invite(door, "anna")
    reset(door, "bo")
    assert [it.letter.subject for it in work_off(door)] == ["Ihr Zugang zum Kalender", "Neues Passwort"]


@pytest.mark.parametrize(
    ("mail", "email", "by_mail"),
    [
        (MailSettings(), "anna@example.com", True),
        (MAIL, None, True),
        (MAIL, "anna@example.com\r\nBcc: everybody@example.com", True),
        (MAIL, "anna@example.com, everybody@example.com", True),
        (MAIL, "anna", True),
        (MAIL, "anna@example.com", False),
    ],
)
def test_else_the_link_is_for_whoever_made_it(
    door: Door, mail: MailSettings, email: str | None, by_mail: bool
) -> None:
    door.config = Config(mail=mail)
    with door.database.write() as connection:  # as the dispatch application may
        written = text("UPDATE users SET email = :email WHERE username = 'anna'")
        connection.execute(written, {"email": email})
    for make, purpose in ((invite, Purpose.INVITATION), (reset, Purpose.PASSWORD_RESET)):
        brought = make(door, "anna", by_mail=by_mail)
        assert brought.mailed_to is None
        assert brought.url is not None
        assert brought.url not in repr(brought)
        assert purpose_of(door, brought.url) == ("anna", purpose)
    assert work_off(door) == []


def test_whoever_has_a_password_is_not_invited_and_keeps_the_links_there_are(door: Door) -> None:
    url = reset(door, "bo", by_mail=False).url
    with pytest.raises(Conflict, match="has a password already"):
        invite(door, "bo")
    assert purpose_of(door, url or "") == ("bo", Purpose.PASSWORD_RESET)
    assert work_off(door) == []


def test_who_may_not_manage_users_makes_nothing(door: Door, statements: Statements) -> None:
    people = everybody(door.database)
    for name in ("member", "dispatcher"):
        for make in (invite, reset):
            with pytest.raises(Forbidden):
                make(door, "anna", actor=people[name])
    with door.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM one_time_links")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM mail")).scalar() == 0


@pytest.mark.parametrize("name", ["bo", "BO", "bo@example.com"])
def test_asking_sends_a_letter_to_the_address_that_is_known(door: Door, name: str) -> None:
    assert ask(door, name) == 0
    (waiting,) = work_off(door)
    assert waiting.letter.to == "bo@example.com"
    link = next(line for line in waiting.letter.text.splitlines() if line.startswith("https://"))
    assert purpose_of(door, link) == ("bo", Purpose.PASSWORD_RESET)
    with door.database.read() as connection:
        (entry,) = audit.page(connection, filters=Filters(action="link.create"))
    assert (entry.actor, entry.address) == ("password reset", "192.0.2.1")


def test_asking_does_the_same_whoever_is_asked_for(door: Door, statements: Statements) -> None:
    with door.database.write() as connection:
        users.create(connection, username="gone", email="gone@example.com", actor=SYSTEM)
        users.set_active(connection, "gone", active=False, actor=SYSTEM)
        users.create(connection, username="no-address", actor=SYSTEM)
    seen = []
    for name in ("bo", "nobody", "gone", "no-address", "x\x00y"):
        with statements(door.database) as executed:
            assert ask(door, name, address=f"192.0.2.{len(seen)}") == 0
        seen.append(executed)
    assert all(it == seen[0] for it in seen)
    assert [it.letter.to for it in work_off(door)] == ["bo@example.com"]


def test_asking_again_and_again_sends_one_letter_and_leaves_its_link(door: Door) -> None:
    for number in range(4):
        ask(door, "bo", address=f"192.0.2.{number}")
    (waiting,) = work_off(door)
    ask(door, "bo")
    assert work_off(door) == []
    link = next(line for line in waiting.letter.text.splitlines() if line.startswith("https://"))
    assert purpose_of(door, link) == ("bo", Purpose.PASSWORD_RESET)
    door.now += timedelta(minutes=5)
    ask(door, "bo")
    assert len(work_off(door)) == 1


def test_one_address_asks_five_times_a_minute(door: Door) -> None:
    assert [ask(door, f"nobody-{number}") for number in range(5)] == [0] * 5
    assert ask(door, "bo") > 0
    assert ask(door, "bo", address="192.0.2.2") == 0


def test_what_a_stranger_typed_is_not_in_the_database(door: Door) -> None:
    ask(door, "my-password-in-the-wrong-field")
    invite(door, "anna")
    with door.database.read() as connection:
        rows = connection.execute(text("SELECT * FROM mail")).all()
    told = b"".join(bytes(it) for row in rows for it in row if isinstance(it, bytes | memoryview))
    assert len(rows) == 2
    for secret in (b"wrong-field", b"/link/", b"anna"):
        assert secret not in told
        assert secret.decode() not in str(rows)
