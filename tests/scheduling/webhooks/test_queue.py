# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue with a clock of the test's own: leases, order, back-off, death, and the log."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import Invalid, NotFound
from scheduling.webhooks import deliveries, emit, endpoints, queue
from scheduling.webhooks.deliveries import Delivery
from scheduling.webhooks.queue import ATTEMPTS, RETRY_AFTER, Attempt, Claim, WebhookQueue
from scheduling.webhooks.signature import sign

if TYPE_CHECKING:
    from tests.scheduling.webhooks.conftest import Webhooks

NOW = int(time.time())
OK = Attempt(milliseconds=5, http_status=204)
AWAY = Attempt(milliseconds=9, http_status=503, reason="http-5xx", message="It is away.", away=True)
REFUSED = Attempt(milliseconds=9, http_status=400, reason="http-400", message="It said no.")
GONE = replace(REFUSED, http_status=410, reason="http-410", gone=True)


def log(webhooks: Webhooks, webhook: int = 1, **named: Any) -> list[Delivery]:
    with webhooks.database.read() as connection:
        return deliveries.page(connection, webhook, **named)


def claimed(webhooks: Webhooks, now: int = NOW, **named: Any) -> Claim:
    claim = webhooks.queue.claim(now, 60, **named)
    assert claim is not None
    return claim


def attempt(webhooks: Webhooks, outcome: Attempt, now: int = NOW) -> bool:
    """Claim, make one attempt at the first delivery, release."""
    claim = claimed(webhooks, now)
    goes_on = webhooks.queue.record(claim, claim.deliveries[0], outcome, now, 60)
    webhooks.queue.release(claim)
    return goes_on


@pytest.fixture(autouse=True)
def one(webhooks: Webhooks) -> None:
    webhooks.add()


def test_nothing_is_due_without_events(webhooks: Webhooks) -> None:
    assert not webhooks.queue.is_due(NOW)
    assert webhooks.queue.claim(NOW, 60) is None


def test_a_claim_is_exclusive_until_its_lease_ends(webhooks: Webhooks) -> None:
    webhooks.emit()
    first = claimed(webhooks)
    assert not webhooks.queue.is_due(NOW + 60)
    assert webhooks.queue.claim(NOW + 60, 60) is None
    second = claimed(webhooks, NOW + 61)
    assert first.deliveries == second.deliveries
    assert not webhooks.queue.record(first, first.deliveries[0], OK, NOW + 61, 60)
    assert log(webhooks)[0].status == "pending"
    webhooks.queue.release(first)
    assert not webhooks.queue.is_due(NOW + 62)
    assert webhooks.queue.record(second, second.deliveries[0], OK, NOW + 62, 60)


def test_every_attempt_prolongs_the_lease(webhooks: Webhooks) -> None:
    for number in range(2):
        webhooks.emit(number)
    claim = claimed(webhooks)
    webhooks.queue.record(claim, claim.deliveries[0], OK, NOW + 50, 60)
    assert webhooks.queue.claim(NOW + 100, 60) is None


def test_a_claim_shows_no_secret(webhooks: Webhooks) -> None:
    webhooks.emit()
    claim = claimed(webhooks)
    assert claim.url == "https://app.example.com/a"
    for secret in (claim.url, *claim.secrets, claim.deliveries[0].body):
        assert secret not in repr(claim)


def test_a_success_is_logged_and_seen_on_the_webhook(webhooks: Webhooks) -> None:
    webhooks.emit()
    assert attempt(webhooks, OK)
    (entry,) = log(webhooks)
    assert (entry.status, entry.attempts, entry.http_status, entry.milliseconds) == ("delivered", 1, 204, 5)
    assert entry.reason is entry.message is None
    found = webhooks.get()
    assert (found.status, found.pending) == ("active", 0)
    assert found.last_success_at == found.last_attempt_at == entry.last_attempt_at


def test_a_receiver_that_is_away_is_waited_for_in_order_and_longer_each_time(webhooks: Webhooks) -> None:
    for number in range(2):
        webhooks.emit(number)
    now = NOW
    for failures, wait in enumerate(RETRY_AFTER[:5], 1):
        assert not attempt(webhooks, AWAY, now)
        assert not webhooks.queue.is_due(now + wait - 1)
        assert webhooks.get().status == "error"
        now += wait
        assert [it.attempts for it in claimed_and_released(webhooks, now).deliveries] == [failures, 0]
    assert attempt(webhooks, OK, now)
    assert webhooks.get().status == "active"
    assert '"number":1' in claimed(webhooks, now).deliveries[0].body


def claimed_and_released(webhooks: Webhooks, now: int) -> Claim:
    claim = claimed(webhooks, now)
    webhooks.queue.release(claim)
    return claim


def test_the_receiver_may_ask_for_more_time_but_not_for_less(webhooks: Webhooks) -> None:
    webhooks.emit()
    attempt(webhooks, replace(AWAY, retry_after=500))
    assert not webhooks.queue.is_due(NOW + 499)
    attempt(webhooks, replace(AWAY, retry_after=1), NOW + 500)
    assert not webhooks.queue.is_due(NOW + 500 + RETRY_AFTER[1] - 1)


def test_a_delivery_that_is_refused_lets_others_pass_and_is_tried_again(webhooks: Webhooks) -> None:
    for number in range(3):
        webhooks.emit(number)
    claim = claimed(webhooks)
    assert webhooks.queue.record(claim, claim.deliveries[0], REFUSED, NOW, 60)
    assert webhooks.queue.record(claim, claim.deliveries[1], OK, NOW, 60)
    webhooks.queue.release(claim)
    assert ['"number":2' in it.body for it in claimed_and_released(webhooks, NOW).deliveries] == [True]
    again = claimed(webhooks, NOW + RETRY_AFTER[0]).deliveries
    assert [it.attempts for it in again] == [1, 0]


@pytest.mark.parametrize("outcome", [AWAY, REFUSED])
def test_a_delivery_is_dead_after_its_attempts(webhooks: Webhooks, outcome: Attempt) -> None:
    webhooks.emit(1)
    now = NOW
    for number in range(ATTEMPTS):
        assert log(webhooks)[0].status == "pending"
        attempt(webhooks, outcome, now)
        now += RETRY_AFTER[min(number, len(RETRY_AFTER) - 1)]
    (entry,) = log(webhooks)
    assert (entry.status, entry.attempts, entry.reason) == ("dead", ATTEMPTS, outcome.reason)
    assert not webhooks.queue.is_due(now + 10**6)
    assert webhooks.get().dead == 1


def test_after_a_dead_delivery_the_next_has_its_turn(webhooks: Webhooks) -> None:
    webhooks.emit(1)
    webhooks.emit(2)
    now = NOW
    for wait in (*RETRY_AFTER, 0):
        attempt(webhooks, AWAY, now)
        now += wait
    now += RETRY_AFTER[-1]
    attempt(webhooks, OK, now)
    assert [entry.status for entry in log(webhooks)] == ["delivered", "dead"]


def test_what_waited_for_three_days_is_dead(webhooks: Webhooks) -> None:
    webhooks.emit()
    later = int(time.time()) + 3 * 86_400
    claim = claimed(webhooks, later)
    assert claim.deliveries == ()
    webhooks.queue.release(claim)
    assert (log(webhooks)[0].status, log(webhooks)[0].reason) == ("dead", "expired")
    assert webhooks.queue.claim(later, 60) is None


def test_a_dead_delivery_can_be_asked_for_again(database: Database, webhooks: Webhooks) -> None:
    webhooks.emit()
    webhooks.queue.release(claimed(webhooks, int(time.time()) + 3 * 86_400))
    with database.write() as connection:
        found = deliveries.retry(connection, 1, 1, actor=SYSTEM)
    assert (found.status, found.attempts) == ("pending", 0)
    assert attempt(webhooks, OK)


def test_an_address_that_is_gone_pauses_the_webhook(database: Database, webhooks: Webhooks) -> None:
    webhooks.emit()
    assert not attempt(webhooks, GONE)
    assert (webhooks.get().status, webhooks.get().message) == ("paused", "It said no.")
    assert not webhooks.queue.is_due(NOW + 10**6)
    with database.write() as connection:
        assert audit.page(connection, limit=1)[0].facts == {"reason": "http-410"}
        endpoints.resume(connection, 1, actor=SYSTEM)
    assert attempt(webhooks, OK)


def test_a_test_is_tried_once(database: Database, webhooks: Webhooks) -> None:
    webhooks.emit()
    attempt(webhooks, AWAY)
    with database.write() as connection:
        number = endpoints.test(connection, 1, actor=SYSTEM)
    claim = claimed(webhooks, only=number)
    assert [it.event_type for it in claim.deliveries] == ["webhook.test"]
    webhooks.queue.record(claim, claim.deliveries[0], AWAY, NOW, 60)
    assert [entry.status for entry in log(webhooks)] == ["dead", "pending"]


def test_a_webhook_paused_or_removed_while_it_is_told_is_left_alone(
    database: Database, webhooks: Webhooks
) -> None:
    webhooks.emit()
    claim = claimed(webhooks)
    with database.write() as connection:
        endpoints.pause(connection, 1, actor=SYSTEM)
    assert not webhooks.queue.record(claim, claim.deliveries[0], OK, NOW, 60)
    assert webhooks.get().status == "paused"
    with database.write() as connection:
        endpoints.remove(connection, 1, actor=SYSTEM)
    assert not webhooks.queue.record(claim, claim.deliveries[0], OK, NOW, 60)


def test_other_webhooks_are_served_while_one_is_claimed_or_away(webhooks: Webhooks) -> None:
    webhooks.add()
    webhooks.emit()
    first, second = claimed(webhooks), claimed(webhooks)
    assert {first.webhook_id, second.webhook_id} == {1, 2}
    webhooks.queue.record(first, first.deliveries[0], AWAY, NOW, 60)
    for claim in (first, second):
        webhooks.queue.release(claim)
    assert claimed(webhooks).webhook_id == second.webhook_id


def test_a_secret_that_cannot_be_read_is_said_and_stops_no_other_webhook(
    database: Database, webhooks: Webhooks
) -> None:
    other = Keyring("b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyb3Q=")
    with database.write() as connection:
        endpoints.add(connection, other, "https://other.example.com/", actor=SYSTEM)
    webhooks.emit()
    found = WebhookQueue(database, other).claim(NOW, 60)
    assert found is not None
    assert found.webhook_id == 2
    assert (webhooks.get(1).status, webhooks.get(1).reason) == ("error", "key")


def test_a_replaced_secret_signs_for_a_day_more(database: Database, webhooks: Webhooks) -> None:
    webhooks.emit()
    (before,) = claimed_and_released(webhooks, NOW).secrets
    with database.write() as connection:
        new = endpoints.replace_secret(connection, webhooks.keyring, 1, actor=SYSTEM)
    assert claimed_and_released(webhooks, NOW).secrets == (new, before)
    assert claimed_and_released(webhooks, int(time.time()) + endpoints.OVERLAP).secrets == (new,)


def test_a_signature_is_over_time_and_text() -> None:
    # Computed with: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
    proof = "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
    assert sign(["secret"], b'{"a":1}', 1_700_000_000) == f"t=1700000000,{proof}"
    assert sign(["secret", "secret"], b'{"a":1}', 1_700_000_000) == f"t=1700000000,{proof},{proof}"


def test_the_log_is_paged_newest_first_and_filtered(webhooks: Webhooks) -> None:
    for number in range(5):
        webhooks.emit(number)
    attempt(webhooks, OK)
    assert [entry.id for entry in log(webhooks, limit=2)] == [5, 4]
    assert [entry.id for entry in log(webhooks, limit=2, before=4)] == [3, 2]
    assert [entry.id for entry in log(webhooks, status="delivered")] == [1]
    with pytest.raises(Invalid, match="pending, delivered or dead"):
        log(webhooks, status="lost")
    with pytest.raises(NotFound):
        log(webhooks, 2)


def test_finished_deliveries_are_forgotten_after_a_month(database: Database, webhooks: Webhooks) -> None:
    webhooks.emit(1)
    webhooks.emit(2)
    attempt(webhooks, OK)
    now = int(time.time())
    for moment, count in ((now + queue.KEPT - 100, 0), (now + queue.KEPT + 100, 1)):
        with database.write() as connection:
            assert queue.prune(connection, moment) == count
    assert [entry.status for entry in log(webhooks)] == ["pending"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_two_transactions_tell_at_the_same_moment_is_told_once(
    database: Database, webhooks: Webhooks
) -> None:
    with database.write() as one, database.write() as other:
        for connection in (one, other):
            emit(connection, "job.changed", {"number": 1}, subject="job:1", dedupe="a")
    webhooks.emit(2, subject="job:1", dedupe="b")
    webhooks.emit(3, subject="job:1", dedupe="a")
    assert len(log(webhooks)) == 4
    assert [json.loads(it.body)["data"]["number"] for it in claimed(webhooks).deliveries] == [1, 2, 3]
    assert len(log(webhooks)) == 3
