# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers kept under idempotency keys, and counted requests: how long they are remembered."""

from __future__ import annotations

import pytest

from scheduling.access import idempotency, request_rates
from scheduling.access.idempotency import KEPT_SECONDS, Answer, KeyReused
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
ANSWER = Answer(status=201, headers={"ETag": '"1"'}, body='{"password": "open sesame"}')
UNDER = idempotency.scope(KEYRING, "api-key 1", "k")
REQUEST = idempotency.fingerprint("POST", "/jobs", b"{}")
NOW = 1_796_000_000


def settled(database: Database) -> None:
    with database.write() as connection:
        assert idempotency.claim(connection, KEYRING, UNDER, REQUEST, NOW) is None
        idempotency.settle(connection, KEYRING, UNDER, ANSWER)


def test_the_answer_is_given_again_until_it_is_forgotten(database: Database) -> None:
    settled(database)
    with database.write() as connection:
        assert idempotency.claim(connection, KEYRING, UNDER, REQUEST, NOW + KEPT_SECONDS) == ANSWER
        assert idempotency.claim(connection, KEYRING, UNDER, REQUEST, NOW + KEPT_SECONDS + 1) is None


def test_another_request_with_the_key_is_refused(database: Database) -> None:
    settled(database)
    other = idempotency.fingerprint("POST", "/jobs", b'{"notes": ""}')
    with database.write() as connection, pytest.raises(KeyReused):
        idempotency.claim(connection, KEYRING, UNDER, other, NOW)


def test_what_was_rolled_back_keeps_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            idempotency.claim(connection, KEYRING, UNDER, REQUEST, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    settled(database)


def test_old_answers_and_counts_are_forgotten(database: Database) -> None:
    settled(database)
    with database.write() as connection:
        request_rates.count(connection, KEYRING, "api-key 1", 10, NOW)
        assert (idempotency.prune(connection, NOW), request_rates.prune(connection, NOW)) == (0, 0)
        later = NOW + KEPT_SECONDS + 1
        assert (idempotency.prune(connection, later), request_rates.prune(connection, later)) == (1, 1)


def test_requests_beyond_the_limit_wait_for_the_next_minute(database: Database) -> None:
    start = NOW - NOW % 60 + 15
    with database.write() as connection:
        waits = [request_rates.count(connection, KEYRING, "a", 2, start) for _ in range(4)]
        assert waits == [0, 0, 45, 45]
        assert request_rates.count(connection, KEYRING, "b", 2, start) == 0
        assert request_rates.count(connection, KEYRING, "a", 2, start + 45) == 0
