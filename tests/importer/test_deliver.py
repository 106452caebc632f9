# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliveries from a real queue to a receiver on loopback."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from importer import deliver
from importer.config import ImporterConfig
from importer.daemon import Summary, run
from importer.fetch.addresses import Exemptions
from importer.fetch.policy import FetchPolicy
from scheduling.access import audit, users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore
from scheduling.webhooks import EventType, deliveries, emit, endpoints
from scheduling.webhooks.deliveries import Delivery
from scheduling.webhooks.queue import WebhookQueue
from scheduling.webhooks.watch import JobWatch
from tests.factories import Dispatch

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
MARK = "s3cretpath"
PATH = f"/{MARK}"
CONFIG = ImporterConfig(allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), idle=1)
POLICY = deliver.policy(CONFIG)
PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"

Request = tuple[str, dict[str, str], bytes]


@dataclass
class Receiver:
    """Answers with the statuses of `script`, one after the other, then 204; keeps what came."""

    port: int = 0
    script: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def numbers(self) -> list[int]:
        return [json.loads(body)["data"]["number"] for _, _, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    scripted = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            scripted.requests.append((self.path, named, body))
            status = scripted.script.pop(0) if scripted.script else 204
            scripted.came.release()
            if callable(status):
                status(self)
                return
            self.send_response(status)
            for name, value in {"content-length": "0", **scripted.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    scripted.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield scripted
    scripted.released.set()
    listening.shutdown()
    thread.join()
    listening.server_close()


@dataclass
class Case:
    """A database with one webhook, for `receiver`."""

    database: Database
    keyring: Keyring
    secret: str
    queue: WebhookQueue
    store: ImportStore

    def emit(self, number: int = 1) -> None:
        with self.database.write() as connection:
            emit(connection, EventType.FEED_REGENERATED, {"number": number, "umlaut": "ü"})

    def deliver(self, policy: FetchPolicy = POLICY) -> tuple[int, int]:
        tally = deliver.deliver_due(self.queue, policy, threading.Event())
        return tally.delivered, tally.undelivered

    def log(self) -> list[Delivery]:
        with self.database.read() as connection:
            return deliveries.page(connection, 1)

    def webhook(self) -> endpoints.Webhook:
        with self.database.read() as connection:
            return endpoints.get(connection, 1)

    def make_due(self) -> None:
        with Dispatch.connect(self.database.url) as application:
            application.execute("UPDATE webhooks SET next_at = 0")
            application.execute("UPDATE webhook_deliveries SET next_at = 0")


@pytest.fixture
def case(database: Database, receiver: Receiver) -> Case:
    keyring = Keyring(KEY)
    with database.write() as connection:
        _, secret = endpoints.add(connection, keyring, receiver.url, allow_http=True, actor=SYSTEM)
    return Case(
        database,
        keyring,
        secret,
        WebhookQueue(database, keyring),
        ImportStore(database, Config(), keyring, followers=FOLLOWERS),
    )


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
    with caplog.at_level(logging.DEBUG, logger="importer"):
        case.deliver()
        case.make_due()
        case.deliver(replace(POLICY, allow=Exemptions()))
    assert "delivered feed.regenerated" in caplog.text
    kept = f"{caplog.text}{case.log()}{case.webhook()}"
    for secret in (MARK, case.secret):
        assert secret not in kept


def test_once_imports_and_then_tells_of_what_came_of_it(case: Case, receiver: Receiver) -> None:
    receiver.script = []
    with case.database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        address = f"http://127.0.0.1:{receiver.port}/calendar.ics"
        subscriptions.add(connection, case.keyring, anna.id, address, "Private", actor=SYSTEM)
    stop = threading.Event()
    assert run(case.store, CONFIG, once=True, stop=stop, queue=case.queue) == Summary(failed=1, delivered=1)
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
        run(case.store, CONFIG, once=True, stop=threading.Event(), queue=case.queue)
    told = [json.loads(body)["type"] for _, _, body in receiver.requests]
    assert told == ["subscription.error", "subscription.recovered", "subscription.error"]


def test_the_daemon_tells_of_a_changed_job_that_nobody_reads(
    case: Case, receiver: Receiver, dispatch: Dispatch
) -> None:
    stop = threading.Event()
    daemon = threading.Thread(
        target=run,
        args=(case.store, CONFIG),
        kwargs={
            "once": False,
            "stop": stop,
            "queue": case.queue,
            "turns": [JobWatch(case.database, Config(), followers=FOLLOWERS).turn],
        },
    )
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


def test_several_daemons_tell_of_each_event_once(case: Case, receiver: Receiver) -> None:
    for number in range(60):
        case.emit(number)
    workers = [threading.Thread(target=case.deliver) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(receiver.numbers()) == list(range(60))


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
    with deliver.in_background(case.queue, (), POLICY, threading.Event()):
        assert receiver.came.acquire(timeout=60)
    assert "ConnectionError" in caplog.text
    assert MARK not in caplog.text
