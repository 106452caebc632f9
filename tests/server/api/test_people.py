# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and what hangs on them: feeds, app passwords, subscriptions, API keys, deliveries; on both databases."""

from __future__ import annotations

import pytest

from scheduling.access.permissions import Permission
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys
from tests.server.client import Client, basic
from tests.server.running import Running

LINK = "https://calendar.example.com/private-abc/basic.ics"


def status_of(running: Running, url: str) -> int:
    return Client(running.application).get("/feeds/" + url.rpartition("/")[2]).status


def test_users_are_added_listed_changed_and_deleted(api: Api) -> None:
    made = api.post("/users", {"username": "eva", "time_zone": "Europe/Berlin", "role": "dispatcher"})
    assert (made.status, made.headers["location"]) == (201, "/api/v1/users/eva")
    assert api.post("/users", {"username": "eva"}).status == 409
    assert [it["username"] for it in api.get("/users").json["users"]] == ["anna", "bo", "dora", "eva"]
    first = api.get("/users?limit=3").json
    assert [it["username"] for it in api.get(f"/users?limit=3&cursor={first['next']}").json["users"]] == [
        "eva"
    ]
    assert api.patch("/users/eva", {"role": "member"}, If_Match='"other"').status == 412
    changed = api.patch(
        "/users/eva", {"role": "member", "email": "eva@example.com"}, If_Match=made.headers["etag"]
    )
    assert (changed.json["role"], changed.json["email"], changed.json["time_zone"]) == (
        "member",
        "eva@example.com",
        "Europe/Berlin",
    )
    assert api.patch("/users/eva", {"role": "king"}).status == 422
    assert api.patch("/users/eva", {"id": 5}).status == 400
    assert api.delete("/users/eva").status == 204
    assert api.get("/users/eva").status == 404


def test_nobody_appoints_somebody_with_more_power(keys: Keys) -> None:
    manager = keys(None, [Permission.USERS_MANAGE, Permission.USERS_VIEW])
    assert manager.post("/users", {"username": "eva", "role": "super-admin"}).status == 403
    assert manager.patch("/users/anna", {"role": "admin"}).status == 403
    refused = manager.post("/api-keys", {"label": "x", "permissions": ["settings.edit"]})
    assert refused.status == 403


def test_a_feed_is_made_shown_changed_renewed_and_ended(running: Running, api: Api) -> None:
    made = api.created("/users/anna/feeds", {"label": "Phone", "kinds": ["jobs"], "detail": "busy"})
    url = made["link"]["url"]
    assert made["link"]["webcal"].startswith("webcal://")
    assert status_of(running, url) == 200
    address = f"/users/anna/feeds/{made['id']}"
    assert api.post(f"{address}/link").json["url"] == url
    assert "link" not in api.get(address).json
    changed = api.patch(address, {"alarm_minutes": 30}, If_Match=made["etag"])
    assert (changed.json["alarm_minutes"], changed.json["detail"], changed.json["kinds"]) == (
        30,
        "busy",
        ["jobs"],
    )
    assert api.patch(address, {"detail": "full"}, If_Match=made["etag"]).status == 412
    renewed = api.post(f"{address}/regenerate", {"overlap_hours": 2}).json["url"]
    assert (status_of(running, url), status_of(running, renewed)) == (200, 200)
    assert api.post("/users/anna/feeds/reset").json == {"feeds": 1}
    assert (status_of(running, url), status_of(running, renewed)) == (410, 410)
    assert api.delete(address).status == 204
    assert api.get(address).json["revoked_at"] is not None
    assert api.get(f"/users/bo/feeds/{made['id']}").status == 404


def test_an_app_password_works_until_it_is_revoked(running: Running, api: Api) -> None:
    made = api.created("/users/anna/app-passwords", {"label": "Phone"})
    client = Client(running.application, basic("anna", made["password"]))
    assert client.propfind("/dav/").status == 207
    (listed,) = api.get("/users/anna/app-passwords").json["app_passwords"]
    assert "password" not in listed
    assert api.delete(f"/users/bo/app-passwords/{made['id']}").status == 404
    assert api.delete(f"/users/anna/app-passwords/{made['id']}").status == 204
    assert api.delete(f"/users/anna/app-passwords/{made['id']}").status == 404
    other = Client(running.application, basic("anna", made["password"]), "127.0.0.2")
    assert other.propfind("/dav/").status in (207, 401)  # remembered for up to a minute


def test_a_subscription_is_made_paused_synced_and_ended_without_showing_its_link(
    api: Api, dispatch: Dispatch
) -> None:
    made = api.post("/users/anna/ical-subscriptions", {"url": LINK, "label": "Private"})
    assert (made.status, made.json["host"], made.json["status"]) == (201, "calendar.example.com", "active")
    assert "private-abc" not in str(made.json)
    address = f"/users/anna/ical-subscriptions/{made.json['id']}"
    assert api.post(f"{address}/sync").status == 202
    paused = api.patch(address, {"status": "paused", "label": "Home"}, If_Match=made.headers["etag"])
    assert (paused.json["status"], paused.json["label"]) == ("paused", "Home")
    assert api.post(f"{address}/sync").status == 422
    listed = "/users/anna/ical-subscriptions"
    assert [len(api.get(f"{listed}?status={it}").json["subscriptions"]) for it in ("paused", "active")] == [
        1,
        0,
    ]
    assert api.patch(address, {"status": "active"}, If_Match=made.headers["etag"]).status == 412
    assert api.patch(address, {"status": "active"}).json["status"] == "active"
    assert api.delete(address).status == 204
    assert api.get(address).status == 404
    assert dispatch.execute("SELECT count(*) FROM calendars WHERE kind = 'external'")[0][0] == 0


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.ics", "https://u:p@example.com/a", "https:///a.ics", "file:///etc/passwd"]
)
def test_a_link_that_cannot_be_one_is_refused(api: Api, url: str) -> None:
    refused = api.post("/users/anna/ical-subscriptions", {"url": url, "label": "x"})
    assert refused.status in (400, 422)
    assert url not in str(refused.json)


def test_deliveries_tell_who_has_seen_a_job(api: Api) -> None:
    job = api.created(
        "/jobs",
        {
            "reference": "J-1",
            "users": ["anna"],
            "start_date": "2026-12-24",
            "end_date": "2026-12-25",
            "status": "confirmed",
        },
    )
    assert api.get("/users/anna/deliveries").json == {"deliveries": []}
    (anna,) = api.get(f"/jobs/{job['id']}/deliveries").json["assignees"]
    assert (anna["username"], anna["seen"], anna["readers"]) == ("anna", False, [])


OWN = [
    ("GET", "/users/{user}/feeds", None, Permission.FEEDS_VIEW_OWN),
    ("POST", "/users/{user}/feeds", {"label": "x"}, Permission.FEEDS_CREATE_OWN),
    ("POST", "/users/{user}/feeds/reset", None, Permission.FEEDS_CREATE_OWN),
    ("GET", "/users/{user}/app-passwords", None, Permission.PASSWORDS_MANAGE_OWN),
    ("POST", "/users/{user}/app-passwords", {"label": "x"}, Permission.PASSWORDS_MANAGE_OWN),
    ("GET", "/users/{user}/ical-subscriptions", None, Permission.SUBSCRIPTIONS_MANAGE_OWN),
    (
        "POST",
        "/users/{user}/ical-subscriptions",
        {"url": LINK, "label": "x"},
        Permission.SUBSCRIPTIONS_MANAGE_OWN,
    ),
    ("GET", "/users/{user}/deliveries", None, Permission.FEEDS_VIEW_OWN),
    ("GET", "/users/{user}", None, Permission.SCHEDULE_READ_OWN),
]


@pytest.mark.parametrize(("method", "path", "body", "permission"), OWN)
def test_what_is_ones_own_needs_its_permission_and_is_nobody_elses(
    keys: Keys, method: str, path: str, body: object, permission: Permission
) -> None:
    member = keys("anna", [permission])
    assert member(method, path.format(user="anna"), body).status in (200, 201)
    for user in ("bo", "nobody"):
        assert member(method, path.format(user=user), body).status == 403
    other = (
        Permission.FEEDS_VIEW_OWN
        if permission is Permission.SCHEDULE_READ_OWN
        else Permission.SCHEDULE_READ_OWN
    )
    poor = keys("anna", [other])
    assert poor(method, path.format(user="anna"), body).status == 403


_DAY = "start=2027-01-01T00:00:00Z&end=2027-01-02T00:00:00Z"
LISTS = ("/jobs?", "/blockers?", "/time-off?", "/conflicts?", f"/availability?{_DAY}&")


@pytest.mark.parametrize("path", LISTS)
def test_lists_tell_nobody_who_there_is(keys: Keys, api: Api, path: str) -> None:
    member = keys("anna", [Permission.SCHEDULE_READ_OWN])
    assert member.get(f"{path}user=anna").status == 200
    there, not_there = (member.get(f"{path}user={user}") for user in ("bo", "nobody"))
    assert there.status == 403
    assert not_there == there
    poor = keys("anna", [Permission.FEEDS_VIEW_OWN])
    assert {poor.get(f"{path}user={user}").status for user in ("anna", "bo", "nobody")} == {403}
    assert (api.get(f"{path}user=bo").status, api.get(f"{path}user=nobody").status) == (200, 404)


ADMINISTRATION = [
    ("GET", "/users", None, Permission.USERS_VIEW),
    ("POST", "/users", {"username": "eva"}, Permission.USERS_MANAGE),
    ("PATCH", "/users/anna", {"display_name": "A"}, Permission.USERS_MANAGE),
    ("GET", "/roles", None, Permission.USERS_VIEW),
    ("POST", "/roles", {"name": "helper", "permissions": []}, Permission.ROLES_MANAGE),
    ("GET", "/settings", None, Permission.SETTINGS_VIEW),
    ("PUT", "/settings/calendars.history_months", {"value": "3"}, Permission.SETTINGS_EDIT),
    ("GET", "/audit", None, Permission.AUDIT_VIEW),
    ("GET", "/api-keys", None, Permission.API_KEYS_MANAGE),
    ("GET", "/jobs", None, Permission.SCHEDULE_READ_ALL),
    (
        "POST",
        "/jobs",
        {"reference": "x", "start_date": "2026-12-24", "end_date": "2026-12-25"},
        Permission.SCHEDULE_WRITE,
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "permission"), ADMINISTRATION)
def test_administration_needs_exactly_its_permission(
    keys: Keys, method: str, path: str, body: object, permission: Permission
) -> None:
    assert keys(None, [permission])(method, path, body).status in (200, 201)
    assert keys(None, set(Permission) - {permission})(method, path, body).status == 403


def test_settings_are_changed_and_reset(api: Api) -> None:
    address = "/settings/calendars.history_months"
    before = api.get(address)
    changed = api("PUT", address, {"value": "6"}, If_Match=before.headers["etag"])
    assert (changed.json["value"], changed.json["source"]) == ("6", "database")
    assert api("PUT", address, {"value": "7"}, If_Match=before.headers["etag"]).status == 412
    assert api("PUT", address, {"value": "many"}).status == 422
    assert api.delete(address).json == before.json
    assert api.get("/settings/calendars.nothing").status == 404
    assert api.get("/roles/nothing").json["detail"] == "There is no role 'nothing'; GET /roles lists them."
    assert len(api.get("/settings").json["settings"]) > 10


def test_roles_are_added_changed_and_deleted(api: Api) -> None:
    made = api.post("/roles", {"name": "helper", "permissions": ["schedule.read_all"]})
    assert (made.status, made.json["permissions"]) == (201, ["schedule.read_all"])
    changed = api.patch("/roles/helper", {"permissions": ["users.view"]}, If_Match=made.headers["etag"])
    assert changed.json["permissions"] == ["users.view"]
    assert api.patch("/users/anna", {"role": "helper"}).status == 200
    assert api.delete("/roles/helper").status == 409
    api.patch("/users/anna", {"role": "member"})
    assert api.delete("/roles/helper").status == 204
    assert api.patch("/roles/super-admin", {"permissions": []}).status == 422


def test_the_audit_log_tells_who_did_what_and_no_secret(api: Api) -> None:
    feed = api.created("/users/anna/feeds", {"label": "Phone"})
    password = api.created("/users/anna/app-passwords", {"label": "Phone"})["password"]
    api.post("/users/anna/ical-subscriptions", {"url": LINK, "label": "Private"})
    api.post(f"/users/anna/feeds/{feed['id']}/link")
    entries = api.get("/audit").json["entries"]
    actions = [it["action"] for it in entries]
    assert {"feed.create", "feed.show", "app_password.create", "subscription.add"} <= set(actions)
    assert {it["address"] for it in entries if it["action"] == "feed.create"} == {"127.0.0.1"}
    text = str(entries)
    for secret in (password, LINK, feed["link"]["url"].rpartition("/")[2], str(api.secret)):
        assert secret not in text
    assert [it["action"] for it in api.get("/audit?action=feed&limit=1").json["entries"]] == ["feed.show"]
    second = api.get("/audit?limit=1").json
    assert (
        api.get(f"/audit?limit=1&cursor={second['next']}").json["entries"][0]["id"]
        < second["entries"][0]["id"]
    )
