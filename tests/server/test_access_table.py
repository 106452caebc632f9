# SPDX-License-Identifier: GPL-3.0-or-later
"""The permission table at every door: CalDAV, feeds, and the REST API with a key of each role's user.

tests/scheduling/access/test_permissions.py has the acts themselves; this is about no door forgetting to ask.
"""

from __future__ import annotations

from typing import Any

import pytest

from scheduling.access import api_keys, roles, users
from scheduling.access.permissions import SYSTEM, Permission, permissions_of_role
from scheduling.availability import links
from scheduling.feeds import feeds
from tests.factories import Dispatch
from tests.scheduling.actors_of import BUILT_IN
from tests.server import fixtures
from tests.server.api.calls import Api
from tests.server.client import D
from tests.server.dav.scheduling_messages import post, request, statuses
from tests.server.running import Running

database = fixtures.sqlite_alone
MEMBER, DISPATCHER, ADMIN, SUPER_ADMIN = BUILT_IN
EVERYBODY, PLANNERS, ADMINS = set(BUILT_IN), {DISPATCHER, ADMIN, SUPER_ADMIN}, {ADMIN, SUPER_ADMIN}

RANGE = "start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z"

OWNED: list[tuple[str, str, Any, set[str], set[str]]] = [
    ("GET", "/jobs?user={}", None, EVERYBODY, PLANNERS),
    ("GET", "/blockers?user={}", None, EVERYBODY, PLANNERS),
    ("GET", "/time-off?user={}", None, EVERYBODY, PLANNERS),
    (
        "GET",
        "/users/{}/events?start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z",
        None,
        EVERYBODY,
        PLANNERS,
    ),
    ("GET", "/users/{}/feeds", None, EVERYBODY, ADMINS),
    ("POST", "/users/{}/feeds", {"label": "Phone"}, EVERYBODY, ADMINS),
    ("POST", "/users/{}/feeds/reset", None, EVERYBODY, ADMINS),
    ("GET", "/users/{}/deliveries", None, EVERYBODY, ADMINS),
    ("GET", "/users/{}/app-passwords", None, EVERYBODY, ADMINS),
    ("POST", "/users/{}/app-passwords", {"label": "Phone"}, EVERYBODY, ADMINS),
    ("GET", "/users/{}/sessions", None, EVERYBODY, ADMINS),
    ("DELETE", "/users/{}/sessions", None, EVERYBODY, ADMINS),
    ("POST", "/users/{}/invitation", {}, ADMINS, ADMINS),
    ("POST", "/users/{}/password-reset", {}, ADMINS, ADMINS),
    ("GET", "/users/{}/ical-subscriptions", None, EVERYBODY, ADMINS),
    (
        "POST",
        "/users/{}/ical-subscriptions",
        {"label": "Mine", "url": "https://x.example/a.ics"},
        EVERYBODY,
        ADMINS,
    ),
    ("GET", f"/users/{{}}/availability?{RANGE}", None, EVERYBODY, PLANNERS),
    ("GET", f"/availability?user={{}}&{RANGE}", None, EVERYBODY, PLANNERS),
    ("GET", f"/availability/slots?user={{}}&length=30&{RANGE}", None, EVERYBODY, PLANNERS),
    ("GET", "/users/{}/availability/explain?at=2026-03-01T00:00:00Z", None, EVERYBODY, PLANNERS),
    ("GET", "/users/{}/working-hours", None, EVERYBODY, PLANNERS),
    ("PUT", "/users/{}/working-hours", {"monday": []}, PLANNERS, PLANNERS),
    ("DELETE", "/users/{}/working-hours", None, PLANNERS, PLANNERS),
    ("POST", "/users/{}/free-busy-link", None, EVERYBODY, ADMINS),
    ("DELETE", "/users/{}/free-busy-link", None, EVERYBODY, ADMINS),
    ("GET", "/conflicts?user={}", None, EVERYBODY, PLANNERS),
    ("PATCH", "/users/{}", {"display_name": "New"}, ADMINS, ADMINS),
    ("PATCH", "/users/{}", {"calendar_access": False}, ADMINS, ADMINS),
    ("PATCH", "/users/{}", {"role": SUPER_ADMIN}, {SUPER_ADMIN}, {SUPER_ADMIN}),
    ("DELETE", "/users/{}", None, ADMINS, ADMINS),
]
"""A request about a user; which roles may make it about themselves, and about another member."""

GENERAL: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "/me", None, EVERYBODY),
    ("GET", "/jobs", None, EVERYBODY),
    ("POST", "/jobs", "job", PLANNERS),
    ("GET", "/conflicts", None, EVERYBODY),
    ("GET", "/users", None, PLANNERS),
    ("POST", "/users", {"username": "new"}, ADMINS),
    ("POST", "/users", {"username": "new", "role": SUPER_ADMIN}, {SUPER_ADMIN}),
    ("GET", "/settings", None, PLANNERS),
    ("PUT", "/settings/calendars.history_months", {"value": "3"}, ADMINS),
    ("GET", "/roles", None, PLANNERS),
    ("POST", "/roles", {"name": "planner", "permissions": []}, {SUPER_ADMIN}),
    ("PATCH", "/roles/member", {"permissions": []}, {SUPER_ADMIN}),
    ("GET", "/api-keys", None, ADMINS),
    ("POST", "/api-keys", {"label": "Script", "permissions": ["schedule.write"]}, ADMINS),
    ("GET", "/audit", None, ADMINS),
]
JOB = {
    "reference": "J-9",
    "starts_at": "2027-03-10T09:00:00Z",
    "ends_at": "2027-03-10T10:00:00Z",
    "users": [],
}

PERIOD = {"starts_at": "2027-03-10T09:00:00Z", "ends_at": "2027-03-10T10:00:00Z"}
CLAIM = {**PERIOD, "job": {"reference": "C-1"}}
BLOCKER = {"user": "other", "title": "Clinic", **PERIOD}
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/jobs/bulk", {"items": [JOB]}),
    ("PUT", "/jobs/{job}", JOB),
    ("PATCH", "/jobs/{job}", {"notes": "New"}),
    ("DELETE", "/jobs/{job}", None),
    ("POST", "/blockers", BLOCKER),
    ("PATCH", "/blockers/{blocker}", {"title": "Clinic"}),
    ("DELETE", "/blockers/{blocker}", None),
    ("POST", "/time-off", {"user": "other", "kind": "Sick", **PERIOD}),
    ("PATCH", "/time-off/{time_off}", {"kind": "Sick"}),
    ("DELETE", "/time-off/{time_off}", None),
    ("PATCH", "/users/{}/events/job-{job}", {"notes": "New"}),
    ("DELETE", "/users/{}/events/job-{job}", None),
    ("POST", "/claims", "claim"),
]
"""A change of the schedule, of what is the caller's own too: one entry of the audit log, or 403 and nothing."""


@pytest.fixture
def known(running: Running, dispatch: Dispatch) -> Running:
    """One user of each role, called like it, and a member called `other`; each with a job."""
    for role in BUILT_IN:
        dispatch.job(dispatch.user(role, role=role))
    dispatch.job(dispatch.user("other"))
    with running.database.write() as connection:
        for name in (*BUILT_IN, "other"):
            links.renew(connection, running.settings.keyring(), users.get(connection, name).id, actor=SYSTEM)
    return running


def api(running: Running, username: str) -> Api:
    """With a key of the user's that permits all that the role does."""
    with running.database.write() as connection:
        user = users.get(connection, username)
        granted = permissions_of_role(connection, user.role)
        _, secret = api_keys.create(
            connection,
            running.settings.keyring(),
            user_id=user.id,
            label="Test",
            permissions=granted,
            actor=SYSTEM,
        )
    return Api(running.application, secret)


def permitted(running: Running, role: str, method: str, path: str, body: Any) -> bool:
    reply = api(running, role)(method, path, JOB if body == "job" else body)
    if reply.status in (200, 201, 202, 204):
        return True
    assert reply.status in (403, 404), (method, path, reply)
    return False


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize(("method", "path", "body", "own", "others"), OWNED)
def test_the_api_about_users(
    known: Running, role: str, method: str, path: str, body: Any, own: set[str], others: set[str]
) -> None:
    assert permitted(known, role, method, path.format("other"), body) == (role in others)
    assert permitted(known, role, method, path.format(role), body) == (role in own)


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize(("method", "path", "body", "allowed"), GENERAL)
def test_the_api_at_large(
    known: Running, role: str, method: str, path: str, body: Any, allowed: set[str]
) -> None:
    assert permitted(known, role, method, path, body) == (role in allowed)


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_the_schedule_is_written_by_planners(
    known: Running, dispatch: Dispatch, role: str, method: str, path: str, body: Any
) -> None:
    ((user, number),) = dispatch.execute(
        "SELECT users.id, job_id FROM users JOIN job_assignments ON user_id = users.id WHERE username = :name",
        name=role,
    )
    given = path.format(role, job=number, blocker=dispatch.blocker(user), time_off=dispatch.time_off(user))
    headers = {"If_Match": "*"} if path == "/claims" else {}
    body = {**CLAIM, "users": [role]} if body == "claim" else body
    reply = api(known, role)(method, given, body, **headers)
    assert reply.status in ({200, 201, 204} if role in PLANNERS else {403}), reply
    entries = dispatch.execute("SELECT action FROM audit_log WHERE action LIKE 'schedule.%'")
    assert len(entries) == (1 if role in PLANNERS else 0)


@pytest.mark.parametrize("role", BUILT_IN)
def test_a_list_of_jobs_holds_ones_own_or_all(known: Running, role: str) -> None:
    found = api(known, role).get("/jobs").json["jobs"]
    assert len(found) == (5 if role in PLANNERS else 1)


@pytest.mark.parametrize("role", BUILT_IN)
def test_conflicts_are_ones_own_or_all_and_acknowledged_by_planners(
    known: Running, dispatch: Dispatch, role: str
) -> None:
    starts, ends = "2099-03-10 09:00:00+00:00", "2099-03-10 10:00:00+00:00"
    for person in (role, "other"):
        (number,) = dispatch.execute("SELECT id FROM users WHERE username = :name", name=person)[0]
        for _ in range(2):
            dispatch.job(number, starts_at=starts, ends_at=ends)
    found = api(known, role).get("/conflicts").json["conflicts"]
    assert len(found) == (2 if role in PLANNERS else 1)
    assert permitted(known, role, "GET", "/conflicts?user=other", None) == (role in PLANNERS)
    path = f"/conflicts/{found[0]['id']}/acknowledge"
    assert permitted(known, role, "POST", path, {}) == (role in PLANNERS)
    listed = known.client(role).propfind(f"/dav/{role}/", f"{D}getetag", depth="1").resources
    assert (f"/dav/{role}/conflicts/" in listed) == (role in PLANNERS)


@pytest.mark.parametrize("role", BUILT_IN)
def test_caldav(known: Running, role: str) -> None:
    client = known.client(role)
    assert client.propfind(f"/dav/{role}/jobs/", f"{D}getetag").status == 207
    assert (client.propfind("/dav/other/jobs/", f"{D}getetag").status == 207) == (role in PLANNERS)
    listed = client.propfind("/dav/", f"{D}getetag", depth="1").resources
    assert ("/dav/other/" in listed) == (role in PLANNERS)


@pytest.mark.parametrize("role", BUILT_IN)
def test_a_scheduling_outbox(known: Running, role: str) -> None:
    """Everybody has one to ask about himself, planners about others, and nobody somebody else's."""
    client, own, other = known.client(role), f"/dav/{role}/", "/dav/other/"
    answer = post(client, f"{own}outbox/", request(own, own, other))
    status = "2.0;Success" if role in PLANNERS else "3.8;No authority"
    assert statuses(answer) == ["2.0;Success", status]
    for mailbox in ("inbox/", "outbox/"):
        assert client.propfind(own + mailbox, f"{D}resourcetype").status == 207
        assert client.propfind(other + mailbox, f"{D}resourcetype").status == 403
    assert post(client, f"{other}outbox/", request(other, other)).status == 403


def test_caldav_goes_by_the_permission_and_not_by_the_roles_name(known: Running) -> None:
    def reads_others(username: str) -> bool:
        return known.client(username).propfind("/dav/other/jobs/", f"{D}getetag").status == 207

    with known.database.write() as connection:
        roles.set_permissions(connection, DISPATCHER, {Permission.SCHEDULE_WRITE}, actor=SYSTEM)
        roles.add(connection, "supervisor", {Permission.CALENDARS_READ_ALL}, actor=SYSTEM)
        users.set_role(connection, MEMBER, "supervisor", actor=SYSTEM)
    assert not reads_others(DISPATCHER)
    assert reads_others(MEMBER)
    with known.database.write() as connection:
        roles.set_permissions(connection, "supervisor", (), actor=SYSTEM)
    assert not reads_others(MEMBER)


@pytest.mark.parametrize("role", BUILT_IN)
def test_a_feed_shows_its_owner_whatever_the_role(known: Running, role: str) -> None:
    _, token = known.feed(role)
    answer = known.client().get(feeds.path_of(token))
    assert answer.status == 200
    assert answer.body.count(b"BEGIN:VEVENT") == 1


def test_without_entitlement_every_door_to_calendars_is_shut_and_opens_again(known: Running) -> None:
    _, token = known.feed("other")
    password, path = known.client("other"), feeds.path_of(token)

    def doors() -> tuple[bool, bool, bool]:
        caldav = password.propfind("/dav/other/jobs/", f"{D}getetag").status == 207
        seen = known.client(ADMIN).propfind("/dav/other/jobs/", f"{D}getetag").status == 207
        return caldav, seen, b"BEGIN:VEVENT" in known.client().get(path).body

    admin = api(known, ADMIN)
    assert doors() == (True, True, True)
    assert admin.patch("/users/other", {"calendar_access": False}).status == 200
    assert doors() == (False, False, False)
    assert admin.patch("/users/other", {"calendar_access": True}).status == 200
    assert doors() == (True, True, True)
