# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk upserts by reference, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import Dispatch
from tests.server.api.calls import Api

PERIOD = {"starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T09:00:00Z"}


def job(number: int, **fields: Any) -> dict[str, Any]:
    return {"reference": f"J-{number}", "users": ["anna"], **PERIOD, **fields}


def outcomes(reply: Any) -> list[str]:
    assert reply.status == 200, reply
    return [it["outcome"] for it in reply.json["results"]]


@pytest.mark.parametrize("mode", ["all-or-nothing", "per-item"])
def test_items_are_added_changed_and_left_alone(api: Api, dispatch: Dispatch, mode: str) -> None:
    first = api.post("/jobs/bulk", {"mode": mode, "items": [job(number) for number in range(1000)]})
    assert outcomes(first) == ["inserted"] * 1000
    changes = "SELECT count(*) FROM schedule_changes"
    before = dispatch.execute(changes)[0][0]
    again = api.post(
        "/jobs/bulk", {"mode": mode, "items": [job(1), job(2, notes="New"), {"reference": "J-3"}]}
    )
    assert outcomes(again) == ["unchanged", "updated", "unchanged"]
    assert dispatch.execute(changes)[0][0] == before + 1
    result = again.json["results"][1]
    shown = api.get(f"/jobs/{result['id']}")
    assert (shown.json["notes"], shown.headers["etag"]) == ("New", result["etag"])


def test_all_or_nothing_names_every_item_that_cannot_be_stored(api: Api) -> None:
    items = [job(1), job(2, users=["nobody"]), job(3, ends_at="2026-12-01T07:00:00Z"), job(1)]
    refused = api.post("/jobs/bulk", {"items": items})
    assert refused.status == 422
    assert [it["detail"][:7] for it in refused.json["errors"]] == ["item 1:", "item 2:", "item 3:"]
    assert api.get("/jobs").json["jobs"] == []


def test_per_item_stores_the_others(api: Api) -> None:
    items = [job(1), job(2, users=["nobody"]), job(3, ends_at="2026-12-01T07:00:00Z"), job(1), job(4)]
    reply = api.post("/jobs/bulk", {"mode": "per-item", "items": items})
    assert outcomes(reply) == ["inserted", "failed", "failed", "failed", "inserted"]
    results = reply.json["results"]
    assert ["no user" in str(it["problem"]) for it in results] == [False, True, False, False, False]
    assert "given twice" in results[3]["problem"]
    assert [it["id"] is None for it in results] == [False, True, True, True, False]
    assert [it["reference"] for it in api.get("/jobs").json["jobs"]] == ["J-1", "J-4"]


def test_more_than_a_thousand_items_are_refused(api: Api) -> None:
    assert api.post("/jobs/bulk", {"items": [job(number) for number in range(1001)]}).status == 400
    assert api.post("/jobs/bulk", {"items": []}).status == 400


def test_blockers_and_time_off_too(api: Api) -> None:
    days = {"start_date": "2026-12-24", "end_date": "2026-12-27", "user": "bo"}
    weekly = {"reference": "B-1", "title": "Gym", "rrule": "FREQ=WEEKLY", "exdate": ["2026-12-31"], **days}
    assert outcomes(api.post("/blockers/bulk", {"items": [weekly]})) == ["inserted"]
    leave = {"reference": "T-1", "kind": "Vacation", "status": "approved", **days}
    assert outcomes(api.post("/time-off/bulk", {"items": [leave]})) == ["inserted"]
    (blocker,) = api.get("/blockers").json["blockers"]
    assert (blocker["rrule"], blocker["exdate"], blocker["user"]) == ("FREQ=WEEKLY", ["20261231"], "bo")
    (time_off,) = api.get("/time-off?status=approved&user=bo").json["time_off"]
    assert (time_off["kind"], time_off["start_date"]) == ("Vacation", "2026-12-24")
    assert outcomes(api.post("/time-off/bulk", {"items": [{"reference": "T-1", "status": "declined"}]})) == [
        "updated"
    ]
    changed = api.patch(f"/blockers/{blocker['id']}", {"user": "anna", "reference": None, "rrule": None})
    assert (changed.json["user"], changed.json["reference"], changed.json["rrule"]) == ("anna", None, None)
    assert api("PUT", f"/blockers/{blocker['id']}", {"title": "Dentist", **days}).json["exdate"] == []
    assert api.delete(f"/blockers/{blocker['id']}").status == 204


@pytest.mark.parametrize(
    ("where", "given"),
    [
        ("body.starts_at", {"starts_at": "2026-02-30T09:00:00Z"}),
        ("body.ends_at", {"starts_at": "0001-01-01T00:00:00Z", "ends_at": "0000-01-01T00:00:00Z"}),
        ("body.end_date", {"start_date": "2026-02-01", "end_date": "2026-02-29"}),
        ("body.exdate.1", {"exdate": ["2026-03-01", "2026-13-01T09:00"]}),
        ("body.rdate.0", {"rdate": ["09:00:00"]}),
    ],
)
def test_a_day_that_there_is_not_is_refused_by_its_field(
    api: Api, where: str, given: dict[str, object]
) -> None:
    refused = api.post("/blockers", {"user": "anna", "title": "Dentist", **PERIOD, **given})
    assert refused.status == 422, refused
    assert "that there is not" in refused.problem
    assert where in [it["where"] for it in refused.json["errors"]]
    assert api.get("/blockers").json["blockers"] == []


@pytest.mark.parametrize("year", [999, 3000])
def test_a_year_that_no_calendar_reaches_is_refused(api: Api, year: int) -> None:
    period = {"starts_at": f"{year:04}-06-01T09:00:00Z", "ends_at": f"{year:04}-06-01T10:00:00Z"}
    refused = api.post("/blockers", {"user": "anna", "title": "Dentist", **period})
    assert (refused.status, "is not in the years 1000 to 2999" in refused.problem) == (422, True)


def test_values_come_back_as_they_were_given(api: Api) -> None:
    made = api.post(
        "/jobs",
        {
            "reference": "J-1",
            "starts_at": "2026-12-01t09:00:59.9+01:00",
            "ends_at": "2026-12-01T23:59:60Z",
            "rate": "-0.5",
            "latitude": 52,
        },
    )
    assert made.status == 201, made
    shown = {name: made.json[name] for name in ("starts_at", "ends_at", "rate", "latitude")}
    assert shown == {
        "starts_at": "2026-12-01T08:00:59Z",
        "ends_at": "2026-12-01T23:59:59Z",
        "rate": "-0.50",
        "latitude": 52.0,
    }
    blocker = api.post(
        "/blockers",
        {
            "user": "anna",
            "title": "Dentist",
            "start_date": "2026-12-01",
            "end_date": "2026-12-02",
            "rdate": ["2026-12-07", "2026-12-08T09:00"],
            "exdate": [],
        },
    )
    assert blocker.status == 201, blocker
    assert (blocker.json["rdate"], blocker.json["exdate"]) == (["20261207", "20261208T090000"], [])
