# SPDX-License-Identifier: GPL-3.0-or-later
"""/jobs over HTTP, on both databases."""

from __future__ import annotations

import pytest

from scheduling.access.permissions import Permission
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys

JOB = {
    "reference": "J-1",
    "job_type": "Boiler service",
    "organisation": "Café Müller",
    "status": "confirmed",
    "users": ["anna", "bo"],
    "starts_at": "2026-12-01T09:00:00+01:00",
    "ends_at": "2026-12-01T11:30:00+01:00",
    "address": "Hauptstraße 5, Berlin",
    "latitude": 52.5,
    "longitude": 13.4,
    "rate": "180.5",
    "currency": "EUR",
    "notes": "Second bell",
}


def test_mistakes_are_told_in_words_and_by_field(api: Api) -> None:
    wrong = {
        **JOB,
        "starts_at": "2026-12-01 09:00",
        "start_date": "1.12.2026",
        "notes": "a\x00b",
        "colour": "red",
    }
    refused = api.post("/jobs", wrong)
    assert refused.status == 400
    assert {it["where"]: it["detail"] for it in refused.json["errors"]} == {
        "body.starts_at": "It has to be a date and time with Z or an offset, such as 2026-11-20T09:30:00Z",
        "body.start_date": "It has to be a date such as 2026-11-20",
        "body.notes": "It has a control character in it",
        "body.colour": "There is no field 'colour' here",
    }
    listed = api.get("/jobs?start=tomorrow")
    assert [it["detail"] for it in listed.json["errors"]] == [
        "It has to be a date and time with Z or an offset, such as 2026-11-20T09:30:00Z"
    ]


def test_a_job_is_created_shown_and_in_the_assignees_calendar(api: Api) -> None:
    created = api.post("/jobs", JOB)
    assert created.status == 201
    assert created.headers["location"] == f"/api/v1/jobs/{created.json['id']}"
    shown = api.get(f"/jobs/{created.json['id']}")
    assert shown.json == created.json
    assert shown.headers["etag"] == created.headers["etag"] == shown.json["etag"]
    assert {
        **JOB,
        "rate": "180.50",
        "starts_at": "2026-12-01T08:00:00Z",
        "ends_at": "2026-12-01T10:30:00Z",
    }.items() <= (shown.json.items())
    window = "start=2026-12-01T00:00:00Z&end=2026-12-02T00:00:00Z"
    (event,) = api.get(f"/users/bo/events?{window}").json["events"]
    assert (event["id"], event["title"]) == (f"job-{created.json['id']}", "Boiler service: Café Müller")


def test_an_unchanged_job_is_not_sent_again(api: Api) -> None:
    job = api.created("/jobs", JOB)
    assert api.get(f"/jobs/{job['id']}", If_None_Match=job["etag"]).status == 304


def test_a_change_needs_the_present_version(api: Api, dispatch: Dispatch) -> None:
    job = api.created("/jobs", JOB)
    dispatch.update("jobs", job["id"], notes="Written by somebody else")
    refused = api.patch(f"/jobs/{job['id']}", {"status": "delivered"}, If_Match=job["etag"])
    assert refused.status == 412
    assert "read it again" in refused.problem
    present = api.get(f"/jobs/{job['id']}").headers["etag"]
    changed = api.patch(f"/jobs/{job['id']}", {"status": "delivered"}, If_Match=present)
    assert (changed.status, changed.json["status"]) == (200, "delivered")
    assert api.delete(f"/jobs/{job['id']}", If_Match=present).status == 412
    assert api.delete(f"/jobs/{job['id']}", If_Match=changed.headers["etag"]).status == 204
    assert api.get(f"/jobs/{job['id']}").status == 404


def test_a_patch_leaves_what_it_does_not_name(api: Api) -> None:
    job = api.created("/jobs", JOB)
    changed = api.patch(
        f"/jobs/{job['id']}", {"ends_at": "2026-12-01T12:00:00Z", "rate": None, "users": ["bo"]}
    )
    assert {**job, "ends_at": "2026-12-01T12:00:00Z", "rate": None, "users": ["bo"], "etag": ""} == {
        **changed.json,
        "etag": "",
    }


def test_a_put_empties_what_it_does_not_name(api: Api) -> None:
    job = api.created("/jobs", JOB)
    days = {"reference": "J-2", "start_date": "2026-12-24", "end_date": "2026-12-27"}
    replaced = api("PUT", f"/jobs/{job['id']}", days)
    assert replaced.status == 200, replaced
    shown = replaced.json
    assert (shown["start_date"], shown["starts_at"], shown["users"], shown["notes"], shown["status"]) == (
        "2026-12-24",
        None,
        [],
        None,
        "offered",
    )


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"users": ["nobody"]}, 422, "no user"),
        ({"ends_at": "2026-12-01T07:00:00Z"}, 422, "before starts_at"),
        ({"start_date": "2026-12-01"}, 422, "either starts_at and ends_at"),
        ({"time_zone": "Mars/Olympus"}, 422, "not an IANA time zone"),
        ({"rate": "1.234"}, 400, "does not have the form"),
        ({"status": "done"}, 400, "does not have the form"),
        ({"owner_id": 1}, 400, "does not have the form"),
        ({"notes": "\x00"}, 400, "does not have the form"),
        ({"latitude": 91}, 400, "does not have the form"),
        ({"starts_at": "2026-12-01 09:00"}, 400, "does not have the form"),
    ],
)
def test_what_cannot_be_is_refused_and_stores_nothing(
    api: Api, change: dict[str, object], status: int, sentence: str
) -> None:
    refused = api.post("/jobs", {**JOB, **change})
    assert (refused.status, sentence in refused.problem) == (status, True), refused
    assert api.get("/jobs").json["jobs"] == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"reference": NaN}', "[" * 100_000])
def test_what_is_not_the_documented_json_is_refused(api: Api, text: str) -> None:
    assert api("POST", "/jobs", text, Content_Type="application/json").status == 400


def test_a_reference_in_use_is_a_conflict(api: Api) -> None:
    api.created("/jobs", JOB)
    other = api.created("/jobs", {**JOB, "reference": "J-2"})
    assert api.post("/jobs", JOB).status == 409
    assert api.patch(f"/jobs/{other['id']}", {"reference": "J-1"}).status == 409
    assert len(api.get("/jobs").json["jobs"]) == 2


def test_lists_are_filtered_and_paged(api: Api, dispatch: Dispatch, people: dict[str, int]) -> None:
    for day in range(10, 20):
        dispatch.job(
            people["anna" if day % 2 else "bo"],
            reference=f"D-{day}",
            status="paid" if day < 13 else "offered",
            starts_at=f"2026-03-{day} 09:00:00+00:00",
            ends_at=f"2026-03-{day} 11:00:00+00:00",
        )
    dispatch.job(people["anna"], reference="days", start_date="2026-03-14", end_date="2026-03-16")

    def listed(query: str) -> list[str]:
        found, cursor = [], ""
        while cursor is not None:
            page = api.get(f"/jobs?limit=3&{query}{cursor and '&cursor=' + cursor}").json
            assert len(page["jobs"]) <= 3
            found += [it["reference"] for it in page["jobs"]]
            cursor = page["next"]
        return found

    assert len(listed("")) == 11
    assert listed("start=2026-03-14T11:00:00Z&end=2026-03-16T09:00:00Z") == ["D-15", "days"]
    assert listed("start=2026-03-14T10:59:59Z&end=2026-03-16T09:00:01Z") == ["D-14", "D-15", "D-16", "days"]
    assert listed("status=paid") == ["D-10", "D-11", "D-12"]
    assert listed("status=paid&user=bo") == ["D-10", "D-12"]
    assert listed("reference=D-17") == ["D-17"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 400),
        ("limit=1001", 400),
        ("limit=x", 400),
        ("limit=1&limit=2", 400),
        ("unknown=1", 400),
        ("start=yesterday", 400),
        ("cursor=AAAA", 422),
        ("user=nobody", 404),
        ("status=done", 400),
    ],
)
def test_a_list_refuses_what_it_does_not_know(api: Api, query: str, status: int) -> None:
    assert api.get(f"/jobs?{query}").status == status


def test_what_changed_since_is_listed_before_and_after_catching_up(
    api: Api, dispatch: Dispatch, people: dict[str, int]
) -> None:
    old = dispatch.job(people["anna"], created_at="2026-01-01 00:00:00+00:00")
    dispatch.job(people["anna"], created_at="2026-01-01 00:00:00+00:00")
    window = "/users/anna/events?start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z"
    assert len(api.get(window).json["events"]) == 2
    dispatch.execute("UPDATE calendar_objects SET changed_at = 1767225600")
    since = "/jobs?changed_since=2026-06-01T00:00:00Z"
    assert api.get(since).json["jobs"] == []
    dispatch.update("jobs", old, notes="New")
    assert [it["id"] for it in api.get(since).json["jobs"]] == [old]
    api.get(window)
    assert [it["id"] for it in api.get(since).json["jobs"]] == [old]


def test_a_member_reads_own_jobs_only_and_writes_none(keys: Keys, api: Api) -> None:
    own = api.created("/jobs", JOB)
    other = api.created("/jobs", {**JOB, "reference": "J-2", "users": ["bo"]})
    member = keys("anna", [Permission.SCHEDULE_READ_OWN])
    assert [it["id"] for it in member.get("/jobs").json["jobs"]] == [own["id"]]
    assert member.get("/jobs?user=bo").status == 403
    assert member.get(f"/jobs/{own['id']}").status == 200
    assert member.get(f"/jobs/{other['id']}").status == 404
    for reply in (
        member.post("/jobs", JOB),
        member.patch(f"/jobs/{own['id']}", {"notes": "x"}),
        member("PUT", f"/jobs/{own['id']}", JOB),
        member.delete(f"/jobs/{own['id']}"),
        member.post("/jobs/bulk", {"items": [{"reference": "x"}]}),
    ):
        assert (reply.status, "schedule.write" in reply.problem) == (403, True)
