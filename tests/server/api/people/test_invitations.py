# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations and password resets by the API, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import one_time_links
from scheduling.access.one_time_links import OneTimeLink
from scheduling.access.permissions import Permission
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys, api_of
from tests.server.running import Running, Sections

MAIL = {"mail": {"host": "mail.example.com", "sender": "daysheet@example.com"}}
ROOT = "https://calendar.example.com"


def look(running: Running, url: str) -> OneTimeLink:
    token = url.rpartition("/link/")[2]
    with running.database.read() as connection:
        return one_time_links.find(connection, running.settings.keyring(), token, datetime.now(UTC))


@pytest.mark.parametrize(
    ("what", "purpose", "lasts"),
    [
        ("invitation", "invitation", timedelta(days=7)),
        ("password-reset", "password-reset", timedelta(hours=1)),
    ],
)
def test_a_link_is_in_the_answer_where_no_mail_is_sent(
    running: Running, api: Api, what: str, purpose: str, lasts: timedelta
) -> None:
    made = api.post(f"/users/anna/{what}", {})
    assert made.status == 201
    assert made.json["mailed_to"] is None
    found = look(running, made.json["url"])
    assert (found.username, found.purpose) == ("anna", purpose)
    until = datetime.fromisoformat(made.json["expires_at"])
    assert abs(until - datetime.now(UTC) - lasts) < timedelta(minutes=1)


def test_a_lost_answer_can_be_asked_for_again(running: Running, api: Api) -> None:
    first, again = (
        api.post("/users/anna/invitation", {}, Idempotency_Key="the-same-key-again") for _ in range(2)
    )
    assert first.json == again.json
    assert look(running, first.json["url"]).username == "anna"


def test_whoever_has_a_password_is_not_invited(running: Running, api: Api) -> None:
    running.set_password("anna", "correct horse")
    refused = api.post("/users/anna/invitation", {})
    assert refused.status == 409
    assert "has a password already" in refused.problem
    assert api.post("/users/anna/password-reset", {}).status == 201


def test_nobody_makes_links_for_somebody_who_may_do_more(api: Api, keys: Keys) -> None:
    api.patch("/users/anna", {"role": "super-admin"})
    manager = keys(None, [Permission.USERS_MANAGE])
    for what in ("invitation", "password-reset"):
        assert manager.post(f"/users/anna/{what}", {}).status == 403
        assert manager.post(f"/users/bo/{what}", {}).status == 201
        assert manager.post(f"/users/nobody/{what}", {}).status == 404


def test_a_key_of_somebody_makes_no_link_for_its_owner(keys: Keys) -> None:
    mine = keys("anna", [Permission.PASSWORDS_MANAGE_OWN])
    for what in ("invitation", "password-reset"):
        assert mine.post(f"/users/anna/{what}", {}).status == 403


def test_mail_is_sent_where_it_can_be(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    given: Any = {**MAIL, "server": {"public_url": ROOT}}
    running = configured(given)
    api = api_of(running)
    api.patch("/users/anna", {"email": "anna@example.com"})
    made = api.post("/users/anna/invitation", {}, Host="evil.example")
    assert (made.json["mailed_to"], made.json["url"]) == ("anna@example.com", None)
    with running.database.read() as connection:
        ((kind, content),) = connection.execute(text("SELECT kind, encrypted_content FROM mail")).all()
    letter = running.settings.keyring().decrypt(bytes(content))
    assert kind == "letter"
    assert f"{ROOT}/link/" in letter
    assert "evil.example" not in letter
    shown = api.post("/users/anna/invitation", {"by_mail": False}).json
    assert shown["url"].startswith(f"{ROOT}/link/")
