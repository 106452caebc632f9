# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time links: looking uses nothing up, the button does, once; and what a thief or a scanner gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduling.access.one_time_links import Purpose
from tests.server import fixtures
from tests.server.pages.areas.entry.links import make
from tests.server.pages.browsers import SCRIPTS, Opened, axe
from tests.server.pages.people import Person, begin
from tests.server.pages.showroom import BOTH, PASSWORD, Showroom
from tests.server.running import Running

database = fixtures.sqlite_alone
NEW = "a quite new battery"
PURPOSES = pytest.mark.parametrize("purpose", [Purpose.INVITATION, Purpose.PASSWORD_RESET])


@pytest.mark.parametrize("showroom", BOTH, indirect=True)
@SCRIPTS
def test_an_invited_person_sets_a_password_and_is_signed_in(
    showroom: Showroom, opened: Opened, scripts: bool
) -> None:
    name = showroom.user()
    path = make(showroom.running, name, Purpose.INVITATION)
    page = opened(showroom, path=path, scripts=scripts)
    assert page.inner_text("h1") == f"Welcome, {name.title()}"
    page.fill("input[name=password]", NEW)
    page.fill("input[name=repeated]", "something else")
    page.click("main button")
    assert "The two passwords differ" in page.inner_text("main")
    if scripts:
        axe(page)
    page.fill("input[name=password]", NEW)
    page.fill("input[name=repeated]", NEW)
    page.click("main button")
    assert page.inner_text("[role=status]") == "Your password is set, and you are signed in."
    page.goto("/account")
    assert page.inner_text("h1") == "Account"


@PURPOSES
def test_looking_ten_times_uses_nothing_up_and_the_button_does_once(
    running: Running, people: dict[str, int], purpose: Purpose
) -> None:
    path = make(running, "anna", purpose)
    for _ in range(10):
        assert Person(running).get(path).status == 200
    first = Person(running).do(path, f"{path}/password", password=NEW, repeated=NEW)
    assert first.status == 200
    thief = Person(running)
    assert thief.get(path).status == 410
    answer = thief.once("POST", f"{path}/password", {"password": PASSWORD, "repeated": PASSWORD})
    assert answer.status_code == 410
    assert not thief.http.cookies
    assert Person(running).do("/sign-in", "/sign-in", name="anna", password=NEW).status == 200


@PURPOSES
def test_a_refused_password_leaves_the_link_as_good_as_before(
    running: Running, people: dict[str, int], purpose: Purpose
) -> None:
    path = make(running, "anna", purpose)
    page = Person(running).do(path, f"{path}/password", password="short", repeated="short")
    assert page.status == 422
    assert "The password is too short" in page.text
    assert Person(running).do(path, f"{path}/password", password=NEW, repeated=NEW).status == 200


def test_a_link_signs_in_once_and_replaces_who_was_signed_in(
    running: Running, people: dict[str, int]
) -> None:
    path = make(running, "anna", Purpose.SIGN_IN)
    person = Person(running)
    token = begin(running, "bo")
    person.keep(token)
    page = person.do(path, f"{path}/sign-in")
    assert "You are signed in." in page.text
    assert person.http.cookies["daysheet"] != token
    assert "anna" in person.get("/account").text
    other = Person(running)
    other.keep(token)
    assert other.get("/account").path.startswith("/sign-in")
    assert Person(running).get(path).status == 410


@pytest.mark.parametrize("purpose", [*Purpose])
def test_a_link_is_good_for_what_it_was_made_for_only(
    running: Running, people: dict[str, int], purpose: Purpose
) -> None:
    if purpose is Purpose.DEVICE:
        return
    path = make(running, "anna", purpose)
    other = f"{path}/password" if purpose is Purpose.SIGN_IN else f"{path}/sign-in"
    given = {"password": NEW, "repeated": NEW}
    assert Person(running).once("POST", other, given).status_code == 410
    assert Person(running).get(path).status == 200


def test_an_expired_and_an_invented_link_are_gone_and_say_what_to_do(
    running: Running, people: dict[str, int]
) -> None:
    old = make(running, "anna", Purpose.INVITATION, at=datetime.now(UTC) - timedelta(days=8))
    for path in (old, "/link/" + "a" * 32, "/link/x"):
        page = Person(running).get(path)
        assert page.status == 410
        assert "Ask for a new one." in page.text


def test_another_site_cannot_use_a_link_up(running: Running, people: dict[str, int]) -> None:
    path = make(running, "anna", Purpose.SIGN_IN)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert Person(running).once("POST", f"{path}/sign-in", {}, **headers).status_code == 403
    assert Person(running).get(path).status == 200
