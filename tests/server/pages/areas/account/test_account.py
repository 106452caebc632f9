# SPDX-License-Identifier: GPL-3.0-or-later
"""The account: what is known, password, sessions."""

from __future__ import annotations

import pytest

from tests.server import fixtures
from tests.server.pages.people import Person, begin
from tests.server.running import Running

database = fixtures.sqlite_alone
OLD, NEW = "correct horse battery", "another battery"


@pytest.fixture
def anna_at_home(running: Running, people: dict[str, int]) -> Person:
    running.set_password("anna", OLD)
    return Person(running, "anna")


def test_the_account_says_who_one_is(anna_at_home: Person) -> None:
    page = anna_at_home.get("/account")
    for text in ("Anna Ångström", "anna@example.com", "member", "Berlin"):
        assert text in page.text


def test_a_new_password_signs_out_other_browsers_and_not_this_one(anna_at_home: Person) -> None:
    other = Person(anna_at_home.running, "anna")
    page = anna_at_home.do("/account/password", "/account/password", password=NEW, repeated=NEW)
    assert page.path == "/account"
    assert "The password was changed" in page.text
    assert other.get("/account").path.startswith("/sign-in")
    assert Person(anna_at_home.running).do("/sign-in", "/sign-in", name="anna", password=OLD).status == 422
    assert Person(anna_at_home.running).do("/sign-in", "/sign-in", name="anna", password=NEW).status == 200


@pytest.mark.parametrize(
    ("password", "repeated", "sentence"),
    [
        ("short", "short", "use at least 8 characters"),
        (NEW, "something else", "The two passwords differ"),
        (NEW, "", "Fill this in."),
    ],
)
def test_a_password_that_cannot_be_is_refused_beside_its_field(
    anna_at_home: Person, password: str, repeated: str, sentence: str
) -> None:
    page = anna_at_home.do("/account/password", "/account/password", password=password, repeated=repeated)
    assert page.status == 422
    assert sentence in page.text
    assert f'value="{password}"' not in page.html


def test_a_refusal_is_in_the_language_of_the_person(running: Running, people: dict[str, int]) -> None:
    page = Person(running, "anna", language="de").do(
        "/account/password", "/account/password", password="kurz", repeated="kurz"
    )
    assert "Das Passwort ist zu kurz: Nötig sind mindestens 8 Zeichen." in page.text


def test_browsers_are_listed_and_ended(anna_at_home: Person) -> None:
    running = anna_at_home.running
    others = [Person(running, "anna") for _ in range(3)]
    page = anna_at_home.get("/account/sessions")
    assert page.text.count("Firefox, Linux") == 4
    assert page.text.count("this one") == 1
    action = next(it.action for it in page.forms if it.action.endswith("/end"))
    page = anna_at_home.submit(page, action)
    assert "That browser is signed out." in page.text
    assert sum(it.get("/account").path == "/account" for it in others) == 2
    page = anna_at_home.submit(page, "/account/sessions/end-others")
    assert "2 other browsers are signed out." in page.text
    assert "2 other browsers" not in anna_at_home.get("/account/sessions").text


def test_nobody_ends_the_sessions_of_others(anna_at_home: Person) -> None:
    running = anna_at_home.running
    begin(running, "bo")
    with running.database.read() as connection:
        number = connection.exec_driver_sql("SELECT max(id) FROM sessions").scalar()
    answer = anna_at_home.once("POST", f"/account/sessions/{number}/end", {})
    assert answer.status_code == 404
