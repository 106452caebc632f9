# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.loop import Summary, run

CONFIG = ImporterConfig(allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), idle=1, batch=2)
MARK = "S3CRET"
Data = Callable[[str], bytes]


def once(store: Any, **named: Any) -> Summary:
    return run(store, CONFIG, once=True, stop=threading.Event(), **named)


def test_everything_due_is_worked_off_in_batches(server: Any, store: Any, data: Data) -> None:
    for number in range(5):
        store.add(number, server.says(f"/{number}", 200, data("google.ics")))
    assert once(store) == Summary(applied=5)
    assert {limit for _, limit, _ in store.claims} == {2}


def test_each_result_is_counted(server: Any, store: Any, data: Data) -> None:
    store.add(1, server.says("/1", 200, data("google.ics")))
    store.add(2, server.says("/2", 304), etag='"1"')
    store.add(3, server.says("/3", 500))
    found = once(store)
    assert found == Summary(applied=1, unchanged=1, failed=1)
    assert found.processed == 3


def test_only_the_named_subscription_is_fetched(server: Any, store: Any, data: Data) -> None:
    for number in (1, 2):
        store.add(number, server.says(f"/{number}", 200, data("google.ics")))
    assert once(store, only=2) == Summary(applied=1)
    assert [path for path, _ in server.requests] == ["/2"]


def test_a_fault_of_ours_stops_neither_the_loop_nor_tells_the_address(
    server: Any, store: Any, data: Data, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.hashes

    def hashes(due: Any) -> dict[str, str]:
        if due.id == 1:
            raise RuntimeError(f"row of {due.url}")
        return dict(real(due))

    monkeypatch.setattr(store, "hashes", hashes)
    for number in (1, 2):
        store.add(number, server.says(f"/{number}?key={MARK}", 200, data("google.ics")))
    with caplog.at_level(logging.DEBUG):
        assert once(store) == Summary(applied=1, failed=1)
    ((number, reason, message, _),) = store.failures
    assert (number, reason) == (1, "internal")
    assert "RuntimeError" in caplog.text
    assert MARK not in caplog.text + message


def test_more_than_a_host_may_be_asked_for_at_once_is_worked_off(server: Any, store: Any, data: Data) -> None:
    for number in range(30):
        store.add(number, server.says(f"/{number}", 304), etag='"1"')
    config = dataclasses.replace(CONFIG, host_concurrency=1, host_rate=1000.0, batch=20)
    assert run(store, config, once=True, stop=threading.Event()) == Summary(unchanged=30)


@pytest.mark.parametrize("status", [403, 200])
def test_a_failed_fetch_logs_its_reason_but_not_the_address(
    server: Any, store: Any, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    store.add(1, server.says(f"/{MARK}?key={MARK}", status, b"{}"))
    with caplog.at_level(logging.DEBUG):
        assert once(store) == Summary(failed=1)
    assert "subscription 1 not imported" in caplog.text
    assert MARK not in caplog.text + store.failures[0][2] + repr(store.due)


def test_after_the_signal_the_current_calendar_is_finished_and_the_others_are_given_back(
    server: Any, store: Any, data: Data
) -> None:
    stop = threading.Event()

    def answer(handler: Any) -> None:
        stop.set()
        body = data("google.ics")
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    server.answers["/1"] = answer
    for number in (1, 2):
        store.add(number, server.url(f"/{number}"))
    config = dataclasses.replace(CONFIG, concurrency=1)
    assert run(store, config, once=False, stop=stop) == Summary(applied=1)
    assert [number for number, _ in store.applied] == [1]
    assert store.released == [2]


def test_a_database_that_fails_is_tried_again(
    server: Any, store: Any, data: Data, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    store.add(1, server.says("/1", 200, data("google.ics")))
    real, calls = store.claim, []

    def claim(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise ConnectionError(MARK)
        return real(*arguments, **named)

    def apply(*arguments: Any) -> Any:
        stop.set()
        return applied(*arguments)

    applied = store.apply
    monkeypatch.setattr(store, "claim", claim)
    monkeypatch.setattr(store, "apply", apply)
    assert run(store, CONFIG, once=False, stop=stop) == Summary(applied=1)
    assert "ConnectionError" in caplog.text
    assert MARK not in caplog.text


def test_a_database_that_fails_ends_a_single_run(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def claim(*_: Any, **__: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(store, "claim", claim)
    with pytest.raises(ConnectionError):
        once(store)
