# SPDX-License-Identifier: GPL-3.0-or-later
"""REST, free-busy-query, the scheduling outbox and the free-busy link give one answer, on both databases."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from scheduling.access.permissions import SYSTEM
from scheduling.availability import hours
from scheduling.availability.hours import Working
from scheduling.database.connection import Database
from scheduling.models import Subscription
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import api_of
from tests.server.dav.scheduling_messages import periods, post, replies, request
from tests.server.fixtures import configured, people, running
from tests.server.running import Running

__all__ = ["configured", "people", "running"]

START, END = "20270310T000000Z", "20270312T000000Z"
Parts = list[tuple[str, str, str]]


@pytest.fixture
def api(running: Running, people: dict[str, int]) -> Api:
    return api_of(running)


def of_rest(body: dict[str, Any]) -> Parts:
    """What is not free, with times as iCalendar writes them."""
    kinds = {"outside_hours": "OUTSIDE-HOURS", "unknown": "UNKNOWN"}
    found = [(it, it["type"]) for it in body["busy"]]
    found += [(it, kind) for name, kind in kinds.items() for it in body[name]]
    return sorted((_compact(it["starts_at"]), _compact(it["ends_at"]), kind) for it, kind in found)


def of_calendar(text: str) -> Parts:
    (component,) = icalendar.Calendar.from_ical(text).walk("VFREEBUSY")
    return sorted(periods(component))


def everywhere(running: Running, api: Api, username: str, email: str) -> dict[str, Parts]:
    """What is not free, by whom it was asked: REST, and the calendars of free-busy-query, link and outboxes."""
    start, end = "2027-03-10T00:00:00Z", "2027-03-12T00:00:00Z"
    client = running.client(username)
    found = {"REST": of_rest(api.get(f"/users/{username}/availability?start={start}&end={end}").json)}
    report = client.report(
        f"/dav/{username}/",
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        f'<C:time-range start="{START}" end="{END}"/></C:free-busy-query>',
    )
    found["free-busy-query"] = of_calendar(report.text)
    link = api.post(f"/users/{username}/free-busy-link").json["url"]
    path = link[link.index("/freebusy/") :]
    plain = running.client().request("GET", f"{path}?start={START}&end={END}")
    found["link"] = of_calendar(plain.text)
    for asker in (username, "dora"):
        organizer = f"/dav/{asker}/"
        message = request(organizer, email, start=START, end=END)
        (reply,) = replies(post(running.client(asker), f"{organizer}outbox/", message)).values()
        assert reply.status == "2.0;Success"
        found[f"outbox of {asker}"] = sorted(reply.parts)
    return found


def _compact(moment: str) -> str:
    return moment.replace("-", "").replace(":", "")


@pytest.mark.parametrize("stale", [False, True])
def test_every_format_gives_the_same_answer(
    api: Api,
    running: Running,
    database: Database,
    dispatch: Dispatch,
    people: dict[str, int],
    stale: bool,
) -> None:
    anna = people["anna"]
    dispatch.job(anna, starts_at="2027-03-10 09:00:00+00:00", ends_at="2027-03-10 11:00:00+00:00")
    dispatch.blocker(
        anna,
        rrule="FREQ=DAILY",
        starts_at="2027-03-01 12:00:00+00:00",
        ends_at="2027-03-01 12:30:00+00:00",
    )
    dispatch.time_off(anna, start_date="2027-03-11", end_date="2027-03-12")
    with database.write() as connection:
        hours.store(
            connection, anna, [Working(weekday=day, starts=480, ends=1020) for day in range(5)], actor=SYSTEM
        )
        if stale:
            values = {"label": "x", "host": "x", "encrypted_url": b"", "next_at": 0}
            created = datetime.now(UTC)
            connection.execute(insert(Subscription).values(user_id=anna, created_at=created, **values))
    rest = api.get("/users/anna/availability?start=2027-03-10T00:00:00Z&end=2027-03-12T00:00:00Z")
    expected = of_rest(rest.json)
    assert {kind for *_, kind in expected} >= {"BUSY", "BUSY-UNAVAILABLE", "OUTSIDE-HOURS"}
    assert ("UNKNOWN" in {kind for *_, kind in expected}) == stale
    found = everywhere(running, api, "anna", "mailto:anna@example.com")
    assert found == dict.fromkeys(found, expected)
    link = api.post("/users/anna/free-busy-link").json["url"]
    path = link[link.index("/freebusy/") :]
    plain = running.client().request("GET", f"{path}?start={START}&end={END}")
    assert (plain.status, plain.headers["content-type"][:13]) == (200, "text/calendar")
    assert of_calendar(plain.text) == expected
    assert "Dentist" not in plain.text
    # The DTSTAMP is that of the answer, so the tag is no strong one (RFC 9110, section 8.8.1).
    assert plain.headers["etag"].startswith('W/"')
    again = running.client().request(
        "GET", f"{path}?start={START}&end={END}", If_None_Match=plain.headers["etag"]
    )
    assert again.status == 304


_quarters = st.tuples(st.integers(0, 4 * 47), st.integers(1, 30))
"""When something begins in the range, in quarters of an hour, and how many of them it takes."""
_names = itertools.count(1)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    jobs=st.lists(
        st.tuples(_quarters, st.sampled_from(["offered", "confirmed", "paid", "cancelled"])), max_size=4
    ),
    blockers=st.lists(st.tuples(_quarters, st.booleans()), max_size=3),
    time_off=st.lists(st.tuples(_quarters, st.sampled_from(["approved", "requested"])), max_size=2),
    working=st.lists(st.integers(0, 6), max_size=4, unique=True),
    read_ago=st.lists(st.sampled_from([None, 600, 7200]), max_size=2),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
)
def test_generated_schedules_have_one_answer(
    api: Api,
    running: Running,
    dispatch: Dispatch,
    *,
    jobs: list[tuple[tuple[int, int], str]],
    blockers: list[tuple[tuple[int, int], bool]],
    time_off: list[tuple[tuple[int, int], str]],
    working: list[int],
    read_ago: list[int | None],
    zone: str,
) -> None:
    """Also with outside calendars that were never read, or longer ago than the hour that is allowed."""
    username = f"user-{next(_names)}"
    user = dispatch.user(username, email=f"{username}@example.com", time_zone=zone)
    for when, status in jobs:
        dispatch.job(user, status=status, **_columns(*when))
    for when, daily in blockers:
        dispatch.blocker(user, rrule="FREQ=DAILY" if daily else None, **_columns(*when))
    for when, status in time_off:
        dispatch.time_off(user, status=status, **_columns(*when))
    now = datetime.now(UTC)
    with running.database.write() as connection:
        hours.store(
            connection, user, [Working(weekday=it, starts=480, ends=1020) for it in working], actor=SYSTEM
        )
        for ago in read_ago:
            read = None if ago is None else now - timedelta(seconds=ago)
            values = {"label": "x", "host": "x", "encrypted_url": b"", "next_at": 0, "last_success_at": read}
            connection.execute(insert(Subscription).values(user_id=user, created_at=now, **values))
    found = everywhere(running, api, username, f"mailto:{username}@example.com")
    assert found == dict.fromkeys(found, found["REST"])
    is_unknown = any(kind == "UNKNOWN" for *_, kind in found["REST"])
    assert is_unknown or not {None, 7200}.intersection(read_ago) or _fills(found["REST"])


def _columns(quarter: int, count: int) -> dict[str, str]:
    start = datetime(2027, 3, 10, tzinfo=UTC) + timedelta(minutes=15 * quarter)
    return {"starts_at": str(start), "ends_at": str(start + timedelta(minutes=15 * count))}


def _fills(parts: Parts) -> bool:
    """Whether the parts leave nothing of the range."""
    return [START, *(it[1] for it in parts)] == [*(it[0] for it in parts), END]


def test_a_link_has_one_life(api: Api, running: Running, people: dict[str, int]) -> None:
    address = "/users/anna/free-busy-link"
    assert api.get(address).status == 404
    first = api.post(address).json["url"]
    assert api.get(address).json["url"] == first

    def status(url: str, query: str = "") -> int:
        path = url[url.index("/freebusy/") :]
        return running.client().request("GET", path + query).status

    assert [status(first, it) for it in ("", "?period=P2W", "?start=20270101T000000Z&period=P1D")] == [
        200
    ] * 3
    assert [status(first, it) for it in ("?period=x", "?start=x", "?period=P9999W", "?end=1990-01-01")] == [
        400
    ] * 4
    second = api.post(address).json["url"]
    assert (status(first), status(second)) == (404, 200)
    api.patch("/users/anna", {"calendar_access": False})
    assert status(second) == 404
    api.patch("/users/anna", {"calendar_access": True})
    feed = running.feed("anna")[1]
    assert status(f"/freebusy/{feed}.ifb") == 404
    assert api.delete(address).status == 204
    assert (status(second), api.delete(address).status) == (404, 404)
