# SPDX-License-Identifier: GPL-3.0-or-later
"""One link: made, changed, shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.feeds import feeds
from scheduling.feeds.feeds import Feed
from scheduling.feeds.options import USUAL_KINDS, FeedOptions
from tests.server import fixtures
from tests.server.pages.areas.calendars.fetching import fetch
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone


@pytest.fixture
def person(running: Running, people: dict[str, int]) -> Person:
    return Person(running, "anna")


def stored(running: Running, feed_id: int) -> Feed:
    with running.database.read() as connection:
        return feeds.get(connection, feed_id, actor=SYSTEM)


def test_a_new_link_has_what_was_chosen_and_is_shown_at_once(person: Person) -> None:
    page = person.do(
        "/calendars/new",
        "/calendars/new",
        label="Google at home",
        kinds=["jobs", "time-off"],
        detail="busy",
        history_months="2",
        alarm_minutes="30",
        expires_at="2030-07-01T12:00",
    )
    feed_id = int(page.path.split("/")[2])
    assert page.path == f"/calendars/{feed_id}/link"
    assert "The link is made." in page.text
    address = page.html.partition('id="link-')[2].partition('value="')[2].partition('"')[0]
    assert fetch(person.running, address.rpartition("/")[2].removesuffix(".ics")) == 200
    found = stored(person.running, feed_id)
    assert (found.label, found.options) == (
        "Google at home",
        FeedOptions(
            kinds=("jobs", "time-off"),
            detail="busy",
            history_months=2,
            alarm_minutes=30,
            # Noon in Berlin in summer.
            expires_at=datetime(2030, 7, 1, 10, tzinfo=UTC),
        ),
    )


def test_the_form_offers_what_is_usual_and_restricted_kinds_only_to_who_may_read_them(person: Person) -> None:
    form = person.get("/calendars/new").form("/calendars/new")
    assert [value for name, value in form.fields if name == "kinds"] == list(USUAL_KINDS)
    assert form.value("detail") == "full"
    assert 'value="conflicts"' not in person.get("/calendars/new").html
    assert 'value="conflicts"' in Person(person.running, "dora").get("/calendars/new").html


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"label": ""}, "Fülle dieses Feld aus."),
        ({"label": "  "}, "Schreib in 1 bis 255 Zeichen, wofür der Link ist."),
        ({"kinds": []}, "Wähle mindestens 1 aus."),
        ({"history_months": "-1"}, "0"),
        ({"alarm_minutes": "soon"}, "ganze Zahl"),
        ({"expires_at": "2020-01-01T00:00"}, "Das Ende muss in der Zukunft liegen."),
        ({"expires_at": "5000-01-01T00:00"}, "Das Ende muss zwischen den Jahren 1971 und 2999 liegen."),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_typed_is_lost(
    person: Person, given: dict[str, str | list[str]], sentence: str
) -> None:
    german = Person(person.running, "anna", language="de")
    typed = {"label": "Zu Hause", "future_months": "7", **given}
    page = german.do("/calendars/new", "/calendars/new", **typed)
    assert page.status == 422
    (field,) = given
    wrong = page.html.partition(f'id="form-{field}-error">')[2].partition("<")[0]
    assert sentence in wrong
    form = page.form("/calendars/new")
    assert form.value("future_months") == "7"
    assert form.value("label") == typed["label"]
    with person.running.database.read() as connection:
        assert feeds.list_feeds(connection, actor=SYSTEM) == []


def test_a_link_is_changed_and_stays_the_same_link(person: Person) -> None:
    feed_id, token = person.running.feed("anna", "Phone")
    path = f"/calendars/{feed_id}"
    page = person.do(path, path, label="Tablet", kinds=["jobs"], future_months="3")
    assert page.path == path
    assert "Saved." in page.text
    assert "Shows: Jobs; everything about them; 3 months ahead." in page.text
    assert stored(person.running, feed_id).label == "Tablet"
    assert fetch(person.running, token) == 200
    page = person.do(path, path, future_months="")
    assert stored(person.running, feed_id).options.future_months is None


def test_an_expired_link_can_get_another_name_and_an_end_further_on(person: Person) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    feed_id, token = person.running.feed("anna", "Guest", FeedOptions(expires_at=soon.replace(second=7)))
    past = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with person.running.database.write() as connection:
        connection.exec_driver_sql("UPDATE feeds SET expires_at = '2026-01-02 03:04:05.000000'")
    path = f"/calendars/{feed_id}"
    assert "Expired on" in person.get("/calendars").text
    page = person.do(path, path, label="Visitor")
    assert page.status == 200
    assert (stored(person.running, feed_id).label, stored(person.running, feed_id).expires_at) == (
        "Visitor",
        past,
    )
    assert fetch(person.running, token) == 410
    person.do(path, path, expires_at="2031-01-01T00:00")
    assert fetch(person.running, token) == 200


def test_two_who_change_the_same_link_do_not_overwrite_each_other_unknowingly(person: Person) -> None:
    feed_id, _ = person.running.feed("anna", "Phone")
    path = f"/calendars/{feed_id}"
    old = person.get(path)
    person.do(path, path, label="First")
    page = person.submit(old, path, label="Second")
    assert page.status == 409
    assert "It was changed meanwhile." in page.text
    assert stored(person.running, feed_id).label == "First"
    person.submit(page, path)
    assert stored(person.running, feed_id).label == "Second"


def test_nobody_comes_near_the_links_of_others(person: Person) -> None:
    feed_id, token = person.running.feed("bo", "Of Bo")
    for rest in ("", "/link", "/replace", "/end"):
        page = person.get(f"/calendars/{feed_id}{rest}")
        assert page.status == 404
        assert "Of Bo" not in page.html
    for rest in ("", "/replace", "/end"):
        given = {"label": "Mine", "overlap_hours": "0"}
        assert person.once("POST", f"/calendars/{feed_id}{rest}", given).status_code == 404
    assert fetch(person.running, token) == 200
    for number in (10**30, 0):
        assert person.get(f"/calendars/{number}").status == 404


def test_a_long_link_says_that_google_ignores_it(configured: object, people: dict[str, int]) -> None:
    running: Running = configured(  # type: ignore[operator]
        {"server": {"public_url": f"https://{'a' * 60}.example.com"}}
    )
    feed_id, _ = running.feed("anna")
    page = Person(running, "anna", host=f"https://{'a' * 60}.example.com").get(f"/calendars/{feed_id}/link")
    assert "Google ignores links of more than 100" in page.text
