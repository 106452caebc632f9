# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends links: each page says first which apps stop."""

from __future__ import annotations

import re

import pytest

from tests.server import fixtures
from tests.server.pages.areas.calendars.fetching import GOOGLE, fetch
from tests.server.pages.people import Person, Seen
from tests.server.running import Running

database = fixtures.sqlite_alone


@pytest.fixture
def person(running: Running, people: dict[str, int]) -> Person:
    return Person(running, "anna")


def tokens(page: Seen) -> list[str]:
    return re.findall(r'value="http[^"]+/feeds/([^"]+)\.ics"', page.html)


def test_replacing_says_which_apps_stop_and_shows_the_new_link(person: Person) -> None:
    feed_id, old = person.running.feed("anna", "Phone")
    path = f"/calendars/{feed_id}/replace"
    assert "No app has fetched it yet, so nothing stops." in person.get(path).text
    fetch(person.running, old, GOOGLE)
    page = person.get(path)
    assert "These apps fetched it and will stop:" in page.text
    assert "Google Calendar" in page.text
    assert page.form(path).value("overlap_hours") == "0"
    page = person.submit(page, path)
    assert page.path == f"/calendars/{feed_id}/link"
    [new] = tokens(page)
    assert (fetch(person.running, old), fetch(person.running, new)) == (410, 200)


def test_an_overlap_lets_the_old_link_say_that_it_was_replaced(person: Person) -> None:
    feed_id, old = person.running.feed("anna", "Phone")
    path = f"/calendars/{feed_id}/replace"
    [new] = tokens(person.do(path, path, overlap_hours="24"))
    assert (fetch(person.running, old), fetch(person.running, new)) == (200, 200)
    page = person.do(path, path, overlap_hours="721")
    assert page.status == 422
    assert "Use 720 or less." in page.text


def test_the_usual_overlap_is_that_of_the_settings(configured: object, people: dict[str, int]) -> None:
    running: Running = configured({"feeds": {"overlap_hours": "50"}})  # type: ignore[operator]
    feed_id, _ = running.feed("anna")
    page = Person(running, "anna").get(f"/calendars/{feed_id}/replace")
    assert page.form(f"/calendars/{feed_id}/replace").value("overlap_hours") == "50"
    assert "For 50 hours" in page.text
    assert "For 7 days" in page.text


def test_an_ended_link_is_gone_and_has_no_pages_that_act(person: Person) -> None:
    feed_id, token = person.running.feed("anna", "Phone")
    fetch(person.running, token)
    path = f"/calendars/{feed_id}/end"
    assert "iPhone or iPad" in person.get(path).text
    page = person.do(path, path)
    assert page.path == "/calendars"
    assert "The link is ended" in page.text
    assert fetch(person.running, token) == 410
    for rest in ("/replace", "/end"):
        page = person.get(f"/calendars/{feed_id}{rest}")
        assert (page.status, "ended already" in page.text) == (410, True)
    page = person.get(f"/calendars/{feed_id}")
    assert "Ended on" in page.text
    assert {it.action for it in page.forms} == {"/sign-out", "/language"}
    page = person.get(f"/calendars/{feed_id}/link")
    assert (page.status, tokens(page)) == (200, [])


def test_resetting_says_what_stops_and_shows_every_new_link(person: Person) -> None:
    assert "You have no link yet." in person.get("/calendars/reset").text
    old = [person.running.feed("anna", name)[1] for name in ("One", "Two")]
    other = person.running.feed("bo")[1]
    fetch(person.running, old[0], GOOGLE)
    page = person.get("/calendars/reset")
    assert "Google Calendar" in page.text
    assert "One" in page.text
    page = person.submit(page, "/calendars/reset")
    assert page.path == "/calendars/links"
    assert "2 links are new." in page.text
    new = tokens(page)
    assert [fetch(person.running, it) for it in (*old, *new, other)] == [410, 410, 200, 200, 200]
