# SPDX-License-Identifier: GPL-3.0-or-later
"""My calendars: addresses, links, who fetched them, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from scheduling.access.permissions import SYSTEM, Permission
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.pages.areas.calendars.fetching import GOOGLE, fetch
from tests.server.pages.people import Person, begin
from tests.server.running import Running

database = fixtures.sqlite_alone
LARGEST = 95_000
"""Octets of the page with all it loads, uncompressed."""


@pytest.fixture
def person(running: Running, people: dict[str, int], dispatch: Dispatch) -> Person:
    dispatch.job(people["anna"])
    return Person(running, "anna")


def test_the_address_of_the_account_and_of_each_calendar_is_there_to_copy(person: Person) -> None:
    page = person.get("/calendars")
    for address in ("/dav/", "/dav/anna/jobs/", "/dav/anna/time-off/"):
        assert f'value="{person.running.settings.url(address)}"' in page.html
    assert "You have no link yet." in page.text
    assert "“Subscribe” does not take the account address" in page.text


def test_links_are_shown_only_when_asked_for_and_that_is_noted(person: Person) -> None:
    running = person.running
    feed_id, token = running.feed("anna", "Phone")
    running.feed("bo", "Of somebody else")
    page = person.get("/calendars")
    assert "Phone" in page.text
    assert token not in page.html
    page = person.get("/calendars/links")
    url = running.settings.url(f"/feeds/{token}.ics")
    webcal = url.replace("http:", "webcal:", 1)
    assert f'value="{url}"' in page.html
    assert webcal in page.links
    assert any(it.startswith("https://outlook.live.com/calendar/0/addfromweb?url=http") for it in page.links)
    assert any(it.startswith("https://outlook.office.com/calendar/0/addfromweb?") for it in page.links)
    assert "https://calendar.google.com/calendar/r/settings/addbyurl" in page.links
    assert 'src="data:image/svg+xml' in page.html
    assert "Of somebody else" not in page.text
    with running.database.read() as connection:
        noted = connection.exec_driver_sql(
            "SELECT subject, actor FROM audit_log WHERE action = 'feed.show'"
        ).all()
    assert [tuple(it) for it in noted] == [(f"feed:{feed_id}", "anna")]


def test_links_are_shown_only_to_who_has_typed_the_password_lately(person: Person) -> None:
    running = person.running
    feed_id, _ = running.feed("anna")
    late = Person(running)
    late.keep(begin(running, "anna", at=datetime.now(UTC) - timedelta(hours=1)))
    for path in ("/calendars/links", f"/calendars/{feed_id}/link", "/calendars/free-busy", "/calendars/new"):
        assert late.get(path).path.startswith("/confirm?next=")
    answer = late.once("POST", "/calendars/busy", {})
    assert answer.status_code == 403
    assert "Confirm that it is you" in answer.text
    assert late.get("/calendars").path == "/calendars"


def test_each_link_tells_which_app_fetched_it_and_whether_it_has_everything(
    person: Person, people: dict[str, int], dispatch: Dispatch
) -> None:
    feed_id, token = person.running.feed("anna", "Shared")
    assert "No app has fetched it yet." in person.get("/calendars").text
    assert fetch(person.running, token) == 200
    assert fetch(person.running, token, GOOGLE) == 200
    page = person.get("/calendars")
    assert "iPhone or iPad : asked" in page.text
    assert page.text.count("has everything") == 2
    assert "fetches every 4 to 24 hours" in page.text
    dispatch.job(people["anna"], reference="J-2")
    page = person.get(f"/calendars/{feed_id}")
    assert page.text.count("lacks what changed since") == 2
    assert "has everything" not in page.text


def test_whose_calendars_are_switched_off_is_told(
    person: Person, configured: Callable[[Mapping[str, Mapping[str, str]]], Running]
) -> None:
    assert "switched off" not in person.get("/calendars").text
    off = Person(configured({"calendars": {"enabled": "no"}}), "anna")
    assert "Your calendars are switched off at the moment" in off.get("/calendars").text


def test_who_may_only_look_is_offered_nothing_else(person: Person, dispatch: Dispatch) -> None:
    feed_id, token = person.running.feed("anna", "Phone")
    dispatch.execute(
        "DELETE FROM role_permissions WHERE role = 'member' AND permission = :name",
        name=str(Permission.FEEDS_CREATE_OWN),
    )
    for path in ("/calendars", f"/calendars/{feed_id}"):
        page = person.get(path)
        assert "Phone" in page.text
        assert {it.action for it in page.forms} == {"/sign-out", "/language"}
    assert token in person.get(f"/calendars/{feed_id}/link").html
    assert person.get(f"/calendars/{feed_id}/replace").status == 403
    assert person.once("POST", f"/calendars/{feed_id}/end", {}).status_code == 403


def test_what_people_call_their_links_stays_text(person: Person) -> None:
    label = "<script>alert(1)</script>\"'<b>"
    feed_id, token = person.running.feed("anna", label)
    fetch(person.running, token)
    paths = (
        "",
        "/links",
        f"/{feed_id}",
        f"/{feed_id}/link",
        f"/{feed_id}/replace",
        f"/{feed_id}/end",
        "/reset",
    )
    for path in paths:
        html = person.get(f"/calendars{path}").html
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "<b>" not in html


Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.mark.parametrize("path", ["/calendars", "/calendars/links", "/calendars/reset"])
def test_many_links_cost_as_many_statements_as_two(
    person: Person, people: dict[str, int], dispatch: Dispatch, statements: Statements, path: str
) -> None:
    def count() -> int:
        person.get(path)
        with statements(person.running.database) as seen:
            page = person.get(path)
        assert page.status == 200
        return len(seen)

    for number in range(2):
        fetch(person.running, person.running.feed("anna", f"First {number}")[1])
    dispatch.job(people["anna"])
    few = count()
    for number in range(18):
        fetch(person.running, person.running.feed("anna", f"More {number}")[1], GOOGLE)
    dispatch.job(people["anna"])
    assert count() == few <= 30


def test_many_links_are_paged_and_ended_ones_are_apart(person: Person, dispatch: Dispatch) -> None:
    ids = [person.running.feed("anna", f"Link {number:02}")[0] for number in range(21)]
    dispatch.update("feeds", ids[0], revoked_at="2026-11-01 10:00:00.000000")
    first, second = person.get("/calendars"), person.get("/calendars?page=2")
    assert "Page 1 of 2" in first.text
    assert [f"Link {it:02}" in first.text for it in (20, 11, 10, 1)] == [True, True, False, False]
    assert [f"Link {it:02}" in second.text for it in (20, 11, 10, 1)] == [False, False, True, True]
    assert "Link 00: ended on" in first.text
    for odd in ("0", "-1", "99", "x"):
        assert person.get(f"/calendars?page={odd}").status == 200


def test_a_full_page_with_its_pictures_is_light(
    person: Person, people: dict[str, int], dispatch: Dispatch
) -> None:
    for number in range(40):
        feed_id, token = person.running.feed("anna", f"{number} {'ä' * 40}")
        if number >= 30:
            fetch(person.running, token, GOOGLE)
            fetch(person.running, token)
        else:
            dispatch.update("feeds", feed_id, revoked_at="2026-11-01 10:00:00.000000")
    keyring = person.running.settings.keyring()
    with person.running.database.write() as connection:
        for number in range(40):
            url = f"https://calendar.example.com/{number}.ics"
            subscriptions.add(connection, keyring, people["anna"], url, f"Calendar {number}", actor=SYSTEM)
    page = person.get("/calendars/links")
    assert page.html.count("data:image/svg+xml") == 10
    assert "and 13 more" in page.text  # calendars: 30 of 43 are named
    loaded = sum(len(person.http.get(it).content) for it in set(re.findall(r'"(/static/[^"]+)"', page.html)))
    assert len(page.html.encode()) + loaded <= LARGEST


def test_it_is_all_in_german_too(person: Person) -> None:
    person.running.feed("anna", "Phone")
    page = Person(person.running, "anna", language="de").get("/calendars")
    assert "Meine Kalender" in page.text
    assert "Links zum Abonnieren" in page.text
    assert "Zeigt: Aufträge, Gesperrte Zeiten, Abwesenheiten, Externe Kalender" in page.text
