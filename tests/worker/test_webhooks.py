# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries from a real queue to a receiver on loopback."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from importer.fetch.addresses import Exemptions
from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.webhooks import endpoints
from tests.worker.conftest import MARK, PATH, POLICY, Case, Receiver

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The function that the documentation gives to receivers."""
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)  # noqa: S102 - the example is what is tested
    found: Callable[..., bool] = names["is_genuine"]
    return found


def test_a_delivery_is_what_the_documentation_says(
    case: Case, receiver: Receiver, is_genuine: Callable[..., bool]
) -> None:
    case.emit(7)
    assert case.deliver() == (1, 0)
    ((path, headers, body),) = receiver.requests
    envelope = json.loads(body.decode("utf-8"))
    assert path == PATH
    assert envelope["data"] == {"number": 7, "umlaut": "ü"}
    assert set(envelope) == {"id", "type", "created_at", "data"}
    assert headers["content-type"] == "application/json"
    assert headers["daysheet-event"] == envelope["type"] == "feed.regenerated"
    assert headers["daysheet-event-id"] == envelope["id"] == case.log()[0].event_id
    assert is_genuine(case.secret, headers["daysheet-signature"], body)


def test_the_documented_check_refuses_what_is_forged_old_or_altered(
    case: Case, receiver: Receiver, is_genuine: Callable[..., bool]
) -> None:
    case.emit()
    case.deliver()
    ((_, headers, body),) = receiver.requests
    signature = headers["daysheet-signature"]
    assert not is_genuine("dsw_other", signature, body)
    assert not is_genuine(case.secret, signature, body + b" ")
    assert not is_genuine(case.secret, signature, body, time.time() + 400)
    assert not is_genuine(case.secret, signature.replace("t=", "t=1"), body)
    for broken in ("", "t=", "v1=00", "t=x,v1=00", signature.partition(",")[0]):
        assert not is_genuine(case.secret, broken, body)


def test_after_a_new_secret_both_are_proved(
    case: Case, receiver: Receiver, is_genuine: Callable[..., bool]
) -> None:
    with case.database.write() as connection:
        new = endpoints.replace_secret(connection, case.keyring, 1, actor=SYSTEM)
    case.emit()
    case.deliver()
    ((_, headers, body),) = receiver.requests
    for secret in (case.secret, new):
        assert is_genuine(secret, headers["daysheet-signature"], body)


def test_events_come_in_their_order_and_not_twice(case: Case, receiver: Receiver) -> None:
    for number in range(45):
        case.emit(number)
    assert case.deliver() == (45, 0)
    assert case.deliver() == (0, 0)
    assert receiver.numbers() == list(range(45))


def test_order_is_kept_while_the_receiver_is_away(case: Case, receiver: Receiver) -> None:
    for number in range(3):
        case.emit(number)
    receiver.script = [204, 503]
    assert case.deliver() == (1, 1)
    assert case.deliver() == (0, 0)
    case.make_due()
    assert case.deliver() == (2, 0)
    assert receiver.numbers() == [0, 1, 1, 2]
    first, second = (request[1] for request in receiver.requests[1:3])
    assert first["daysheet-event-id"] == second["daysheet-event-id"]


@pytest.mark.parametrize(
    ("status", "reason", "passes"),
    [
        (301, "redirect", True), (308, "redirect", True), (304, "redirect", True),
        (400, "http-400", True), (401, "http-401", True), (404, "http-404", True), (422, "http-422", True),
        (408, "http-408", False), (425, "http-425", False), (429, "http-429", False),
        (500, "http-5xx", False), (502, "http-5xx", False), (503, "http-5xx", False),
    ],
)  # fmt: skip
def test_every_answer_but_a_success_is_a_failure_that_is_tried_again(
    case: Case, receiver: Receiver, status: int, reason: str, passes: bool
) -> None:
    receiver.script = [status]
    receiver.headers = {"location": "/elsewhere"}
    case.emit(1)
    case.emit(2)
    assert case.deliver() == (int(passes), 1)
    failed = case.log()[-1]
    assert (failed.status, failed.reason, failed.http_status) == ("pending", reason, status)
    assert failed.message is not None
    assert failed.message.startswith("127.0.0.1 ")
    assert {path for path, _, _ in receiver.requests} == {PATH}
    case.make_due()
    assert case.deliver() == (1 + (not passes), 0)
    assert [entry.status for entry in case.log()] == ["delivered", "delivered"]


def test_a_webhook_that_is_gone_is_paused_and_that_is_audited(case: Case, receiver: Receiver) -> None:
    receiver.script = [410]
    case.emit(1)
    case.emit(2)
    assert case.deliver() == (0, 1)
    assert case.webhook().status == "paused"
    assert len(receiver.requests) == 1
    with case.database.read() as connection:
        newest = audit.page(connection, limit=1)[0]
    assert (newest.action, newest.actor_kind) == ("webhook.pause", "system")


def test_retry_after_is_heeded(case: Case, receiver: Receiver) -> None:
    receiver.script = [503]
    receiver.headers = {"retry-after": "7200"}
    case.emit()
    case.deliver()
    assert not case.queue.is_due(int(time.time()) + 7000)
    assert case.queue.is_due(int(time.time()) + 7201)


def test_private_addresses_are_refused_unless_allowed(case: Case, receiver: Receiver) -> None:
    case.emit()
    strict = replace(POLICY, allow=Exemptions(), ports=frozenset({receiver.port}))
    assert case.deliver(strict) == (0, 1)
    (entry,) = case.log()
    assert (entry.reason, entry.http_status) == ("refused-address", None)
    assert receiver.requests == []
    case.make_due()
    assert case.deliver() == (1, 0)


def test_unencrypted_addresses_are_refused_unless_allowed(case: Case, receiver: Receiver) -> None:
    case.emit()
    assert case.deliver(replace(POLICY, allow_http=False)) == (0, 1)
    assert case.log()[0].reason == "scheme"
    assert receiver.requests == []


def test_a_receiver_that_is_too_slow_is_away(case: Case, receiver: Receiver) -> None:
    receiver.script = [lambda _: receiver.released.wait(20) and None]
    case.emit()
    assert case.deliver(replace(POLICY, deadline=0.3)) == (0, 1)
    assert case.log()[0].reason == "timeout"


def test_a_receiver_that_hangs_up_is_away(case: Case, receiver: Receiver) -> None:
    receiver.script = [lambda handler: handler.connection.close()]
    case.emit()
    assert case.deliver() == (0, 1)
    assert case.log()[0].reason == "connection"


def test_the_body_of_an_answer_is_not_waited_for(case: Case, receiver: Receiver) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000000000")
        handler.end_headers()
        handler.wfile.flush()
        receiver.released.wait(20)

    receiver.script = [endless]
    case.emit()
    assert case.deliver() == (1, 0)


def test_neither_address_nor_secret_is_logged_or_recorded(
    case: Case, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.script = [204, 500]
    case.emit(1)
    case.emit(2)
    with caplog.at_level(logging.DEBUG, logger="worker"):
        case.deliver()
        case.make_due()
        case.deliver(replace(POLICY, allow=Exemptions()))
    assert "delivered feed.regenerated" in caplog.text
    kept = f"{caplog.text}{case.log()}{case.webhook()}"
    for secret in (MARK, case.secret):
        assert secret not in kept


def test_several_daemons_tell_of_each_event_once(case: Case, receiver: Receiver) -> None:
    for number in range(60):
        case.emit(number)
    workers = [threading.Thread(target=case.deliver) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(receiver.numbers()) == list(range(60))
