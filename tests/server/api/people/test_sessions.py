# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers that are signed in, by the API: listed and ended, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduling.access import sign_in, signed_in
from scheduling.access.permissions import Permission
from scheduling.access.sessions import Browser
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys
from tests.server.running import Running

PASSWORD = "correct horse"


def browser(running: Running, username: str) -> str:
    """A browser that signs in: its token."""
    return sign_in.sign_in(
        running.database,
        running.settings.keyring(),
        username,
        PASSWORD,
        config=running.settings.config,
        browser=Browser(address="192.0.2.1", user_agent="Firefox"),
        at=datetime.now(UTC),
    )[1]


def counts(running: Running, token: str) -> bool:
    found = signed_in.resolve(
        running.database,
        running.settings.keyring(),
        token,
        config=running.settings.config,
        address="192.0.2.1",
        at=datetime.now(UTC),
    )
    return found is not None


@pytest.fixture
def browsers(running: Running, people: dict[str, int]) -> list[str]:
    """Three of Anna's."""
    running.set_password("anna", PASSWORD)
    return [browser(running, "anna") for _ in range(3)]


def test_sessions_are_listed_and_ended(running: Running, api: Api, browsers: list[str]) -> None:
    listed = api.get("/users/anna/sessions").json["sessions"]
    assert [set(it) for it in listed] == [
        {"id", "began_by", "created_at", "last_used_at", "address", "user_agent"}
    ] * 3
    assert (listed[0]["began_by"], listed[0]["address"], listed[0]["user_agent"]) == (
        "password",
        "192.0.2.1",
        "Firefox",
    )
    assert not any(token in str(listed) for token in browsers)
    first = min(it["id"] for it in listed)
    assert api.delete(f"/users/anna/sessions/{first}").status == 204
    assert [counts(running, it) for it in browsers] == [False, True, True]
    assert api.delete(f"/users/anna/sessions/{first}").status == 404
    assert api.delete("/users/anna/sessions").status == 204
    assert [counts(running, it) for it in browsers] == [False] * 3
    assert api.get("/users/anna/sessions").json == {"sessions": []}
    assert api.delete("/users/anna/sessions").status == 204


def test_a_session_is_ended_below_its_owner_only(running: Running, api: Api, browsers: list[str]) -> None:
    (number, *_) = [it["id"] for it in api.get("/users/anna/sessions").json["sessions"]]
    assert api.delete(f"/users/bo/sessions/{number}").status == 404
    assert all(counts(running, it) for it in browsers)


def test_nobody_ends_sessions_of_somebody_who_may_do_more(
    running: Running, api: Api, keys: Keys, browsers: list[str]
) -> None:
    api.patch("/users/anna", {"role": "super-admin"})
    (number, *_) = [it["id"] for it in api.get("/users/anna/sessions").json["sessions"]]
    manager = keys(None, [Permission.USERS_MANAGE])
    assert manager.delete(f"/users/anna/sessions/{number}").status == 403
    assert manager.delete("/users/anna/sessions").status == 403
    assert all(counts(running, it) for it in browsers)
