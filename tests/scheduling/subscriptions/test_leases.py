# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: subscriptions to one source together, held while they are renewed, and given back."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import leases, subscriptions
from scheduling.subscriptions.facts import Due, Facts, Failure, HttpFacts, Standing
from scheduling.subscriptions.store import ImportStore

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SHARED = "https://example.com/holidays.ics"
SOON = 10**10


@pytest.fixture
def store(database: Database) -> ImportStore:
    return ImportStore(database, Config(), Keyring(KEY), followers=FOLLOWERS)


@pytest.fixture
def add(database: Database) -> Callable[..., int]:
    """Subscribes a new user; the subscription is due at the epoch second `at`."""

    def added(url: str, *, at: int = SOON) -> int:
        with database.write() as connection:
            number = len(users.list_users(connection))
            user = users.create(connection, username=f"user-{number}", actor=SYSTEM)
            found = subscriptions.add(connection, Keyring(KEY), user.id, url, "Calendar", actor=SYSTEM)
            connection.execute(
                text("UPDATE subscriptions SET next_at = :at WHERE id = :id"), {"at": at, "id": found.id}
            )
            return found.id

    return added


def ids(claimed: list[Due]) -> list[int]:
    return [due.id for due in claimed]


def test_what_has_the_same_source_is_claimed_together_due_or_not(
    database: Database, store: ImportStore, add: Any
) -> None:
    first, second = add(SHARED), add("WebCal://example.com/holidays.ics", at=SOON + 86400)
    failing = add(SHARED, at=SOON + 300)
    other = add(f"{SHARED}?", at=SOON + 1)
    with database.write() as connection:
        connection.execute(text("UPDATE subscriptions SET failures = 1 WHERE id = :id"), {"id": failing})
    claimed = store.claim(SOON, 60, 10, together=True)
    assert ids(claimed) == [first, second]
    assert len({due.source_key for due in claimed}) == len({due.lease for due in claimed}) == 1
    assert ids(store.claim(SOON + 1, 60, 10)) == [other]
    assert ids(store.claim(SOON + 300, 60, 10, least=Standing.UNPROVEN)) == [first, other]
    assert ids(store.claim(SOON + 300, 60, 10)) == [failing]


def test_a_source_is_prompt_while_it_answers_well_and_soon(store: ImportStore, add: Any) -> None:
    add(SHARED)

    def answering(milliseconds: int) -> Facts:
        http = HttpFacts(status=304, milliseconds=milliseconds)
        return Facts(etag=None, last_modified=None, next_at=SOON, http=http)

    [due] = store.claim(SOON, 60, 10)
    assert due.standing is Standing.UNPROVEN
    store.unchanged(due, answering(4999))
    [due] = store.claim(SOON, 60, 10, least=Standing.PROMPT)
    assert due.standing is Standing.PROMPT
    store.unchanged(due, answering(5001))
    assert store.claim(SOON, 60, 10, least=Standing.PROMPT) == []
    [due] = store.claim(SOON, 60, 10, least=Standing.UNPROVEN)
    assert due.standing is Standing.UNPROVEN
    store.unchanged(due, answering(1))
    [due] = store.claim(SOON, 60, 10)
    store.failed(due, Failure(reason="timeout", message="Too slow.", next_at=SOON))
    assert store.claim(SOON, 60, 10, least=Standing.UNPROVEN) == []
    [due] = store.claim(SOON, 60, 10)
    assert due.standing is Standing.FAILING


def test_the_limit_is_of_sources_that_are_due(store: ImportStore, add: Any) -> None:
    due = [add(SHARED), add(SHARED), add("https://example.com/b.ics")]
    assert ids(store.claim(SOON, 60, 1, together=True)) == due[:2]
    assert ids(store.claim(SOON, 60, 1, together=True)) == due[2:]


def test_other_credentials_are_another_source() -> None:
    keyring = Keyring(KEY)
    known = leases.source_key(keyring, SHARED)
    assert leases.source_key(keyring, f" {SHARED} ") == known
    assert leases.source_key(keyring, SHARED, "bearer x") != known
    assert leases.source_key(Keyring(KEY.replace("M", "N")), SHARED) != known
    assert b"example" not in known


def test_hosts_can_be_left_for_later(store: ImportStore, add: Any) -> None:
    add("https://slow.example/a.ics")
    quick = add("https://quick.example/a.ics")
    assert ids(store.claim(SOON, 60, 10, without_hosts=("slow.example",))) == [quick]


def test_nothing_is_due_before_its_time_or_while_it_is_claimed(store: ImportStore, add: Any) -> None:
    add(SHARED)
    assert not store.is_due(SOON - 1)
    assert store.is_due(SOON)
    store.claim(SOON, 60, 10)
    assert not store.is_due(SOON)
    assert store.is_due(SOON + 61)


def test_a_renewed_claim_holds_on_and_a_lost_one_is_told(store: ImportStore, add: Any) -> None:
    add(SHARED)
    [due] = store.claim(SOON, 60, 10)
    assert store.renew({due.lease}, SOON + 50, 60) == {due.lease}
    assert store.claim(SOON + 100, 60, 10) == []
    [taken] = store.claim(SOON + 111, 60, 10)
    assert store.renew({due.lease, taken.lease}, SOON + 112, 60) == {taken.lease}
    assert store.renew(set(), SOON, 60) == set()


def test_a_claim_given_back_is_due_again(store: ImportStore, add: Any) -> None:
    add(SHARED)
    [due] = store.claim(SOON, 60, 10)
    store.release([due])
    [again] = store.claim(SOON, 60, 10)
    store.release([due])
    assert store.claim(SOON, 60, 10) == []
    assert again.lease != due.lease


def test_sources_are_claimed_whole_by_one_of_several_importers(
    database: Database, store: ImportStore, add: Any
) -> None:
    for number in range(24):
        add(f"https://example.com/{number % 4}.ics")
    claims: list[list[Due]] = []

    def work() -> None:
        mine = ImportStore(database, Config(), Keyring(KEY), followers=FOLLOWERS)
        while found := mine.claim(SOON, 600, 1, together=True):
            claims.append(found)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while found := store.claim(SOON, 600, 1, together=True):
        claims.append(found)
    assert sorted(len(claim) for claim in claims) == [6, 6, 6, 6]
    assert all(len({due.source_key for due in claim}) == 1 for claim in claims)


def test_what_is_given_up_is_paused_noted_and_not_claimed_until_resumed(
    database: Database, store: ImportStore, add: Any
) -> None:
    number = add(SHARED)
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO webhooks (label, host, encrypted_url, encrypted_secret, events, within_hours, created_at)"
                " VALUES ('x', 'h', :empty, :empty, 'subscription.paused', 1, '2026-01-01 00:00:00+00:00')"
            ),
            {"empty": b""},
        )
    [due] = store.claim(SOON, 60, 10)
    store.failed(due, Failure(reason="http-5xx", message="It is down.", next_at=SOON))
    [again] = store.claim(SOON, 60, 10)
    assert (due.failing_since, again.failures) == (None, 1)
    assert again.failing_since is not None
    store.failed(again, Failure(reason="gone", message="Given up.", next_at=SOON, pause=True))
    assert store.claim(SOON, 60, 10) == []
    with database.write() as connection:
        found = subscriptions.get(connection, number, actor=SYSTEM)
        assert (found.status, found.reason, found.message) == ("paused", "gone", "Given up.")
        assert (
            connection.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'subscription.pause'")) == 1
        )
        assert connection.scalars(text("SELECT event_type FROM webhook_deliveries")).all() == [
            "subscription.paused"
        ]
        subscriptions.resume(connection, number, actor=SYSTEM)
    [resumed] = store.claim(SOON, 60, 10)
    assert (resumed.failures, resumed.failing_since) == (0, None)


def test_what_was_read_and_asked_for_is_remembered(store: ImportStore, add: Any) -> None:
    add(SHARED)
    [due] = store.claim(SOON, 60, 10)
    assert (due.body_digest, due.refresh) == (None, 0)
    store.unchanged(due, Facts(etag=None, last_modified=None, next_at=SOON, body_digest="abc", refresh=3600))
    [again] = store.claim(SOON, 60, 10)
    assert (again.body_digest, again.refresh) == ("abc", 3600)


def test_that_nothing_is_new_is_noted_with_one_statement(
    database: Database, store: ImportStore, add: Any, statements: Any
) -> None:
    add(SHARED)
    facts = Facts(etag='"1"', last_modified=None, next_at=SOON)
    [due] = store.claim(SOON, 60, 10)
    with statements(database) as seen:
        store.unchanged(due, facts)
    assert len(seen) == 1
    with database.read() as connection:
        found = subscriptions.get(connection, due.id, actor=SYSTEM)
    assert (found.status, found.sync.result, found.last_success_at is None) == ("active", "unchanged", False)
    [due] = store.claim(SOON, 60, 10)
    assert due.etag == '"1"'
    [later] = store.claim(SOON + 61, 60, 10)
    with statements(database) as seen:
        store.unchanged(due, dataclasses.replace(facts, etag='"2"'))
    assert len(seen) == 2, "nothing is written without the claim"
    store.failed(later, Failure(reason="timeout", message="Too slow.", next_at=SOON))
    [due] = store.claim(SOON + 61, 60, 10)
    assert due.etag == '"1"'
    store.unchanged(due, facts)
    with database.read() as connection:
        assert subscriptions.get(connection, due.id, actor=SYSTEM).status == "active"
