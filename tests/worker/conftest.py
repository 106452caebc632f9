# SPDX-License-Identifier: GPL-3.0-or-later
"""A database with one webhook, and its receiver on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.fetch.policy import FetchPolicy
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.webhooks import EventType, deliveries, emit, endpoints
from scheduling.webhooks.deliveries import Delivery
from scheduling.webhooks.queue import WebhookQueue
from tests.factories import Dispatch
from tests.importer.conftest import data, server
from worker import webhooks
from worker.process import Worker

__all__ = ["data", "server"]

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
MARK = "s3cretpath"
PATH = f"/{MARK}"
CONFIG = ImporterConfig(allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), idle=1)
POLICY = webhooks.policy(CONFIG)

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

    def emit(self, number: int = 1) -> None:
        with self.database.write() as connection:
            emit(connection, EventType.FEED_REGENERATED, {"number": number, "umlaut": "ü"})

    def deliver(self, policy: FetchPolicy = POLICY) -> tuple[int, int]:
        tally = webhooks.deliver_due(self.queue, policy, threading.Event())
        return tally.delivered, tally.undelivered

    def worker(self) -> Worker:
        return Worker(self.database, Config(), CONFIG, self.keyring)

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
    )
