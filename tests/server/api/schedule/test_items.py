# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk upserts by reference, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import Dispatch
from tests.server.api.calls import Api


def job(number: int, **fields: Any) -> dict[str, Any]:
    period = {"starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T09:00:00Z"}
    return {"reference": f"J-{number}", "users": ["anna"], **period, **fields}


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
