# SPDX-License-Identifier: GPL-3.0-or-later
"""Gets every request on the dispatcher's thread. The application gets a request complete or not at all."""

from __future__ import annotations

import io
import logging
import threading
import time
from functools import partial
from typing import Any

from server.config import ServerSettings
from server.front.bodies import SMALL, Incoming, Outcome
from server.front.budget import Budget
from server.front.connection import Connection, Header
from server.front.environ import environ_of
from server.front.peers import Peer, hang_up
from server.front.pool import Pool
from server.front.request import Admission, Application, Environ, Request, say
from server.front.sending import Sender, whole
from server.security import SECURITY, SESSION_COOKIE

logger = logging.getLogger(__name__)

UNKNOWN = 4096
"""Octets of a body that are read without credentials. Longer bodies need credentials."""
_SIGNED_IN = f"{SESSION_COOKIE}="
"""In the cookies of people who are signed in to the pages: their forms may be longer."""
SHORT_QUESTION = 8192
"""The longest body of a poll, in octets. Polls of calendar apps have 500, or 6,000 if they ask for 50 objects
by name.
"""
HEALTH = "/healthz"
_OK = b'{"status":"ok"}\n'
HEALTHY: list[Header] = [
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(_OK))),
    *SECURITY,
]
"""The header fields of the answer to a health check. The application would answer with the same fields."""
_QUEUE = 1024
_MOST_LONG = 256
_SWEEP = 1.0
_REFUSED: dict[Outcome, tuple[int, str, tuple[Header, ...]]] = {
    Outcome.TOO_SLOW: (408, "The request body arrived too slowly.", ()),
    Outcome.TOO_MANY: (503, "Too many large requests at a time; try again shortly.", (("Retry-After", "5"),)),
    Outcome.BROKEN: (400, "The request body ended too early.", ()),
}


class Front:
    """Each worker has one. granian calls it with each request."""

    def __init__(self, application: Application, settings: ServerSettings) -> None:
        self._application = application
        self._settings = settings
        budget = Budget(settings.waiting_memory)
        self._budget = budget
        self._pool = Pool(settings.threads, longest=_QUEUE, seconds=settings.request_timeout)
        self._sender = Sender(budget, most=_MOST_LONG)
        self._bodies: set[Incoming] = set()
        self._leaving: list[Peer] = []
        self._closing = threading.Event()
        threading.Thread(target=self._sweep, name="front", daemon=True).start()

    def __call__(self, watcher: Any) -> None:
        """Take a request from the event loop. Never waits and never raises: granian cannot handle either."""
        try:
            self._take(Connection(watcher.scope, watcher.proto))
        except Exception as error:
            logger.exception("a request could not be taken")
            watcher.err(error)

    def close(self) -> None:
        """Give up requests that are still arriving. Running requests go on."""
        self._closing.set()
        for incoming in self._bodies.copy():
            incoming.give_up()

    def _take(self, connection: Connection) -> None:
        environ = environ_of(connection.scope)
        if environ["PATH_INFO"] == HEALTH and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            self._sender.send(connection, 200, HEALTHY, _OK if environ["REQUEST_METHOD"] == "GET" else b"")
            return
        text = environ.get("CONTENT_LENGTH", "")
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        length = int(text) if text.isdecimal() and not chunked else None
        # A request goes to the application at once if it has no body, or if its body is refused for its length.
        if not chunked and (not length or length > self._settings.max_body):
            self._submit(connection, environ)
            return
        known = "HTTP_AUTHORIZATION" in environ
        longest = self._settings.max_body
        if not known:
            longest = min(SMALL if _SIGNED_IN in environ.get("HTTP_COOKIE", "") else UNKNOWN, longest)
        if length is not None and length > longest:
            self._withhold(connection, environ)
            return
        incoming = Incoming(
            connection,
            length,
            longest=longest,
            budget=self._budget,
            done=lambda body, outcome: self._arrived(body, outcome, environ),
        )
        if known and (length is None or length > SMALL):
            read = partial(self._read, incoming)
            self._queue(Admission(connection, dict(environ), self._application, self._sender, read))
        else:
            self._read(incoming)

    def _read(self, incoming: Incoming) -> None:
        self._bodies.add(incoming)
        incoming.begin()

    def _arrived(self, incoming: Incoming, outcome: Outcome, environ: Environ) -> None:
        self._bodies.discard(incoming)
        if outcome in _REFUSED:
            incoming.release()
            say(incoming.connection, *_REFUSED[outcome])
            incoming.connection.abandon()
            self._leaving.append(incoming.connection.peer)
        elif outcome is Outcome.TOO_LARGE and "HTTP_AUTHORIZATION" not in environ:
            incoming.release()
            self._withhold(incoming.connection, environ)
        else:
            environ["CONTENT_LENGTH"] = str(incoming.size)
            body = incoming.taken() if outcome is Outcome.WHOLE else b""
            self._submit(incoming.connection, environ, body=body, incoming=incoming)

    def _withhold(self, connection: Connection, environ: Environ) -> None:
        """Ask the application without credentials and without the body. It refuses if it needs either, and does
        nothing.
        """
        environ |= {"CONTENT_LENGTH": "0", "wsgi.input_withheld": True}
        self._submit(connection, environ)

    def _submit(
        self, connection: Connection, environ: Environ, body: bytes = b"", incoming: Incoming | None = None
    ) -> None:
        if (
            "HTTP_AUTHORIZATION" in environ
            and len(body) <= SHORT_QUESTION
            and self._at_once(connection, environ, body)
        ):
            return
        self._queue(Request(connection, environ, self._application, self._sender, body, incoming))

    def _at_once(self, connection: Connection, environ: Environ, body: bytes) -> bool:
        """Answer on the dispatcher's thread, if no waiting is needed. A hop to another thread costs half as much as a
        poll.
        """
        environ["wsgi.input"] = io.BytesIO(body)
        answer = self._application.at_once(environ)
        if answer is None:
            return False
        self._sender.send(connection, int(answer[0][:3]), answer[1], whole(answer[2]))
        return True

    def _queue(self, job: Request | Admission) -> None:
        if self._pool.is_full:
            job.watch_for_leaving()
        if not self._pool.submit(job):
            job.ended()

    def _sweep(self) -> None:
        settings = self._settings
        while not self._closing.wait(_SWEEP):
            try:
                now = time.monotonic()
                self._expire(now)
                self._sender.sweep(now, seconds=settings.send_timeout)
                self._pool.sweep(now)
            except Exception:
                logger.exception("the front could not look after its clients")

    def _expire(self, now: float) -> None:
        """Give up late bodies. Hang up on clients that were told so and stayed connected."""
        settings, leaving = self._settings, self._leaving
        self._leaving = []
        if leaving:
            hang_up(leaving)
        for incoming in self._bodies.copy():
            incoming.expire(now, seconds=settings.body_timeout, rate=settings.body_rate)
