# SPDX-License-Identifier: GPL-3.0-or-later
"""REST, free-busy-query, the free-busy link and the command's function give one answer, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest
from sqlalchemy import insert

from scheduling.availability import hours
from scheduling.availability.hours import Working
from scheduling.database import Database
from scheduling.models import Subscription
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import api_of
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
    found: Any = component.get("FREEBUSY", [])
    parts = []
    for it in found if isinstance(found, list) else [found]:
        start, _, end = it.to_ical().decode().partition("/")
        parts.append((start, end, str(it.params.get("X-DAYSHEET-STATE", it.params["FBTYPE"]))))
    return sorted(parts)


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
        hours.store(connection, anna, [Working(weekday=day, starts=480, ends=1020) for day in range(5)])
        if stale:
            values = {"label": "x", "host": "x", "encrypted_url": b"", "next_at": 0}
            created = datetime.now(UTC)
            connection.execute(insert(Subscription).values(user_id=anna, created_at=created, **values))
    rest = api.get("/users/anna/availability?start=2027-03-10T00:00:00Z&end=2027-03-12T00:00:00Z")
    expected = of_rest(rest.json)
    assert {kind for *_, kind in expected} >= {"BUSY", "BUSY-UNAVAILABLE", "OUTSIDE-HOURS"}
    assert ("UNKNOWN" in {kind for *_, kind in expected}) == stale
    report = running.client("anna").report(
        "/dav/anna/",
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        f'<C:time-range start="{START}" end="{END}"/></C:free-busy-query>',
    )
    assert of_calendar(report.text) == expected
    link = api.post("/users/anna/free-busy-link").json["url"]
    path = link[link.index("/freebusy/") :]
    plain = running.client().request("GET", f"{path}?start={START}&end={END}")
    assert (plain.status, plain.headers["content-type"][:13]) == (200, "text/calendar")
    assert of_calendar(plain.text) == expected
    assert "Dentist" not in plain.text
    again = running.client().request(
        "GET", f"{path}?start={START}&end={END}", If_None_Match=plain.headers["etag"]
    )
    assert again.status == 304


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
