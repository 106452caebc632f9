# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in and out: the cookie, the answers to strangers, with and without scripts."""

from __future__ import annotations

import pytest

from tests.server import fixtures
from tests.server.pages.browsers import SCRIPTS, Opened, axe
from tests.server.pages.people import Person, begin
from tests.server.pages.showroom import BOTH, PASSWORD, Showroom
from tests.server.running import Running

database = fixtures.sqlite_alone


@pytest.fixture
def known(running: Running, people: dict[str, int]) -> Running:
    running.set_password("anna", PASSWORD)
    return running


@pytest.mark.parametrize("showroom", BOTH, indirect=True)
@SCRIPTS
def test_a_person_signs_in_is_led_on_and_signs_out(showroom: Showroom, opened: Opened, scripts: bool) -> None:
    page = opened(showroom, path="/account/sessions", scripts=scripts)
    assert page.inner_text("h1") == "Sign in"
    page.fill("input[name=name]", "MEMBER")
    page.fill("input[name=password]", "wrong")
    page.click("main button")
    assert "The name or the password is wrong." in page.inner_text("[role=alert]")
    assert page.input_value("input[name=name]") == "MEMBER"
    if scripts:
        axe(page)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    assert page.url == f"{showroom.url}/account/sessions"
    page.click("text=Sign out >> nth=0")
    assert page.inner_text("[role=status]") == "You are signed out."
    page.goto("/account")
    assert page.inner_text("h1") == "Sign in"


def test_the_cookie_is_strict_over_https_and_plain_on_loopback(known: Running) -> None:
    given = {"name": "anna", "password": PASSWORD}
    secure = Person(known, host="https://calendar.example.com").once("POST", "/sign-in", given)
    (cookie,) = secure.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-daysheet=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie.split("; ")
    assert "Domain" not in cookie
    (cookie,) = Person(known).once("POST", "/sign-in", given).headers.get_list("set-cookie")
    assert cookie.startswith("daysheet=")
    assert "Secure" not in cookie


def test_a_cookie_without_its_prefix_does_not_count_over_https(known: Running) -> None:
    person = Person(known, host="https://calendar.example.com")
    person.keep(begin(known, "anna"), "daysheet")
    assert person.get("/account").path.startswith("/sign-in")


def test_the_token_is_new_at_each_sign_in_and_a_planted_one_never_counts(known: Running) -> None:
    person = Person(known)
    person.keep("planted")
    page = person.do("/sign-in", "/sign-in", name="anna", password=PASSWORD)
    assert page.status == 200
    first = person.http.cookies["daysheet"]
    assert first != "planted"
    answer = person.once("POST", "/sign-in", {"name": "anna", "password": PASSWORD})
    second = answer.cookies["daysheet"]
    assert second not in ("planted", first)
    other = Person(known)
    other.keep(first)
    assert other.get("/account").path.startswith("/sign-in")


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "wrong"), ("nobody", PASSWORD), ("bo", PASSWORD), ("anna\x00", PASSWORD), ("a" * 1000, "x")],
)
def test_wrong_names_and_passwords_get_one_answer(known: Running, name: str, password: str) -> None:
    page = Person(known).do("/sign-in", "/sign-in", name=name, password=password)
    assert page.status == 422
    assert "The name or the password is wrong." in page.text
    assert "daysheet" not in page.headers.get("set-cookie", "")


def test_an_app_password_does_not_sign_in(known: Running) -> None:
    page = Person(known).do("/sign-in", "/sign-in", name="anna", password=known.password("anna"))
    assert "The name or the password is wrong." in page.text


def test_too_many_attempts_are_429_in_the_form_and_lose_nothing(known: Running) -> None:
    person = Person(known)
    for _ in range(20):
        page = person.do("/sign-in", "/sign-in", name="anna", password="wrong")
        if page.status != 422:
            break
    assert page.status == 429
    assert int(page.headers["retry-after"]) >= 1
    assert "seconds, then try again" in page.text
    assert page.form("/sign-in").value("name") == "anna"


def test_a_forwarded_scheme_of_a_stranger_is_not_believed(known: Running) -> None:
    given = {"name": "anna", "password": PASSWORD}
    answer = Person(known).once(
        "POST", "/sign-in", given, X_Forwarded_Proto="https", X_Forwarded_Host="evil.example"
    )
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("daysheet=")
    answer = Person(known).once(
        "POST", "/sign-in", given, X_Forwarded_Host="evil.example", Origin="http://evil.example"
    )
    assert answer.status_code == 403
