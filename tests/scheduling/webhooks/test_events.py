# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.webhooks import EventType, emit, endpoints

if TYPE_CHECKING:
    from tests.scheduling.webhooks.conftest import Webhooks


def test_an_event_is_queued_for_every_webhook_that_is_registered_for_it(webhooks: Webhooks) -> None:
    one = webhooks.add()
    two = webhooks.add(events=["feed.regenerated", "job.changed"])
    three = webhooks.add(events=["job.changed"])
    webhooks.emit(7)
    assert [webhooks.data(one), webhooks.data(two), webhooks.data(three)] == [[{"number": 7}]] * 2 + [[]]
    (first,), (second,) = webhooks.bodies(one), webhooks.bodies(two)
    assert first == second
    assert first["type"] == "feed.regenerated"
    assert first["id"].startswith("evt_")
    assert datetime.fromisoformat(first["created_at"]).tzinfo == UTC


def test_without_webhooks_an_event_costs_one_statement(
    database: Database,
    webhooks: Webhooks,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    with statements(database) as seen:
        webhooks.emit()
    assert len(seen) == 1


def test_an_event_of_a_transaction_that_fails_never_was(database: Database, webhooks: Webhooks) -> None:
    webhooks.add()
    with database.engine.connect() as connection:
        emit(connection, EventType.FEED_REGENERATED, {})
        connection.rollback()
    assert webhooks.bodies() == []


def test_a_paused_webhook_is_queued_nothing(database: Database, webhooks: Webhooks) -> None:
    number = webhooks.add()
    with database.write() as connection:
        endpoints.pause(connection, number, actor=SYSTEM)
    webhooks.emit()
    with database.write() as connection:
        endpoints.resume(connection, number, actor=SYSTEM)
    webhooks.emit(2)
    assert webhooks.data() == [{"number": 2}]


def test_the_same_state_of_a_subject_is_told_of_once_until_it_changes(webhooks: Webhooks) -> None:
    webhooks.add()
    for number, state in enumerate(["a", "a", "b", "b", "a"]):
        webhooks.emit(number, subject="job:1", dedupe=state)
    webhooks.emit(9, subject="job:2", dedupe="a")
    assert webhooks.data() == [{"number": number} for number in (0, 2, 4, 9)]


def test_what_is_deduplicated_without_a_subject_is_told_of_once(webhooks: Webhooks) -> None:
    webhooks.add()
    for number, once in enumerate(["a", "b", "a"]):
        webhooks.emit(number, dedupe=once)
    assert webhooks.data() == [{"number": 0}, {"number": 1}]


def test_events_keep_their_order(webhooks: Webhooks) -> None:
    webhooks.add()
    for number in range(12):
        webhooks.emit(number)
    claim = webhooks.queue.claim(1, 60)
    assert claim is not None
    assert [f'"number":{number}' in it.body for number, it in enumerate(claim.deliveries)] == [True] * 12


def test_an_event_that_is_not_known_is_a_fault_of_ours(webhooks: Webhooks) -> None:
    with pytest.raises(ValueError, match=r"job\.forgotten"):
        webhooks.emit(event_type="job.forgotten")


def test_moments_are_written_in_utc(database: Database, webhooks: Webhooks) -> None:
    webhooks.add()
    with database.write() as connection:
        emit(connection, "job.changed", {"at": datetime(2026, 3, 10, 9, tzinfo=UTC)})
        with pytest.raises(TypeError):
            emit(connection, "job.changed", {"at": datetime(2026, 3, 10, 9)})  # noqa: DTZ001
    assert webhooks.data() == [{"at": "2026-03-10T09:00:00Z"}]
