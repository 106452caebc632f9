# SPDX-License-Identifier: GPL-3.0-or-later
"""Working hours and explanations over HTTP, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from importer.understand.body import Job, Reader, Stream, read
from scheduling.access.permissions import Permission
from scheduling.calendars.catch_up import create_calendar
from scheduling.database.connection import Database
from scheduling.database.types import UtcDateTime
from scheduling.models import Subscription
from scheduling.subscriptions.record import slug_of
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys, api_of
from tests.server.running import Running

WEEK = {"monday": [{"starts": "08:00", "ends": "12:00"}, {"starts": "13:00", "ends": "17:00"}]}


def test_working_hours_are_kept_apart_on_the_wall_clock(api: Api, people: dict[str, int]) -> None:
    kept = api("PUT", "/users/anna/working-hours", WEEK)
    assert kept.status == 200, kept
    assert api.get("/users/anna/working-hours").json == kept.json
    assert (kept.json["monday"], kept.json["tuesday"]) == (WEEK["monday"], [])
    # Berlin changes its clock between these two Mondays.
    for day, first in (("2027-03-22", "07:00"), ("2027-03-29", "06:00")):
        path = f"/users/anna/availability?start={day}T00:00:00Z&end={day}T20:00:00Z"
        free = api.get(path).json["free"]
        assert (len(free), free[0]["starts_at"]) == (2, f"{day}T{first}:00Z")
        assert len(api.get(path).json["outside_hours"]) == 3
        assert api.get(f"{path}&working_hours=ignore").json["outside_hours"] == []
    assert api.delete("/users/anna/working-hours").status == 204
    assert api.get(path).json["outside_hours"] == []


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ([{"starts": "09:00", "ends": "09:00"}], 422),
        ([{"starts": "22:00", "ends": "06:00"}], 422),
        ([{"starts": "08:00", "ends": "12:00"}, {"starts": "11:00", "ends": "13:00"}], 422),
        ([{"starts": "8", "ends": "12:00"}], 400),
        ([{"starts": "00:00", "ends": "24:00"}], 200),
    ],
)
def test_working_hours_have_an_order(
    api: Api, people: dict[str, int], day: list[dict[str, str]], status: int
) -> None:
    assert api("PUT", "/users/anna/working-hours", {"sunday": day}).status == status


def test_who_plans_sets_working_hours(keys: Keys, people: dict[str, int]) -> None:
    own = keys("anna", [Permission.SCHEDULE_READ_OWN])
    assert own.get("/users/anna/working-hours").status == 200
    assert own.get("/users/bo/working-hours").status == 403
    assert own("PUT", "/users/anna/working-hours", WEEK).status == 403


def test_a_moment_that_is_none_is_refused_by_its_name(api: Api) -> None:
    refused = api.get("/users/anna/availability/explain?at=2027-02-30T00:00:00Z")
    assert (refused.status, refused.problem) == (422, "The moment in at does not exist.")


def test_every_reason_is_named_the_strongest_first(
    configured: Callable[..., Running], database: Database, dispatch: Dispatch, people: dict[str, int]
) -> None:
    anna = people["anna"]
    api = api_of(
        configured(
            {
                "calendars": {"job_statuses": "offered,confirmed,cancelled"},
                "availability": {"buffer_after_minutes": "60"},
            }
        )
    )
    api("PUT", "/users/anna/working-hours", WEEK)

    def at(hour: int) -> dict[str, Any]:
        asked = api.get(f"/users/anna/availability/explain?at=2027-03-10T{hour:02}:30:00Z")
        assert asked.status == 200, asked
        return dict(asked.json)

    assert (at(3)["effect"], at(3)["rule"]) == ("outside-hours", "working-hours")
    for hour, status in ((9, "confirmed"), (11, "offered"), (15, "cancelled")):
        period = {
            "starts_at": f"2027-03-10 {hour:02}:00:00+00:00",
            "ends_at": f"2027-03-10 {hour + 1:02}:00:00+00:00",
        }
        dispatch.job(anna, status=status, job_type="Boiler", organisation="ACME", **period)
    dispatch.time_off(anna, start_date="2027-03-11", end_date="2027-03-12")
    found = at(9)
    assert (found["effect"], found["rule"]) == ("blocks", "job-status")
    assert (found["reasons"][0]["title"], found["reasons"][0]["event"]) == ("Boiler: ACME", "job-1")
    assert [it["rule"] for it in at(10)["reasons"]] == ["buffer", "working-hours"]
    assert at(11)["effect"] == "tentative"
    assert [(it["effect"], it["rule"]) for it in at(15)["reasons"]] == [
        ("outside-hours", "working-hours"),
        ("free", "job-status"),
    ]
    # The day of the leave begins at 23:00 UTC, the midnight of Berlin.
    assert [at(22)["effect"], at(23)["effect"]] == ["outside-hours", "unavailable"]
    api.delete("/users/anna/working-hours")
    assert at(3) == {"effect": "free", "rule": "nothing-there", "reasons": []}
    with database.write() as connection:
        moment = UtcDateTime().process_result_value("2026-01-01 00:00:00", connection.dialect)
        connection.execute(
            insert(Subscription).values(
                user_id=anna, label="x", host="x", encrypted_url=b"", created_at=moment, next_at=0
            )
        )
    assert (at(3)["effect"], at(3)["rule"]) == ("unknown", "source-never-read")
    dispatch.blocker(anna, rrule="FREQ=SOMETIMES")
    assert {it["rule"] for it in at(3)["reasons"]} == {"source-never-read", "entry-unreadable"}


def feed() -> Iterator[str]:
    """Events of an hour each on 10 March 2027, an hour apart, and one of a whole day later."""
    said = {
        1: "",
        3: "STATUS:CANCELLED",
        5: "TRANSP:TRANSPARENT",
        7: "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        9: "STATUS:TENTATIVE",
        11: "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
        13: "RRULE:FREQ=DAILY;COUNT=3",
    }
    yield "BEGIN:VCALENDAR"
    for hour, line in said.items():
        yield f"BEGIN:VEVENT\nUID:{hour}\nDTSTART:20270310T{hour:02}0000Z\nDURATION:PT1H"
        yield f"{line or 'X-A:'}\nEND:VEVENT"
    yield "BEGIN:VEVENT\nUID:13\nRECURRENCE-ID:20270311T130000Z\nDTSTART:20270311T130000Z"
    yield "DURATION:PT1H\nTRANSP:TRANSPARENT\nEND:VEVENT"
    yield "BEGIN:VEVENT\nUID:day\nDTSTART;VALUE=DATE:20270320\nEND:VEVENT\nEND:VCALENDAR\n"


def test_what_an_imported_event_does_is_explained(
    api: Api, database: Database, dispatch: Dispatch, people: dict[str, int]
) -> None:
    anna, now = people["anna"], datetime.now(UTC)
    fetched = {"label": "x", "host": "x", "encrypted_url": b"", "created_at": now, "last_success_at": now}
    with database.write() as connection:
        added = connection.scalar(
            insert(Subscription).values(user_id=anna, next_at=0, **fetched).returning(Subscription.id)
        )
        assert added is not None
        create_calendar(connection, user_id=anna, slug=slug_of(added), kind="external", now=0)
    body = "\r\n".join(feed()).encode()
    readers = (Reader(time_zone="Europe/Berlin", stored={}),)
    (found,) = read(Job(content=Stream(body=body), max_events=100, readers=readers, now=now))
    assert len(found.events) == 8
    for event in found.events:
        dispatch.insert("external_events", subscription_id=added, user_id=anna, uid=event.uid, **event.row())
    for moment, effect, rule in (
        ("10T01", "blocks", "opaque"),
        ("10T03", "free", "status-cancelled"),
        ("10T05", "free", "transp-transparent"),
        ("10T07", "free", "busystatus-free"),
        ("10T09", "tentative", "status-tentative"),
        ("10T11", "unavailable", "busystatus"),
        ("10T13", "blocks", "opaque"),
        ("11T13", "free", "changed-instance"),
        ("20T12", "blocks", "all-day"),
    ):
        asked = api.get(f"/users/anna/availability/explain?at=2027-03-{moment}:30:00Z")
        assert (asked.json["effect"], asked.json["rule"]) == (effect, rule), asked
    for policy, moment, rule in (
        ({"tentative": "busy"}, "10T09", "policy-tentative"),
        ({"busy": "all"}, "10T05", "policy-busy"),
        ({"busy": "all"}, "10T07", "policy-busy"),
        ({"busy": "all"}, "10T01", "opaque"),
    ):
        assert api.patch(f"/users/anna/ical-subscriptions/{added}", policy).status == 200
        asked = api.get(f"/users/anna/availability/explain?at=2027-03-{moment}:30:00Z")
        assert (asked.json["effect"], asked.json["rule"]) == ("blocks", rule), asked


def test_only_who_may_read_the_calendars_gets_reasons(keys: Keys, people: dict[str, int]) -> None:
    path = "/users/anna/availability/explain?at=2027-03-10T09:00:00Z"
    assert keys("anna", [Permission.SCHEDULE_READ_OWN]).get(path).status == 200
    assert keys(None, [Permission.SCHEDULE_READ_ALL]).get(path).status == 403
    assert keys(None, [Permission.CALENDARS_READ_ALL]).get(path).status == 200
