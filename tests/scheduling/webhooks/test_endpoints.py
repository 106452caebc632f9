# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM, Actor, Forbidden
from scheduling.database.connection import Connection, Database
from scheduling.errors import Invalid, NotFound
from scheduling.webhooks import EventType, deliveries, endpoints

if TYPE_CHECKING:
    from tests.scheduling.webhooks.conftest import Webhooks

MARK = "s3cret"
URL = f"https://app.example.com/hooks/{MARK}?key={MARK}"
Act = Callable[[Connection, "Webhooks", Actor], Any]
ACTS: dict[str, Act] = {
    "create": lambda it, hooks, actor: endpoints.add(it, hooks.keyring, URL, actor=actor),
    "change": lambda it, hooks, actor: endpoints.change(it, hooks.keyring, 1, within_hours=3, actor=actor),
    "replace_secret": lambda it, hooks, actor: endpoints.replace_secret(it, hooks.keyring, 1, actor=actor),
    "test": lambda it, _, actor: endpoints.test(it, 1, actor=actor),
    "retry": lambda it, _, actor: deliveries.retry(it, 1, 1, actor=actor),
    "pause": lambda it, _, actor: endpoints.pause(it, 1, actor=actor),
    "resume": lambda it, _, actor: endpoints.resume(it, 1, actor=actor),
    "remove": lambda it, _, actor: endpoints.remove(it, 1, actor=actor),
}


@pytest.mark.parametrize(
    "url",
    [
        "", "app.example.com", "ftp://app.example.com/", "https://", "https:app.example.com", "https:///x",
        "https://app.example.com:x/", "https://app.example.com/a b", "https://app.example.com/\n/",
        "https://app.example.com\\@evil.example.com/", "https://ann:pw@app.example.com/",
        "http://app.example.com/", "https://" + "a" * 300 + ".com/", "https://a.example.com/" + "a" * 3000,
        "https://ex\u00e4mple.com/",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused_without_being_quoted(
    database: Database, webhooks: Webhooks, url: str
) -> None:
    with pytest.raises(Invalid) as refusal, database.write() as connection:
        endpoints.add(connection, webhooks.keyring, url, actor=SYSTEM)
    assert "example.com\\" not in str(refusal.value)
    assert "ann" not in str(refusal.value)


def test_everything_that_is_wrong_with_an_address_is_told_at_once(webhooks: Webhooks) -> None:
    def refuse(url: str) -> None:
        raise Invalid(f"Port {url.rpartition(':')[2]} is closed.")

    with pytest.raises(Invalid) as refusal:
        webhooks.add("http://ann:pw@app.local:99", admit=refuse)
    assert str(refusal.value) == (
        "The URL of a webhook must begin with https://, because events are confidential; an operator can "
        "permit http with [importer] allow_http. The URL contains a username or password; put a secret into its path "
        "instead. Port 99 is closed."
    )


def test_unencrypted_addresses_are_for_those_who_allow_them(webhooks: Webhooks) -> None:
    assert webhooks.get(webhooks.add("http://app.local:8080/x", allow_http=True)).host == "app.local"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"events": ["job.change"]}, "did you mean"),
        ({"events": []}, "Name at least one event"),
        ({"within_hours": 0}, "1 to 720 hours"),
        ({"within_hours": 721}, "1 to 720 hours"),
        ({"label": "x" * 256}, "1 to 255 characters"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_what_can(
    webhooks: Webhooks, named: dict[str, Any], told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        webhooks.add(**named)


def test_a_webhook_is_what_was_given(webhooks: Webhooks) -> None:
    found = webhooks.get(
        webhooks.add(URL, ["job.changed", "subscription.error"], label=" App ", within_hours=3)
    )
    assert (found.label, found.host, found.within_hours) == ("App", "app.example.com", 3)
    assert found.events == (EventType.JOB_CHANGED, EventType.SUBSCRIPTION_ERROR)
    assert (found.status, found.pending, found.dead) == ("active", 0, 0)
    assert MARK not in repr(found)


def test_only_what_is_given_is_changed(database: Database, webhooks: Webhooks) -> None:
    before = webhooks.get(webhooks.add(URL, label="App"))
    with database.write() as connection:
        after = endpoints.change(
            connection, webhooks.keyring, before.id, events=["job.changed"], actor=SYSTEM
        )
    assert after == replace(before, events=(EventType.JOB_CHANGED,))
    with database.write() as connection:
        endpoints.change(
            connection, webhooks.keyring, before.id, url="https://other.example.com/", actor=SYSTEM
        )
    assert webhooks.get().host == "other.example.com"


@pytest.mark.parametrize("act", [name for name in ACTS if name != "create"])
def test_what_is_not_there_is_not_found(database: Database, webhooks: Webhooks, act: str) -> None:
    with pytest.raises(NotFound), database.write() as connection:
        ACTS[act](connection, webhooks, SYSTEM)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_needs_the_permission_and_is_audited(
    database: Database, webhooks: Webhooks, act: str
) -> None:
    webhooks.add()
    webhooks.emit()
    nobody = Actor(kind="user", user_id=1, name="ann", permissions=frozenset(), address="198.51.100.7")
    with pytest.raises(Forbidden, match=r"webhooks\.manage"), database.write() as connection:
        ACTS[act](connection, webhooks, nobody)
    admin = replace(nobody, permissions=SYSTEM.permissions)
    with database.write() as connection:
        ACTS[act](connection, webhooks, admin)
        newest = audit.page(connection, limit=1)[0]
    assert (newest.action, newest.actor, newest.address) == (f"webhook.{act}", "ann", "198.51.100.7")
    assert newest.subject == ("webhook:2" if act == "create" else "webhook:1")


def test_a_paused_webhook_is_neither_tested_nor_retried(database: Database, webhooks: Webhooks) -> None:
    webhooks.add()
    webhooks.emit()
    with database.write() as connection:
        endpoints.pause(connection, 1, actor=SYSTEM)
        with pytest.raises(Invalid, match="resume it first"):
            endpoints.test(connection, 1, actor=SYSTEM)
        with pytest.raises(Invalid, match="resume it first"):
            deliveries.retry(connection, 1, 1, actor=SYSTEM)


def test_neither_address_nor_secret_is_readable_in_the_database(
    database: Database, webhooks: Webhooks
) -> None:
    with database.write() as connection:
        _, first = endpoints.add(connection, webhooks.keyring, URL, actor=SYSTEM)
        second = endpoints.replace_secret(connection, webhooks.keyring, 1, actor=SYSTEM)
        endpoints.test(connection, 1, actor=SYSTEM)
    with database.read() as connection:
        kept = "".join(
            str([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for table in ("webhooks", "webhook_deliveries", "audit_log")
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608
        )
    assert "app.example.com" in kept
    assert first != second
    for secret in (MARK, first, second):
        assert secret not in kept


def test_a_removed_webhook_leaves_nothing_but_its_audit(database: Database, webhooks: Webhooks) -> None:
    webhooks.add()
    webhooks.emit()
    with database.write() as connection:
        endpoints.remove(connection, 1, actor=SYSTEM)
    assert webhooks.bodies() == []
    with pytest.raises(NotFound):
        webhooks.get()
    assert webhooks.add() == 2


def test_webhooks_are_listed_in_pages(database: Database, webhooks: Webhooks) -> None:
    numbers = [webhooks.add() for _ in range(5)]
    with database.read() as connection:
        assert [it.id for it in endpoints.page(connection, limit=2)] == numbers[:2]
        assert [it.id for it in endpoints.page(connection, after=numbers[1])] == numbers[2:]
