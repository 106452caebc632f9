# SPDX-License-Identifier: GPL-3.0-or-later
"""/webhooks over HTTP, on both databases."""

from __future__ import annotations

import pytest

from scheduling.access.permissions import EVERYTHING, Permission
from scheduling.webhooks import EventType, emit
from server.api.webhooks import Event
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys
from tests.server.running import Running

MARK = "s3cretpath"
WEBHOOK = {"url": f"https://app.example.com/{MARK}", "events": ["job.changed"], "label": "App"}


def told(running: Running, count: int) -> None:
    with running.database.write() as connection:
        for number in range(count):
            emit(connection, EventType.JOB_CHANGED, {"number": number})


def test_a_webhook_is_created_shown_and_its_secret_only_once(api: Api) -> None:
    made = api.post("/webhooks", WEBHOOK)
    assert made.status == 201
    assert made.headers["location"] == "/api/v1/webhooks/1"
    secret = made.json.pop("secret")
    assert secret.startswith("dsw_")
    shown = api.get("/webhooks/1")
    assert shown.json == made.json
    assert (shown.json["host"], shown.json["within_hours"]) == ("app.example.com", 24)
    assert api.get("/webhooks").json == {"webhooks": [shown.json], "next": None}
    assert api.get("/webhooks/1", If_None_Match=shown.headers["etag"]).status == 304
    for text in (str(shown), str(api.get("/webhooks")), str(api.get("/audit"))):
        assert MARK not in text
        assert secret not in text


def test_an_address_that_cannot_be_is_refused_without_being_quoted(api: Api) -> None:
    api.created("/webhooks", WEBHOOK)
    for url in (
        f"http://app.example.com/{MARK}",
        f"https://a:{MARK}@app.example.com/",
        f"https://169.254.169.254/{MARK}",
        f"https://app.example.com:6379/{MARK}",
    ):
        for refused in (
            api.post("/webhooks", {**WEBHOOK, "url": url}),
            api.patch("/webhooks/1", {"url": url}),
        ):
            assert refused.status == 422
            assert MARK not in refused.problem
    refused = api.post("/webhooks", {**WEBHOOK, "events": ["job.forgotten"]})
    assert refused.status == 400


def test_every_event_can_be_registered_for(api: Api) -> None:
    assert set(Event.__args__) == set(EventType)  # type: ignore[attr-defined]
    made = api.created("/webhooks", {**WEBHOOK, "events": list(EventType)})
    assert made["events"] == list(EventType)


def test_a_change_needs_the_present_version(api: Api) -> None:
    made = api.created("/webhooks", WEBHOOK)
    changed = api.patch(
        "/webhooks/1", {"events": ["feed.regenerated"], "within_hours": 2}, If_Match=made["etag"]
    )
    assert (changed.status, changed.json["events"], changed.json["within_hours"]) == (
        200,
        ["feed.regenerated"],
        2,
    )
    assert api.patch("/webhooks/1", {"label": "Other"}, If_Match=made["etag"]).status == 412
    assert api.delete("/webhooks/1", If_Match=made["etag"]).status == 412
    assert api.delete("/webhooks/1").status == 204
    assert api.get("/webhooks/1").status == 404


def test_a_paused_webhook_is_queued_nothing_until_it_is_resumed(api: Api, running: Running) -> None:
    api.created("/webhooks", WEBHOOK)
    assert api.patch("/webhooks/1", {"status": "paused"}).json["status"] == "paused"
    told(running, 1)
    assert api.post("/webhooks/1/test").status == 422
    assert api.patch("/webhooks/1", {"status": "active"}).json["status"] == "active"
    told(running, 2)
    assert api.get("/webhooks/1").json["pending"] == 2


def test_the_log_is_paged_filtered_and_shows_what_is_sent(api: Api, running: Running) -> None:
    api.created("/webhooks", WEBHOOK)
    told(running, 3)
    first = api.get("/webhooks/1/deliveries?limit=2").json
    second = api.get(f"/webhooks/1/deliveries?limit=2&cursor={first['next']}").json
    assert [it["id"] for it in first["deliveries"] + second["deliveries"]] == [3, 2, 1]
    assert second["next"] is None
    assert api.get("/webhooks/1/deliveries?status=dead").json["deliveries"] == []
    in_full = api.get("/webhooks/1/deliveries/2").json
    assert (in_full["event"]["type"], in_full["event"]["data"]) == ("job.changed", {"number": 1})
    assert in_full["event"]["id"] == in_full["event_id"]
    assert api.get("/webhooks/2/deliveries/2").status == 404


def test_a_test_event_is_queued_and_a_delivery_can_be_retried(api: Api) -> None:
    api.created("/webhooks", WEBHOOK)
    queued = api.post("/webhooks/1/test")
    assert (queued.status, queued.json["event_type"], queued.json["status"]) == (
        202,
        "webhook.test",
        "pending",
    )
    again = api.post(f"/webhooks/1/deliveries/{queued.json['id']}/retry")
    assert (again.status, again.json["attempts"]) == (202, 0)


def test_a_replaced_secret_is_another(api: Api) -> None:
    made = api.created("/webhooks", WEBHOOK)
    replaced = api.post("/webhooks/1/secret").json["secret"]
    assert replaced.startswith("dsw_")
    assert replaced != made["secret"]


def test_a_creation_can_be_repeated_safely(api: Api) -> None:
    first = api.post("/webhooks", WEBHOOK, Idempotency_Key="k1")
    assert api.post("/webhooks", WEBHOOK, Idempotency_Key="k1").json == first.json
    assert len(api.get("/webhooks").json["webhooks"]) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", "/webhooks/1"), ("PATCH", "/webhooks/1"),
        ("DELETE", "/webhooks/1"), ("POST", "/webhooks/1/test"), ("POST", "/webhooks/1/secret"),
        ("GET", "/webhooks/1/deliveries"), ("GET", "/webhooks/1/deliveries/1"),
        ("POST", "/webhooks/1/deliveries/1/retry"),
    ],
)  # fmt: skip
def test_nothing_is_done_without_the_permission(
    api: Api, keys: Keys, running: Running, method: str, path: str
) -> None:
    api.created("/webhooks", WEBHOOK)
    told(running, 1)
    before = api.get("/webhooks/1").json
    body = {"POST": WEBHOOK, "PATCH": {"label": "Other"}}.get(method) if "/" not in path[10:] else None
    refused = keys(None, EVERYTHING - {Permission.WEBHOOKS_MANAGE})(method, path, body)
    assert (refused.status, "webhooks.manage" in refused.problem) == (403, True)
    assert api.get("/webhooks/1").json == before
