# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing only when one is busy, with one click."""

from __future__ import annotations

import re

import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone


@pytest.fixture
def person(running: Running, people: dict[str, int], dispatch: Dispatch) -> Person:
    dispatch.job(people["anna"], reference="Secret job")
    return Person(running, "anna")


def test_one_click_makes_a_link_that_shows_times_only(person: Person) -> None:
    page = person.do("/calendars", "/calendars/busy")
    assert page.path.endswith("/link")
    assert "only when you are busy" in page.text
    [token] = re.findall(r'value="http[^"]+/feeds/([^"]+)\.ics"', page.html)
    text = person.running.client().get(f"/feeds/{token}.ics").text
    assert "SUMMARY:Busy" in text
    assert "Secret job" not in text
    assert "You share it already: When I am busy" in person.get("/calendars").text


def test_the_free_busy_link_is_made_shown_renewed_and_ended(person: Person) -> None:
    nobody = person.running.client()
    page = person.do("/calendars", "/calendars/free-busy")
    assert page.path == "/calendars/free-busy"
    [first] = re.findall(r'value="http[^"]+(/freebusy/[^"]+)"', page.html)
    answer = nobody.get(first)
    assert (answer.status, "VFREEBUSY" in answer.text, "Secret job" in answer.text) == (200, True, False)
    assert first in person.get("/calendars/free-busy").html
    assert first not in person.get("/calendars").html
    page = person.submit(page, "/calendars/free-busy")
    [second] = re.findall(r'value="http[^"]+(/freebusy/[^"]+)"', page.html)
    assert (nobody.get(first).status, nobody.get(second).status) == (404, 200)
    page = person.submit(page, "/calendars/free-busy/end")
    assert "The free-busy link is ended." in page.text
    assert nobody.get(second).status == 404
    again = person.once("POST", "/calendars/free-busy/end", {})
    assert again.status_code == 303
