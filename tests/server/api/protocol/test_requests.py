# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for every operation: keys, limits, repeated requests, problem details, the document."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduling.access.permissions import Permission
from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.api.calls import Api, Reply
from tests.server.api.conftest import Keys, api_of
from tests.server.client import Client, basic
from tests.server.running import Running, Sections

JOB = {"reference": "J-1", "start_date": "2026-12-24", "end_date": "2026-12-25"}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer dsk_unknown",
        "Bearer " + "x" * 5000,
        "Bearer dsk_\u00e9",
        basic("anna", "password"),
        "Negotiate x",
    ],
)
def test_without_a_working_key_nothing_is_answered(running: Running, authorization: str | None) -> None:
    client = Client(running.application, authorization)
    for method, path in (("GET", "/me"), ("GET", "/jobs"), ("POST", "/jobs"), ("GET", "/users/anna")):
        answer = client.request(method, f"/api/v1{path}", "")
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_expired_or_disabled_owners_key_stops_at_once(
    api: Api, keys: Keys, dispatch: Dispatch, people: dict[str, int]
) -> None:
    own = keys("anna", [Permission.SCHEDULE_READ_OWN])
    assert own.get("/me").json == {"name": "anna", "username": "anna", "permissions": ["schedule.read_own"]}
    dispatch.update("users", people["anna"], active=False)
    assert own.get("/me").status == 401
    dispatch.update("users", people["anna"], active=True)
    assert own.get("/me").status == 200
    dispatch.execute("UPDATE api_keys SET expires_at = '2020-01-01 00:00:00+00:00' WHERE user_id IS NOT NULL")
    assert own.get("/me").status == 401
    made = api.created("/api-keys", {"label": "Script", "permissions": ["users.view"]})
    script = Api(own._client.application, made["key"])
    assert script.get("/users").status == 200
    assert api.delete(f"/api-keys/{made['id']}").status == 204
    assert script.get("/users").status == 401


def test_too_many_requests_are_told_when_to_come_back(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    running = configured({"server": {"api_requests_per_minute": "3"}})
    one, other = api_of(running), api_of(running)
    replies = [one.get("/me") for _ in range(8)]  # the minute may turn once meanwhile
    refused = [it for it in replies if it.status == 429]
    assert {it.status for it in replies} == {200, 429}
    assert all(1 <= int(it.headers["retry-after"]) <= 60 for it in refused)
    assert "more than 3 requests" in refused[0].problem
    assert other.get("/me").status == 200


def test_a_repeated_creation_is_answered_as_the_first(api: Api, keys: Keys) -> None:
    first = api.post("/jobs", JOB, Idempotency_Key="k1")
    again = api.post("/jobs", JOB, Idempotency_Key="k1")
    assert (first.status, again.status) == (201, 201)
    assert (again.json, again.headers["etag"], again.headers["location"]) == (
        first.json,
        first.headers["etag"],
        first.headers["location"],
    )
    assert len(api.get("/jobs").json["jobs"]) == 1
    assert api.post("/jobs", {**JOB, "notes": "Other"}, Idempotency_Key="k1").status == 422
    assert api.post("/jobs", JOB, Idempotency_Key="k2").status == 409
    assert keys("dora", [Permission.SCHEDULE_WRITE]).post("/jobs", JOB, Idempotency_Key="k1").status == 409
    assert api.post("/jobs", JOB, Idempotency_Key="two words").status == 400


def test_a_refused_creation_can_be_repeated_with_the_same_key(api: Api) -> None:
    assert api.post("/jobs", {**JOB, "users": ["nobody"]}, Idempotency_Key="k1").status == 422
    assert api.post("/jobs", JOB, Idempotency_Key="k1").status == 201


def test_of_creations_at_the_same_time_with_one_key_one_creates(api: Api) -> None:
    replies: list[Reply] = []
    start = threading.Barrier(4)

    def create() -> None:
        start.wait()
        replies.append(api.post("/users/anna/app-passwords", {"label": "Phone"}, Idempotency_Key="k"))

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {it.status for it in replies} == {201}
    assert len({it.json["password"] for it in replies}) == 1
    assert len(api.get("/users/anna/app-passwords").json["app_passwords"]) == 1


def test_a_kept_answer_is_not_readable_in_the_database(
    api: Api, database: Database, dispatch: Dispatch
) -> None:
    password = api.post("/users/anna/app-passwords", {"label": "Phone"}, Idempotency_Key="k").json["password"]
    kept = dispatch.execute("SELECT answer FROM idempotent_requests")[0][0]
    assert password.encode() not in bytes(kept)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/jobs/0", 404),
        ("GET", "/jobs/x", 404),
        ("GET", "/jobs/99999999999999999999", 404),
        ("PUT", "/jobs", 405),
        ("GET", "/jobs/bulk", 405),
        ("OPTIONS", "/jobs", 405),
        ("GET", "/jobs/1%00", 400),
        ("GET", "/users/%C3%B1", 404),
        ("GET", "/users/..%2F", 400),
    ],
)
def test_every_refusal_is_a_problem(api: Api, method: str, path: str, status: int) -> None:
    reply = api(method, path)
    assert (reply.status, bool(reply.problem)) == (status, True)
    assert ("allow" in reply.headers) == (status == 405)


def test_a_body_has_to_be_json_and_not_too_large(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    api = api_of(configured({"server": {"max_body": "10KB"}}))
    assert api("POST", "/jobs", json.dumps(JOB), Content_Type="text/plain").status == 415
    assert api("POST", "/jobs").status == 415
    large = api.post("/jobs", {**JOB, "notes": "x" * 20_000})
    assert (large.status, "larger than" in large.problem) == (413, True)


def test_the_document_describes_every_operation(running: Running) -> None:
    client = Client(running.application)
    document = json.loads(client.get("/api/v1/openapi.json").body)
    assert document["openapi"] == "3.1.0"
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert {"create_job", "upsert_jobs", "list_events", "show_feed_link", "sync_subscription"} <= set(names)
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(running: Running) -> None:
    client = Client(running.application)
    document = json.loads(client.get("/api/v1/openapi.json").body)
    page = client.get("/api/v1/")
    assert page.status == 200
    for path, methods in document["paths"].items():
        assert path in page.text
        assert all(operation["summary"].replace("'", "&#39;") in page.text for operation in methods.values())
    assert "<script" not in page.text
    assert 'src="http' not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/static/api.css").status == 200


def test_secrets_are_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shown: Any = api.created("/users/anna/feeds", {"label": "Phone"})
    api.get(f"/users/anna/feeds/{shown['id']}")
    assert str(api.secret) not in caplog.text
    assert shown["link"]["url"].rpartition("/")[2] not in caplog.text


def test_moments_are_utc(api: Api) -> None:
    made = datetime.fromisoformat(api.created("/jobs", JOB)["created_at"])
    assert made.tzinfo is not None
    assert abs((datetime.now(UTC) - made).total_seconds()) < 3600
