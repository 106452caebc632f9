# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole background work on a real database: imports, events, deliveries, upkeep."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import ensure_calendars
from scheduling.settings import stored
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.worker.conftest import Case, Receiver
from worker.process import Summary, stop_on_signals


def test_once_imports_and_then_tells_of_what_came_of_it(case: Case, receiver: Receiver) -> None:
    receiver.script = []
    with case.database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        address = f"http://127.0.0.1:{receiver.port}/calendar.ics"
        subscriptions.add(connection, case.keyring, anna.id, address, "Private", actor=SYSTEM)
    stop = threading.Event()
    assert case.worker().once(stop) == Summary(failed=1, delivered=1)
    envelope = json.loads(receiver.requests[0][2])
    assert envelope["type"] == "subscription.error"
    assert envelope["data"]["subscription"] == {
        "id": 1, "user": "anna", "label": "Private", "host": "127.0.0.1",
    }  # fmt: skip
    assert envelope["data"]["reason"] == "http-5xx"
    assert "calendar.ics" not in str(envelope)


def test_a_subscription_tells_when_it_begins_to_fail_and_when_it_works_again(
    case: Case, receiver: Receiver, server: Any, data: Callable[[str], bytes]
) -> None:
    with case.database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        subscriptions.add(connection, case.keyring, anna.id, server.url("/a.ics"), "Private", actor=SYSTEM)
    for status in (200, 500, 503, 200, 200, 404):
        server.says("/a.ics", status, data("google.ics") if status == 200 else b"")
        with case.database.write() as connection:
            subscriptions.request_sync(connection, 1, actor=SYSTEM)
        case.worker().once(threading.Event())
    told = [json.loads(body)["type"] for _, _, body in receiver.requests]
    assert told == ["subscription.error", "subscription.recovered", "subscription.error"]


def test_the_worker_tells_of_a_changed_job_that_nobody_reads(
    case: Case, receiver: Receiver, dispatch: Dispatch
) -> None:
    stop = threading.Event()
    daemon = threading.Thread(target=case.worker().run, args=(stop,))
    daemon.start()
    try:
        soon = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(time.time() + 3600))
        later = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(time.time() + 7200))
        dispatch.job(dispatch.user("anna"), reference="J-1", starts_at=soon, ends_at=later)
        assert receiver.came.acquire(timeout=60)
    finally:
        stop.set()
        daemon.join()
    job = json.loads(receiver.requests[0][2])["data"]["job"]
    assert (job["reference"], job["assignees"]) == ("J-1", ["anna"])


def test_signals_ask_the_worker_to_stop() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in before:
            stop = threading.Event()
            stop_on_signals(stop)
            os.kill(os.getpid(), number)
            assert stop.wait(5)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def orphan(dispatch: Dispatch) -> None:
    """A calendar of nobody, which the upkeep drops."""
    dispatch.insert(
        "calendars",
        user_id=999,
        slug="jobs",
        kind="jobs",
        revision=1,
        pruned_revision=1,
        view_epoch="",
        changed_at=0,
        expanded_from=0,
        expanded_until=0,
    )


def orphans(dispatch: Dispatch) -> int:
    return int(dispatch.execute("SELECT count(*) FROM calendars WHERE user_id = 999")[0][0])


def test_the_database_is_tidied_up_once_or_while_the_worker_runs(case: Case, dispatch: Dispatch) -> None:
    orphan(dispatch)
    assert case.worker().once(threading.Event()) == Summary()
    assert orphans(dispatch) == 0
    orphan(dispatch)
    stop = threading.Event()
    running = threading.Thread(target=case.worker().run, args=(stop,))
    running.start()
    try:
        deadline = time.monotonic() + 60
        while orphans(dispatch):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        stop.set()
        running.join()


def test_a_single_import_leaves_everything_else_alone(
    case: Case, receiver: Receiver, dispatch: Dispatch, server: Any, data: Callable[[str], bytes]
) -> None:
    with case.database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        for path in ("/a.ics", "/b.ics"):
            address = server.says(path, 200, data("google.ics"))
            subscriptions.add(connection, case.keyring, anna.id, address, "Private", actor=SYSTEM)
    orphan(dispatch)
    case.emit()
    assert case.worker().import_one(2, threading.Event()) == Summary(applied=1)
    assert [path for path, _ in server.requests] == ["/b.ics"]
    assert (orphans(dispatch), receiver.requests) == (1, [])


def test_the_worker_catches_up_before_somebody_asks_also_without_conflicts_and_webhooks(
    case: Case, dispatch: Dispatch
) -> None:
    with case.database.write() as connection:
        stored.change(connection, "conflicts.enabled", "no", actor=SYSTEM)
        connection.execute(text("DELETE FROM webhooks"))
    anna = dispatch.user("anna")
    with case.database.write() as connection:
        ensure_calendars(connection, anna)
    stop = threading.Event()
    daemon = threading.Thread(target=case.worker().run, args=(stop,))
    daemon.start()
    try:
        # The first may be found by the upkeep, which comes once in a long time; the others are not.
        for count in (1, 2, 3):
            dispatch.job(anna)
            until = time.monotonic() + 60
            while _shown(case) < count and time.monotonic() < until:
                time.sleep(0.05)
            assert _shown(case) == count
    finally:
        stop.set()
        daemon.join()


def _shown(case: Case) -> int:
    with case.database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM calendar_objects")).scalar_one())
