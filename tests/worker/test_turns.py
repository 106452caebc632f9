# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

import pytest

from tests.worker.conftest import MARK, POLICY, Case, Receiver
from worker.turns import Duty, in_background, work_off
from worker.webhooks import deliver_waiting


def test_a_database_that_is_away_does_not_end_the_background(
    case: Case, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = case.queue.is_due
    failures = [ConnectionError(MARK)]

    def is_due(now: int) -> bool:
        if failures:
            raise failures.pop()
        return real(now)

    monkeypatch.setattr(case.queue, "is_due", is_due)
    case.emit()
    stop = threading.Event()
    duty = Duty(name="webhooks", do=lambda: deliver_waiting(case.queue, POLICY, stop), pause=0.1)
    with in_background([duty], stop):
        assert receiver.came.acquire(timeout=60)
    assert "webhooks failed, trying again: ConnectionError" in caplog.text
    assert MARK not in caplog.text


def test_turns_are_taken_until_none_has_more_to_do() -> None:
    left = {"a": 2, "b": 0}
    taken = []

    def turn(name: str) -> bool:
        taken.append(name)
        left[name] -= 1
        return left[name] > 0

    work_off([lambda _now: turn("a"), lambda _now: turn("b")], threading.Event())
    assert taken == ["a", "b", "a", "b"]


def test_no_turn_is_taken_once_it_is_told_to_stop() -> None:
    stop = threading.Event()
    taken = []

    def turn(now: int) -> bool:
        taken.append(now)
        stop.set()
        return True

    work_off([turn], stop)
    assert len(taken) == 1
