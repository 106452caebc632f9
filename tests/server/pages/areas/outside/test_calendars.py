# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars: looked at, added, fetched, paused, changed, judged, ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from server import background
from tests.server import fixtures
from tests.server.outside import FULL, PATH, CalendarServer, event, feed, server
from tests.server.pages.browsers import SCRIPTS, Opened, axe
from tests.server.pages.people import Person, Seen
from tests.server.pages.showroom import Showroom
from tests.server.running import Running, Sections

__all__ = ["server"]
database = fixtures.sqlite_alone
HOSTILE = feed(event("uid-1", "<script>alert(1)</script>"), event("uid-2", "Free", "TRANSP:TRANSPARENT\r\n"))


@pytest.fixture
def anna_outside(configured: Callable[[Sections], Running], people: dict[str, int]) -> Person:
    importer = {"allow_http": "yes", "allow_hosts": "127.0.0.1", "idle": "1s"}
    return Person(configured({"importer": importer, "subscriptions": {"sync_seconds": "0"}}), "anna")


def _added(person: Person, server: CalendarServer, body: bytes = FULL) -> Seen:
    url = server.says(PATH, 200, body)
    return person.do("/outside/add", "/outside/add", url=url, label="Family <b>", do="keep")


def _fetch(person: Person) -> None:
    with person.running.database.write() as connection:
        connection.execute(text("UPDATE subscriptions SET next_at = 0"))
    background.run(person.running.settings, once=True)


def test_a_calendar_is_looked_at_before_anything_is_kept(
    anna_outside: Person, server: CalendarServer
) -> None:
    url = server.says(PATH, 200, HOSTILE)
    page = anna_outside.do("/outside/add", "/outside/add", url=url, label="Family", do="look")
    assert page.status == 200
    assert "2 events were found." in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "<script>alert" not in page.html
    assert "blocks" in page.text
    assert "stays free" in page.text
    form = page.form("/outside/add")
    assert (form.value("url"), form.value("label")) == (url, "Family")
    assert "No outside calendar yet." in anna_outside.get("/outside").text


def test_a_calendar_is_added_read_and_its_address_never_shown_again(
    anna_outside: Person, server: CalendarServer
) -> None:
    page = _added(anna_outside, server)
    assert "It is fetched within a minute." in page.text
    _fetch(anna_outside)
    for path in ("/outside", "/outside/1"):
        page = anna_outside.get(path)
        assert "It was read" in page.text
        assert "Family <b>" in page.text
        assert "secret-4711" not in page.html
    assert "10 events were found, 0 of them left out." in page.text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": "ftp://calendar.example.com/a.ics"}, "URL of a calendar"),
        ({"url": "https://calendar.example.com/a.ics", "label": ""}, "Fill this in."),
        ({"url": "https://calendar.example.com/a.ics", "kind": "basic", "name": "anna"}, "Fill this in."),
        ({"url": "https://10.0.0.1/a.ics"}, "private"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(
    anna_outside: Person, given: dict[str, str], sentence: str
) -> None:
    page = anna_outside.do("/outside/add", "/outside/add", **{"label": "Family", "do": "keep", **given})
    assert page.status == 422
    assert sentence in page.text
    assert page.form("/outside/add").value("url") == given["url"]
    assert "No outside calendar yet." in anna_outside.get("/outside").text


def test_a_calendar_is_paused_fetched_changed_and_ended(anna_outside: Person, server: CalendarServer) -> None:
    _added(anna_outside, server)
    _fetch(anna_outside)
    assert "It is paused" in anna_outside.do("/outside", "/outside/1/pause").text
    assert "is fetched again" in anna_outside.do("/outside", "/outside/1/resume").text
    assert "A fetch is requested." in anna_outside.do("/outside", "/outside/1/sync").text
    page = anna_outside.do("/outside/1", "/outside/1", label="Club", busy="all")
    assert "The calendar was changed." in page.text
    assert "Club" in page.text
    assert page.form("/outside/1").value("busy") == "all"
    page = anna_outside.do("/outside/1", "/outside/1", kind="bearer", secret="", label="Lost")
    assert page.status == 422
    assert page.form("/outside/1").value("label") == "Lost"
    page = anna_outside.do("/outside/1/end", "/outside/1/end")
    assert "Its events still block." in page.text
    page = anna_outside.submit(page, "/outside/1/discard")
    assert "block no longer" in page.text


def test_a_doubted_state_is_shown_with_its_difference_and_accepted(
    anna_outside: Person, server: CalendarServer
) -> None:
    _added(anna_outside, server)
    _fetch(anna_outside)
    server.says(PATH, 200, feed(event("uid-0", "Private 0", day=1), event("new", "Other", day=2)))
    _fetch(anna_outside)
    page = anna_outside.get("/outside/1")
    assert "held back: it differs too much" in page.text
    path = next(it for it in page.links if "/states/" in it)
    page = anna_outside.get(path)
    assert page.text.count("goes") == 9
    assert "is added" in page.text
    page = anna_outside.submit(page, f"{path}/accept")
    assert "This state is shown now." in page.text
    path = next(it for it in page.links if "/states/" in it)
    page = anna_outside.do(path, f"{path}/roll-back")
    assert "The earlier state is shown again." in page.text


def test_a_calendar_of_somebody_else_is_not_found(anna_outside: Person, server: CalendarServer) -> None:
    _added(anna_outside, server)
    other = Person(anna_outside.running, "bo")
    for path in ("/outside/1", "/outside/1/end", "/outside/999"):
        assert other.get(path).status == 404
    for act in ("pause", "sync", "end", "states/1/accept"):
        answer = other.once("POST", f"/outside/1/{act}", {}, Sec_Fetch_Site="same-origin")
        assert answer.status_code in (404, 422)
    assert "It is fetched within a minute." in anna_outside.get("/outside").text


@SCRIPTS
def test_a_person_adds_a_calendar(showroom: Showroom, opened: Opened, scripts: bool) -> None:
    page = opened(showroom, showroom.user(), path="/outside/add", scripts=scripts)
    page.fill("input[name=url]", "https://10.0.0.1/private.ics")
    page.fill("input[name=label]", "Family")
    page.click("text=Add it")
    assert page.is_visible("[role=alert]")
    if scripts:
        axe(page)
    assert page.input_value("input[name=label]") == "Family"
    page.fill("input[name=url]", "https://calendar.example.com/private.ics")
    page.click("text=Add it")
    assert page.inner_text("[role=status]") == "The calendar is added. It is read within a minute."
