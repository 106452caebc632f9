# SPDX-License-Identifier: GPL-3.0-or-later
"""App passwords: made, shown once, ended one by one and all at once."""

from __future__ import annotations

import re

import pytest

from tests.server import fixtures
from tests.server.client import Client, D, basic
from tests.server.pages.browsers import SCRIPTS, Opened, axe
from tests.server.pages.people import Person
from tests.server.pages.showroom import BOTH, Showroom
from tests.server.running import Running

database = fixtures.sqlite_alone


def _password(html: str) -> str:
    found = re.search(r'id="password" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_a_password_is_shown_once_and_lets_a_calendar_app_in_until_it_ends(
    running: Running, people: dict[str, int]
) -> None:
    person = Person(running, "anna")
    page = person.do("/devices", "/devices", label="my <b>phone</b>")
    password = _password(page.html)
    assert "<b>phone" not in page.html
    client = Client(running.application, basic("anna", password))
    assert client.propfind("/dav/anna/", f"{D}displayname").status == 207
    page = person.get("/devices")
    assert password not in page.html
    assert "my <b>phone</b>" in page.text
    action = next(it.action for it in page.forms if it.action.endswith("/end"))
    assert "can no longer read your calendars" in person.submit(page, action).text
    assert client.propfind("/dav/anna/", f"{D}displayname").status == 401


def test_a_device_without_a_name_is_refused_beside_the_field(
    running: Running, people: dict[str, int]
) -> None:
    page = Person(running, "anna").do("/devices", "/devices", label="")
    assert (page.status, "Fill this in." in page.text) == (422, True)


def test_all_devices_end_at_once_and_those_of_others_stay(running: Running, people: dict[str, int]) -> None:
    person, other = Person(running, "anna"), Person(running, "bo")
    for label in ("phone", "tablet"):
        person.do("/devices", "/devices", label=label)
    other.do("/devices", "/devices", label="watch")
    page = person.do("/devices/end-all", "/devices/end-all")
    assert "2 devices can no longer read your calendars." in page.text
    assert "No device is connected yet." in page.text
    assert "watch" in other.get("/devices").text


def test_a_device_of_somebody_else_is_not_found(running: Running, people: dict[str, int]) -> None:
    page = Person(running, "bo").do("/devices", "/devices", label="watch")
    action = next(
        it.action for it in Person(running, "bo").get("/devices").forms if it.action.endswith("/end")
    )
    answer = Person(running, "anna").once("POST", action, {}, Sec_Fetch_Site="same-origin")
    assert answer.status_code == 404
    assert page.status == 200


@pytest.mark.parametrize("showroom", BOTH, indirect=True)
@SCRIPTS
def test_a_person_makes_and_ends_a_device(showroom: Showroom, opened: Opened, scripts: bool) -> None:
    page = opened(showroom, showroom.user(), path="/devices", scripts=scripts)
    page.fill("input[name=label]", "garden tablet")
    page.click("text=Make a password")
    assert page.inner_text("h1") == "The password for garden tablet"
    assert len(page.input_value("#password")) >= 20
    if scripts:
        axe(page)
        assert page.is_visible("button[data-copy=password]")
    page.click("text=Done")
    page.click("[aria-label='End: garden tablet']")
    assert page.inner_text("[role=status]") == "That device can no longer read your calendars."
