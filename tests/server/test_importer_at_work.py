# SPDX-License-Identifier: GPL-3.0-or-later
"""What an importer at work makes of availability and conflicts: staleness, requests that wait for it, conflicts within
one cycle.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import Dispatch
from tests.server.api.calls import Reply
from tests.server.api.conftest import api_of
from tests.server.outside import BASE, PATH, Case, case, day, event, feed, server, subscribed

__all__ = ["case", "server"]


def availability(case: Case, offset: int, more: str = "", **headers: str) -> Reply:
    """From 9 to 10 o'clock UTC, so many days from today."""
    span = f"start={day(offset)}T09:00:00Z&end={day(offset)}T10:00:00Z{more}"
    return case.api.get(f"/users/anna/availability?{span}", **headers)


def hours(reply: Reply, name: str) -> list[str]:
    return [f"{it['starts_at'][11:16]}-{it['ends_at'][11:16]}" for it in reply.json[name]]


def age(case: Case, seconds: int) -> None:
    """As if everything had been read so long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    statement = text(
        "UPDATE subscriptions SET last_success_at = :moment, last_attempt_at = :moment, next_at = :later"
    )
    with case.running.database.write() as connection:
        later = int(datetime.now(UTC).timestamp()) + 900
        connection.execute(statement, {"moment": f"{moment:%Y-%m-%d %H:%M:%S}+00:00", "later": later})


def test_a_request_says_how_old_a_source_may_be(case: Case) -> None:
    number = subscribed(case, feed(event("a", "Gym")))
    age(case, 600)
    [source] = [it for it in availability(case, 4).json["sources"] if it["calendar"] == f"external-{number}"]
    read = datetime.fromisoformat(source["as_of"])
    assert timedelta(seconds=590) < datetime.now(UTC) - read < timedelta(seconds=1200)
    for limit, unknown, free in (("", [], ["09:00-10:00"]), ("&max_staleness=300", ["09:00-10:00"], [])):
        found = availability(case, 4, limit)
        assert (hours(found, "unknown"), hours(found, "free")) == (unknown, free)
    stale = availability(case, 3, "&max_staleness=300")
    assert (hours(stale, "busy"), hours(stale, "unknown")) == (["09:00-10:00"], []), "what is known blocks"
    at = f"{day(4)}T09:30:00Z"
    assert case.api.get(f"/users/anna/availability/explain?at={at}").json["effect"] == "free"
    slots = f"/availability/slots?start={day(4)}T09:00:00Z&end={day(4)}T10:00:00Z&length=60&user=anna"
    everybody = api_of(case.running)
    assert len(everybody.get(slots).json["slots"]) == 1
    assert everybody.get(f"{slots}&max_staleness=300").json["slots"] == []
    assert len(everybody.get(f"{slots}&max_staleness=300&allow=unknown").json["slots"]) == 1
    age(case, 4000)
    assert hours(availability(case, 4), "unknown") == ["09:00-10:00"], "an hour is the default"
    assert case.api.get(f"/users/anna/availability/explain?at={at}").json["rule"] == "source-stale"


def test_a_request_waits_for_the_importer(case: Case) -> None:
    subscribed(case, feed(event("a", "Gym")))
    case.server.says(PATH, 200, feed(event("a", "Gym"), event("b", "Dentist", day=4)))
    age(case, 600)
    with case.daemon():
        fresh = availability(case, 4, "&max_staleness=300", Prefer="wait=60")
        assert fresh.headers["preference-applied"] == "wait=60"
        assert (hours(fresh, "busy"), hours(fresh, "unknown")) == (["09:00-10:00"], [])
        fetches = len(case.server.requests)
        assert (
            availability(case, 4, "&max_staleness=300", Prefer="wait=60").headers.get("preference-applied")
            is None
        )
        arrived = threading.Event()

        def hang(_handler: BaseHTTPRequestHandler) -> None:
            arrived.set()
            case.server.released.wait(60)

        case.server.answers[PATH] = hang
        age(case, 600)
        late = availability(case, 5, "&max_staleness=300", Prefer="wait=1")
        assert late.headers["preference-applied"] == "wait=1"
        assert (hours(late, "free"), hours(late, "unknown")) == ([], ["09:00-10:00"]), (
            "nothing is free by waiting"
        )
        assert hours(availability(case, 4, "&max_staleness=300"), "busy") == ["09:00-10:00"]
        assert arrived.wait(60)
    assert len(case.server.requests) == fetches + 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_be_left_alone_is_whoever_wants_to_know(case: Case, status: int) -> None:
    number = subscribed(case, feed(event("a", "Gym")))
    case.server.says(PATH, status, retry_after="3000")
    case.sync(number)
    fetches = len(case.server.requests)
    assert case.api.post(f"{BASE}/{number}/sync").status == 202
    case.fetch()
    asked = case.api.get(f"{BASE}/{number}").json
    assert asked["sync"]["state"] == "queued"
    left = datetime.fromisoformat(asked["next_at"]) - datetime.now(UTC)
    assert timedelta(seconds=2900) < left <= timedelta(seconds=3000)
    age(case, 600)
    stale = availability(case, 3, "&max_staleness=300", Prefer="wait=60")
    assert stale.headers.get("preference-applied") is None
    case.fetch()
    assert len(case.server.requests) == fetches
    case.server.says(PATH, 200, feed(event("a", "Gym")))
    case.sync(number)
    assert case.api.post(f"{BASE}/{number}/sync").status == 202
    assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "queued"


@pytest.fixture
def job(case: Case, people: dict[str, int], dispatch: Dispatch) -> int:
    """A job of anna's at the time of the imported events."""
    period = {"starts_at": f"{day(3)} 09:30:00+00:00", "ends_at": f"{day(3)} 11:00:00+00:00"}
    return dispatch.job(people["anna"], **period)


def stored(dispatch: Dispatch) -> list[tuple[Any, ...]]:
    """The conflicts in the database; whoever asks the API would have them looked for."""
    return [tuple(row) for row in dispatch.execute("SELECT status, reason FROM conflicts ORDER BY id")]


def test_a_conflict_with_an_imported_event_is_open_within_one_cycle(
    case: Case, dispatch: Dispatch, job: int
) -> None:
    number = subscribed(case, feed(event("a", "Gym"), event("b", "Later", day=5)))
    assert stored(dispatch) == [("open", None)]
    [conflict] = api_of(case.running).get("/conflicts").json["conflicts"]
    assert (conflict["job"]["id"], conflict["user"]) == (job, "anna")
    assert conflict["starts_at"] == f"{day(3)}T09:30:00Z"
    assert "Gym" not in str(conflict), "others see imported events as busy"
    case.server.says(PATH, 200, feed(event("a", "Gym", day=4), event("b", "Later", day=5)))
    case.sync(number)
    assert [it[0] for it in stored(dispatch)] == ["resolved"]
    case.server.says(PATH, 200, feed(event("a", "Gym"), event("b", "Later", day=5)))
    case.sync(number)
    assert "open" in [it[0] for it in stored(dispatch)]
    assert case.api.delete(f"{BASE}/{number}?events=delete").status == 204
    case.fetch()
    assert {it[0] for it in stored(dispatch)} == {"resolved"}


def test_a_claim_sees_what_was_imported_meanwhile(case: Case) -> None:
    number = subscribed(case, feed(event("a", "Gym")))
    full = api_of(case.running)
    span = f"start={day(4)}T08:00:00Z&end={day(4)}T12:00:00Z"
    seen = full.get(f"/users/anna/availability?{span}").headers["etag"]
    body = {"users": ["anna"], "starts_at": f"{day(4)}T09:30:00Z", "ends_at": f"{day(4)}T11:00:00Z"}
    case.sync(number)
    assert full.get(f"/users/anna/availability?{span}").headers["etag"] == seen, (
        "it was read again and says the same"
    )
    case.server.says(PATH, 200, feed(event("a", "Gym"), event("b", "Dentist", day=4)))
    case.sync(number)
    refused = full.post("/claims", {**body, "job": {"reference": "C-1"}}, If_Match=seen)
    assert refused.status == 412
    [obstacle] = refused.json["conflicts"]
    assert (obstacle["starts_at"], obstacle["ends_at"]) == (f"{day(4)}T09:30:00Z", f"{day(4)}T10:00:00Z")
    assert "Dentist" not in str(refused)
    later = {**body, "starts_at": f"{day(4)}T10:00:00Z", "job": {"reference": "C-1"}}
    assert full.post("/claims", later, If_Match=refused.headers["etag"]).status == 201


def test_conflicts_of_any_number_of_users_are_open_within_one_cycle(case: Case, dispatch: Dispatch) -> None:
    period = {"starts_at": f"{day(3)} 09:30:00+00:00", "ends_at": f"{day(3)} 11:00:00+00:00"}
    with dispatch.transaction():
        everybody = [dispatch.user(f"crew-{number}") for number in range(110)]
        for user in everybody:
            dispatch.job(user, **period)
            dispatch.blocker(user, **period)
    case.fetch()
    assert stored(dispatch) == [("open", None)] * len(everybody)
    with dispatch.transaction():
        dispatch.execute("DELETE FROM blockers")
    case.fetch()
    assert stored(dispatch) == [("resolved", "gone")] * len(everybody)
