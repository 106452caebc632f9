# SPDX-License-Identifier: GPL-3.0-or-later
"""Before something sensitive the password is asked for again, and nothing typed is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.server import fixtures
from tests.server.pages.people import Person, begin
from tests.server.running import Running

database = fixtures.sqlite_alone
OLD, NEW = "correct horse battery", "another battery"


@pytest.fixture
def late(running: Running, people: dict[str, int]) -> Person:
    """Somebody who signed in an hour ago."""
    running.set_password("anna", OLD)
    person = Person(running)
    person.keep(begin(running, "anna", at=datetime.now(UTC) - timedelta(hours=1)))
    return person


def test_a_sensitive_page_asks_first_and_is_then_shown(late: Person) -> None:
    page = late.get("/account/password")
    assert page.path.startswith("/confirm?next=")
    page = late.submit(page, "/confirm", **{"confirm-password": "wrong"})
    assert (page.status, "The password is wrong." in page.text) == (422, True)
    page = late.submit(page, "/confirm", **{"confirm-password": OLD})
    assert page.path == "/account/password"
    assert late.get("/account/password").path == "/account/password"


def test_a_form_that_was_open_too_long_waits_for_the_password_and_is_then_done(late: Person) -> None:
    answer = late.once("POST", "/account/password", {"password": NEW, "repeated": NEW})
    assert answer.status_code == 403
    assert "Confirm that it is you" in answer.text
    wrong = {"password": NEW, "repeated": NEW, "confirm-password": "wrong"}
    assert late.once("POST", "/account/password", wrong).status_code == 422
    right = {"password": NEW, "repeated": NEW, "confirm-password": OLD}
    answer = late.once("POST", "/account/password", right)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert late.get("/account").path == "/account"
