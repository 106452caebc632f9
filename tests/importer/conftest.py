# SPDX-License-Identifier: GPL-3.0-or-later
"""A calendar server on loopback whose answers each test scripts, and a port nobody may connect to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from importer.store import Applied, Due, Facts, Failure, Taken
from scheduling.subscriptions.plan import plan

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class CalendarServer:
    """`answers` maps paths to functions that answer; `requests` are the paths and headers that came."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def says(self, path: str, status: int, body: bytes = b"", **headers: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url(path)


@pytest.fixture
def server() -> Iterator[CalendarServer]:
    scripted = CalendarServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scripted.requests.append(
                (self.path, {name.lower(): value for name, value in self.headers.items()})
            )
            try:
                scripted.answers[self.path](self)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
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


class Resolver:
    """Answers look-ups of names with `answers`, a list of addresses each and the last one again."""

    def __init__(self) -> None:
        self.answers: list[list[str]] = [["127.0.0.1"]]
        self.asked: list[str] = []
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        if host.replace(".", "").isdigit():
            return self._real(host, port, *rest, **named)
        self.asked.append(host)
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    fake = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return fake


@dataclass
class Canary:
    listening: socket.socket

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def touched(self) -> bool:
        try:
            connection, _ = self.listening.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Canary(listening)


@pytest.fixture
def data() -> Callable[[str], bytes]:
    folder = Path(__file__).parent / "data"
    return lambda name: (folder / name).read_bytes()


class RecordingStore:
    """Hands out scripted claims and keeps what it is told."""

    def __init__(self) -> None:
        self.due: list[Due] = []
        self.stored: dict[int, dict[str, str]] = {}
        self.applied: list[tuple[int, Applied]] = []
        self.same: list[tuple[int, Facts]] = []
        self.failures: list[tuple[int, str, str, int]] = []
        self.claims: list[tuple[int, int, int | None]] = []
        self.released: list[int] = []
        self.paused: list[int] = []

    one_writer = True

    def is_due(self, now: int) -> bool:
        return bool(self.due)

    def claim(
        self, now: int, lease_seconds: int, limit: int, only: int | None = None, **named: Any
    ) -> list[Due]:
        self.claims.append((lease_seconds, limit, only))
        left_out = named.get("without_hosts", ())
        claimed = [
            due for due in self.due if only in (None, due.id) and urlsplit(due.url).hostname not in left_out
        ][:limit]
        self.due = [due for due in self.due if due not in claimed]
        return claimed

    def renew(self, held: Collection[str], now: int, lease_seconds: int) -> set[str]:
        return set(held)

    def release(self, claims: Collection[Due]) -> None:
        self.released += [due.id for due in claims]

    def hashes(self, due: Due) -> dict[str, str]:
        return self.stored.get(due.id, {})

    def apply(self, due: Due, changes: Applied) -> Taken:
        self.applied.append((due.id, changes))
        found = plan(self.hashes(due), changes.seen)
        self.stored[due.id] = dict(changes.seen)
        return Taken(
            status="applied",
            inserted=len(found.insert),
            updated=len(found.update),
            deleted=len(found.delete),
        )

    def unchanged(self, due: Due, facts: Facts) -> None:
        self.same.append((due.id, facts))

    def failed(self, due: Due, failure: Failure) -> None:
        if failure.pause:
            self.paused.append(due.id)
        self.failures.append((due.id, failure.reason, failure.message, failure.next_at))

    def add(self, number: int, url: str, **facts: Any) -> Due:
        fields = {"etag": None, "last_modified": None, "time_zone": "Europe/Berlin", "failures": 0, **facts}
        due = Due(id=number, user_id=1, url=url, lease="lease", **fields)
        self.due.append(due)
        return due


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()
