# SPDX-License-Identifier: GPL-3.0-or-later
"""/availability over HTTP, on both databases: what is shown to whom, versions, slots, and waiting for sources."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, update

from scheduling.access.permissions import Permission
from scheduling.calendars.catch_up import create_calendar
from scheduling.database.connection import Database
from scheduling.models import Subscription
from scheduling.subscriptions.record import slug_of
from server.api.availability import questions
from tests.factories import Dispatch
from tests.server.api.calls import Api, Reply
from tests.server.api.conftest import Keys

DAY = "start=2027-03-10T08:00:00Z&end=2027-03-10T18:00:00Z"


def job(dispatch: Dispatch, *users: int, start: str, end: str, status: str = "confirmed") -> int:
    period = {"starts_at": f"2027-03-10 {start}:00+00:00", "ends_at": f"2027-03-10 {end}:00+00:00"}
    return dispatch.job(*users, status=status, **period)


def subscribe(database: Database, user_id: int, read: datetime | None) -> int:
    """A subscription as the importer leaves it."""
    with database.write() as connection:
        values = {
            "user_id": user_id,
            "label": "Alimony",
            "host": "calendar.example",
            "encrypted_url": b"",
            "created_at": datetime.now(UTC),
            "last_success_at": read,
            "last_attempt_at": read,
            "next_at": int(time.time()) + 900,
        }
        added = connection.execute(
            insert(Subscription).values(**values).returning(Subscription.id)
        ).scalar_one()
        create_calendar(
            connection,
            user_id=user_id,
            slug=slug_of(added),
            kind="external",
            now=int(time.time()),
            display_name="Alimony",
        )
    return added


def hours(stretches: list[dict[str, Any]]) -> list[str]:
    return [f"{it['starts_at'][11:16]}-{it['ends_at'][11:16]}" for it in stretches]


def test_a_day_is_divided_into_what_is_taken_and_what_is_free(
    api: Api, dispatch: Dispatch, people: dict[str, int]
) -> None:
    number = job(dispatch, people["anna"], start="09:00", end="11:00")
    shown = api.get(f"/users/anna/availability?{DAY}")
    assert shown.status == 200, shown
    assert shown.json["busy"] == [
        {
            "starts_at": "2027-03-10T09:00:00Z",
            "ends_at": "2027-03-10T11:00:00Z",
            "type": "BUSY",
            "events": [f"job-{number}"],
        }
    ]
    assert hours(shown.json["free"]) == ["08:00-09:00", "11:00-18:00"]
    assert (shown.json["unknown"], shown.json["outside_hours"]) == ([], [])
    assert {it["calendar"] for it in shown.json["sources"]} == {"jobs", "blockers", "time-off"}
    assert all(it["known"] and it["as_of"] for it in shown.json["sources"])


def test_buffers_granularity_and_several_users(api: Api, dispatch: Dispatch, people: dict[str, int]) -> None:
    job(dispatch, people["anna"], people["bo"], start="09:10", end="11:00")
    asked = f"/availability?{DAY}&user=bo&user=anna&buffer_before=20&buffer_after=5&granularity=30"
    shown = api.get(asked).json["users"]
    assert [it["user"] for it in shown] == ["bo", "anna"]
    assert [hours(it["busy"]) for it in shown] == [["08:30-11:30"]] * 2


def test_others_see_times_and_nothing_else(
    keys: Keys, database: Database, dispatch: Dispatch, people: dict[str, int]
) -> None:
    job(dispatch, people["anna"], start="09:00", end="11:00")
    allowed = keys(None, [Permission.SCHEDULE_READ_ALL])
    subscribe(database, people["anna"], datetime.now(UTC))
    shown = allowed.get(f"/users/anna/availability?{DAY}")
    assert hours(shown.json["busy"]) == ["09:00-11:00"]
    assert [it["events"] for it in shown.json["busy"]] == [None]
    assert {it["label"] for it in shown.json["sources"]} == {None}
    own = keys("anna", [Permission.SCHEDULE_READ_OWN]).get(f"/users/anna/availability?{DAY}").json
    assert own["busy"][0]["events"]
    assert "Alimony" in {it["label"] for it in own["sources"]}
    assert keys("bo", [Permission.SCHEDULE_READ_OWN]).get(f"/users/anna/availability?{DAY}").status == 403
    assert keys("bo", [Permission.SCHEDULE_READ_OWN]).get(f"/users/nobody/availability?{DAY}").status == 403


def test_an_unchanged_availability_is_not_sent_again(
    api: Api, dispatch: Dispatch, people: dict[str, int]
) -> None:
    path = f"/users/anna/availability?{DAY}"
    etag = api.get(path).headers["etag"]
    job(dispatch, people["anna"], start="19:00", end="20:00")
    assert api.get(path, If_None_Match=etag).status == 304
    job(dispatch, people["anna"], start="17:00", end="20:00")
    assert api.get(path, If_None_Match=etag).status == 200


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/users/anna/availability?start=2027-03-10T08:00:00Z&end=2027-03-10T08:00:00Z", 422, "later than"),
        ("/users/anna/availability?start=2027-03-10T08:00:00Z&end=2037-03-10T08:00:00Z", 422, "1830 days"),
        ("/users/anna/availability?start=2027-03-10T08:00:00Z", 400, "does not have the form"),
        (f"/users/anna/availability?{DAY}&granularity=x", 400, "does not have the form"),
        (f"/users/nobody/availability?{DAY}", 404, "no active user"),
        (f"/availability?{DAY}", 400, "does not have the form"),
        (f"/availability/slots?{DAY}&user=anna&length=601", 422, "fit into the range"),
        (f"/availability/slots?{DAY}&user=anna&length=60&need=2", 422, "need must be 1 to 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    api: Api, people: dict[str, int], path: str, status: int, sentence: str
) -> None:
    refused = api.get(path)
    assert (refused.status, sentence in refused.problem) == (status, True), refused


def test_slots_of_a_crew_and_of_any_two(api: Api, dispatch: Dispatch, people: dict[str, int]) -> None:
    job(dispatch, people["anna"], start="08:00", end="10:00")
    job(dispatch, people["bo"], start="11:00", end="17:00")
    job(dispatch, people["dora"], start="08:00", end="18:00", status="offered")
    crew = f"/availability/slots?{DAY}&user=anna&user=bo&length=60&step=30"

    def found(reply: Reply) -> list[tuple[str, list[str]]]:
        return [(it["starts_at"][11:16], it["users"]) for it in reply.json["slots"]]

    both = ["anna", "bo"]
    assert found(api.get(crew)) == [("10:00", both), ("17:00", both)]
    assert found(api.get(f"{crew}&need=1&count=2")) == [("08:00", ["bo"]), ("08:30", ["bo"])]
    assert found(api.get(f"{crew}&user=dora&count=1")) == [("10:00", [*both, "dora"])]
    assert found(api.get(f"{crew}&buffer_after=15")) == []


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_request_waits_for_a_stale_source_until_it_was_read(
    api: Api, database: Database, people: dict[str, int], succeeds: bool
) -> None:
    subscription = subscribe(database, people["anna"], datetime(2026, 1, 1, tzinfo=UTC))
    path = f"/users/anna/availability?{DAY}"
    plain = api.get(path)
    assert (hours(plain.json["unknown"]), plain.json["free"]) == (["08:00-18:00"], [])
    assert "preference-applied" not in plain.headers

    def importer() -> None:
        for _ in range(100):
            with database.write() as connection:
                now = datetime.now(UTC)
                values = {"last_attempt_at": now, **({"last_success_at": now} if succeeds else {})}
                due = update(Subscription).where(Subscription.id == subscription, Subscription.next_at == 0)
                if connection.execute(due.values(**values, next_at=2**40)).rowcount:
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=importer)
    thread.start()
    waited = api.get(path, Prefer="wait=5")
    thread.join()
    assert waited.headers["preference-applied"] == "wait=5"
    assert hours(waited.json["unknown"]) == ([] if succeeds else ["08:00-18:00"])
    # Asked again within a minute, it is not fetched again, and nothing is waited for (RFC 7240, section 3).
    with database.write() as connection:
        connection.execute(update(Subscription).values(last_success_at=None))
    assert "preference-applied" not in api.get(path, Prefer="wait=1").headers
    with database.read() as connection:
        assert connection.execute(Subscription.__table__.select()).one().next_at == 2**40


def test_only_so_many_requests_wait(api: Api, database: Database, people: dict[str, int]) -> None:
    subscribe(database, people["anna"], None)
    with questions._places.taken(2), questions._places.taken(2):
        answer = api.get(f"/users/anna/availability?{DAY}", Prefer="wait=5")
    assert (answer.status, "preference-applied" in answer.headers) == (200, False)


@pytest.mark.parametrize("prefer", ["wait", "wait=x", "respond-async", "wait=0", ""])
def test_a_preference_that_means_nothing_is_passed_over(
    api: Api, database: Database, people: dict[str, int], prefer: str
) -> None:
    subscribe(database, people["anna"], None)
    answer = api.get(f"/users/anna/availability?{DAY}", Prefer=prefer)
    assert (answer.status, "preference-applied" in answer.headers) == (200, False)


@pytest.mark.parametrize("number", [1, 7])
def test_rows_written_by_sql_that_cannot_be_read_are_named(
    api: Api, dispatch: Dispatch, people: dict[str, int], number: int
) -> None:
    """The time is unknown, and everybody who asks is told because of which row: here, in explanations and claims."""
    rows = [dispatch.blocker(people["anna"], rrule="FREQ=SOMETIMES") for _ in range(number)]
    shown = api.get(f"/users/anna/availability?{DAY}").json
    assert hours(shown["unknown"]) == ["08:00-18:00"]
    (source,) = [it for it in shown["sources"] if it["unreadable"]]
    assert (source["calendar"], source["known"]) == ("blockers", False)
    reason = "cannot be read: its rrule is not usable: Recurrence rule refused: unknown FREQ 'SOMETIMES'."
    assert source["unreadable"] == [f"Blocker {it} of anna {reason}" for it in rows[:5]]
    told = api.get("/users/anna/availability/explain?at=2027-03-10T09:00:00Z").json["reasons"]
    assert [it["detail"] for it in told if it["rule"] == "entry-unreadable"] == [
        *source["unreadable"],
        *(["2 more entries of this calendar cannot be read."] if number == 7 else []),
    ]
    period = {"starts_at": "2027-03-10T09:00:00Z", "ends_at": "2027-03-10T10:00:00Z"}
    body = {"users": ["anna"], **period, "job": {"reference": "C-1"}}
    refused = api.post("/claims", body, If_Match="*")
    assert refused.status == 409
    assert refused.problem == " ".join(["Not all of this time is free.", *source["unreadable"]])
    assert [it["type"] for it in refused.json["conflicts"]] == ["UNKNOWN"]
    for row in rows:
        dispatch.update("blockers", row, rrule="FREQ=WEEKLY")
    assert all(it["unreadable"] == [] for it in api.get(f"/users/anna/availability?{DAY}").json["sources"])
    assert api.post("/claims", body, If_Match="*").status in (201, 409)


def test_what_may_not_be_read_is_not_named(keys: Keys, dispatch: Dispatch, people: dict[str, int]) -> None:
    dispatch.blocker(people["anna"], rrule="FREQ=SOMETIMES")
    shown = keys(None, [Permission.SCHEDULE_READ_ALL]).get(f"/users/anna/availability?{DAY}").json
    assert all(it["unreadable"] is None and it["label"] is None for it in shown["sources"])
