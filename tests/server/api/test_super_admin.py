# SPDX-License-Identifier: GPL-3.0-or-later
"""An admin takes nothing from a super-admin: every operation of the REST table that changes somebody's belongings.

The operations are those of the table itself: one that is added has to be named here, with a body, or as one that is
about nobody's belongings.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scheduling.access import api_keys, credentials, roles, sessions, users
from scheduling.access.permissions import SYSTEM, Forbidden, Permission, permissions_of_role
from scheduling.access.sessions import Browser
from scheduling.availability import links
from scheduling.subscriptions import generations, subscriptions
from server.api.resources import ROUTES
from tests.factories import Dispatch
from tests.scheduling.actors_of import actor
from tests.server import fixtures
from tests.server.api.calls import Api
from tests.server.running import Running

database = fixtures.sqlite_alone
URL = "https://calendar.example.com/a.ics"

GENERATION = "/users/{user}/ical-subscriptions/{subscription_id}/generations/{generation_id}"
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/users/{user}"): {"calendar_access": False},
    ("DELETE", "/users/{user}"): None,
    ("POST", "/users/{user}/feeds"): {"label": "Phone"},
    ("POST", "/users/{user}/feeds/reset"): None,
    ("PATCH", "/users/{user}/feeds/{feed_id}"): {"label": "Mine"},
    ("DELETE", "/users/{user}/feeds/{feed_id}"): None,
    ("POST", "/users/{user}/feeds/{feed_id}/link"): None,
    ("POST", "/users/{user}/feeds/{feed_id}/regenerate"): {},
    ("POST", "/users/{user}/free-busy-link"): None,
    ("DELETE", "/users/{user}/free-busy-link"): None,
    ("POST", "/users/{user}/app-passwords"): {"label": "Phone"},
    ("DELETE", "/users/{user}/app-passwords/{app_password_id}"): None,
    ("POST", "/users/{user}/ical-subscriptions"): {"label": "Mine", "url": URL},
    ("PATCH", "/users/{user}/ical-subscriptions/{subscription_id}"): {"label": "Mine"},
    ("DELETE", "/users/{user}/ical-subscriptions/{subscription_id}"): None,
    ("POST", "/users/{user}/ical-subscriptions/{subscription_id}/sync"): None,
    ("POST", f"{GENERATION}/accept"): None,
    ("POST", f"{GENERATION}/reject"): None,
    ("POST", f"{GENERATION}/roll-back"): None,
    ("DELETE", "/users/{user}/detached-calendars/{subscription_id}"): None,
    ("POST", "/api-keys"): {"label": "Script", "permissions": ["feeds.view_own"]},
    ("DELETE", "/api-keys/{api_key_id}"): None,
    ("POST", "/users/{user}/invitation"): {"by_mail": False},
    ("POST", "/users/{user}/password-reset"): {"by_mail": False},
    ("DELETE", "/users/{user}/sessions"): None,
    ("DELETE", "/users/{user}/sessions/{session_id}"): None,
}
NOBODYS = (
    *("/jobs", "/blockers", "/time-off", "/claims", "/conflicts", "/users/{user}/events"),
    "/users/{user}/working-hours",  # the schedule is planned for everybody
    *("/settings", "/roles", "/webhooks", "/ical-subscriptions:preview"),
)
"""The beginnings of operations about nobody's belongings."""
OPERATIONS = [
    (it.method, it.path)
    for part in ROUTES
    for it in part.operations
    if it.method != "GET" and (it.method, it.path) != ("POST", "/users") and not it.path.startswith(NOBODYS)
]
TABLES = (
    *("users", "feeds", "feed_tokens", "free_busy_links", "app_passwords", "credentials", "subscriptions"),
    *("subscription_generations", "calendars", "sessions", "one_time_links"),
)


def test_every_operation_is_looked_at() -> None:
    assert set(OPERATIONS) == set(BODIES)
    assert len(OPERATIONS) > 20


class World:
    """`super-admin`, `admin` and `other`, a member; the first and the last with one of everything."""

    def __init__(self, running: Running, dispatch: Dispatch) -> None:
        self.running, self.dispatch = running, dispatch
        self.keyring = running.settings.keyring()
        dispatch.user("admin", role="admin")
        self.ids = {
            "super-admin": self._belongings(dispatch.user("super-admin", role="super-admin")),
            "other": self._belongings(dispatch.user("other")),
        }

    def _belongings(self, user: int) -> dict[str, int]:
        name = self.dispatch.execute("SELECT username FROM users WHERE id = :id", id=user)[0][0]
        self.running.feed(name)
        with self.running.database.write() as connection:
            links.renew(connection, self.keyring, user, actor=SYSTEM)
            credentials.set_password(connection, user, "correct horse battery", actor=SYSTEM)
            password, _ = credentials.create_app_password(
                connection, self.keyring, user, "Phone", actor=SYSTEM
            )
            added, ended = (
                subscriptions.add(connection, self.keyring, user, URL, "Mine", actor=SYSTEM).id
                for _ in range(2)
            )
            generation = generations.add(connection, added, {}, "quarantined", 1)
            sessions.begin(
                connection,
                self.keyring,
                user,
                version=None,
                by="password",
                browser=Browser(address="192.0.2.1", user_agent="x"),
                at=datetime.now(UTC),
            )
            key, _ = api_keys.create(
                connection,
                self.keyring,
                user_id=user,
                label="Script",
                permissions=[Permission.FEEDS_VIEW_OWN],
                actor=SYSTEM,
            )
        self.dispatch.execute(
            "UPDATE subscriptions SET detached_at = '2026-01-01 00:00:00' WHERE id = :id", id=ended
        )
        return {
            "feed_id": self._first("feeds", user),
            "app_password_id": password.id,
            "subscription_id": added,
            "detached": ended,
            "generation_id": generation.id,
            "api_key_id": key.id,
            "session_id": self._first("sessions", user),
            "id": user,
        }

    def _first(self, table: str, user: int) -> int:
        statement = f"SELECT id FROM {table} WHERE user_id = :user ORDER BY id"  # noqa: S608 (names of ours)
        return int(self.dispatch.execute(statement, user=user)[0][0])

    def key(self, username: str) -> Api:
        """The API with all that the user's role permits."""
        with self.running.database.write() as connection:
            user = users.get(connection, username)
            granted = permissions_of_role(connection, user.role)
            _, secret = api_keys.create(
                connection, self.keyring, user_id=user.id, label="Test", permissions=granted, actor=SYSTEM
            )
        return Api(self.running.application, secret)

    def call(self, who: Api, method: str, path: str, username: str) -> int:
        ids = self.ids[username]
        if path.startswith("/users/{user}/detached-calendars"):
            ids = {**ids, "subscription_id": ids["detached"]}
        body = BODIES[method, path]
        if path == "/api-keys" and body is not None:
            body = {**body, "user": username}
        return who(method, path.format(user=username, **ids), body).status

    def rows(self) -> dict[str, list[Any]]:
        """Everything that belongs to somebody."""
        found: dict[str, list[Any]] = {}
        for it in TABLES:
            statement = f"SELECT * FROM {it} ORDER BY 1"  # noqa: S608 (names of ours)
            found[it] = [tuple(row) for row in self.dispatch.execute(statement)]
        keys = self.dispatch.execute("SELECT id, revoked_at FROM api_keys WHERE label = 'Script' ORDER BY id")
        return {**found, "api_keys": [tuple(row) for row in keys]}


@pytest.fixture
def world(running: Running, dispatch: Dispatch) -> World:
    return World(running, dispatch)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_admin_takes_nothing_from_a_super_admin(world: World, method: str, path: str) -> None:
    admin, before = world.key("admin"), world.rows()
    assert world.call(admin, method, path, "super-admin") == 403
    assert world.rows() == before
    assert world.call(admin, method, path, "other") in (200, 201, 202, 204, 409), "of a member everything"
    assert world.call(world.key("super-admin"), method, path, "super-admin") in (200, 201, 202, 204, 409, 422)


def test_a_role_that_may_only_do_one_thing_does_it_to_those_without_power(world: World) -> None:
    """Whoever looks after feeds has no power over others beyond that, so only people without power are theirs."""
    with world.running.database.write() as connection:
        roles.add(
            connection,
            "helper",
            [Permission.FEEDS_MANAGE_ALL, Permission.SUBSCRIPTIONS_MANAGE_ALL, Permission.USERS_VIEW],
            actor=SYSTEM,
        )
    world.dispatch.user("helper", role="helper")
    helper = world.key("helper")
    assert world.call(helper, "POST", "/users/{user}/feeds/reset", "other") == 200
    assert world.call(helper, "POST", "/users/{user}/feeds/reset", "super-admin") == 403
    assert helper.post("/users/admin/feeds/reset").status == 403


def test_an_admin_ends_no_session_of_a_super_admin(world: World) -> None:
    user = world.ids["super-admin"]["id"]
    with world.running.database.write() as connection:
        admin = actor(connection, "admin")
        with pytest.raises(Forbidden):
            sessions.end_all(connection, user, actor=admin)
        with pytest.raises(Forbidden):
            sessions.end(connection, user, 1, actor=admin)
        with pytest.raises(Forbidden):
            credentials.set_password(connection, user, "another horse battery", actor=admin)
        assert sessions.end_all(connection, world.ids["other"]["id"], actor=admin) == 1
