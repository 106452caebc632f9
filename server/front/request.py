# SPDX-License-Identifier: GPL-3.0-or-later
"""A complete request and its way through the application: a job of the pool."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from server.dav.fast.bodies import Content
from server.front.bodies import Incoming
from server.front.connection import Connection, Header
from server.front.sending import Sender, whole

Environ = dict[str, Any]
_LONGEST_WAIT = 30.0
"""Seconds for which a request may wait for a thread."""
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Application(Protocol):
    """The served WSGI application, which can also check credentials alone."""

    def __call__(self, environ: Environ, start_response: Callable[..., Any], /) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""

    def at_once(self, environ: Environ) -> tuple[str, list[Header], Iterable[bytes]] | None:
        """The answer, if it can be given without waiting."""

    def refusal(self, environ: Environ) -> tuple[str, list[Header], Iterable[bytes]] | None:
        """The refusal of a request with bad credentials, without reading its body. None if the credentials are good."""


class _Job:
    """The common part of requests and of the check of their credentials. Each is answered exactly once, even after
    errors.
    """

    def __init__(
        self, connection: Connection, environ: Environ, application: Application, sender: Sender
    ) -> None:
        self._connection = connection
        self._environ = environ
        self._application = application
        self._sender = sender
        self._answer: tuple[int, list[Header], Content] | None = None
        self._came = time.monotonic()

    @property
    def _late(self) -> bool:
        """Whether an answer is useless now, because the request has waited too long or the client has gone."""
        return self._connection.gone or time.monotonic() - self._came > _LONGEST_WAIT

    def ended(self) -> None:
        """Answer 503: the request lasted too long."""
        self._say(503, "The answer takes too long at the moment; try again later.", [("Retry-After", "30")])

    def failed(self) -> None:
        """Answer 500."""
        self._say(500, "Something went wrong here; the log of the server says more.")

    def watch(self, gone: Callable[[], None]) -> None:
        """A hang-up cannot be noticed while the body is not read yet."""

    def watch_for_leaving(self) -> None:
        """A hang-up cannot be noticed while the request waits either."""

    def release(self) -> None:
        """Keep nothing of the request."""
        self._environ = {}

    def _say(self, status: int, sentence: str, headers: Iterable[Header] = ()) -> None:
        self.release()
        if not self._connection.started:
            say(self._connection, status, sentence, headers)


class Request(_Job):
    """A request with its body. The body's memory is given back to the budget of `incoming`."""

    def __init__(
        self,
        connection: Connection,
        environ: Environ,
        application: Application,
        sender: Sender,
        body: bytes = b"",
        incoming: Incoming | None = None,
    ) -> None:
        super().__init__(connection, environ, application, sender)
        self._body = body
        self._incoming = incoming
        self._is_watched = False

    def watch(self, gone: Callable[[], None]) -> None:
        """Call `gone` when the client hangs up."""
        if not self._is_watched:
            self._is_watched = True
            self._connection.watch(gone)

    def watch_for_leaving(self) -> None:
        """Notice a hang-up of the client while the request waits."""
        self._connection.watch()

    def run(self) -> None:
        """Make the answer (PEP 3333)."""
        if self._late:
            return
        started: list[Any] = []

        def start_response(status: str, headers: list[Header], _error: Any = None) -> None:
            started[:] = int(status[:3]), headers

        self._environ["wsgi.input"] = io.BytesIO(self._body)
        body = self._application(self._environ, start_response)
        self._answer = started[0], started[1], whole(body)

    def deliver(self) -> None:
        """Send it."""
        if self._answer is None:
            self.ended()
            return
        self.release()
        self._sender.send(self._connection, *self._answer)

    def release(self) -> None:
        """Keep nothing of the request or its body."""
        super().release()
        self._body = b""
        if self._incoming is not None:
            self._incoming.release()


class Admission(_Job):
    """Checks the credentials of a request before more of its body is read. Calls `admitted` if they are good."""

    def __init__(
        self,
        connection: Connection,
        environ: Environ,
        application: Application,
        sender: Sender,
        admitted: Callable[[], None],
    ) -> None:
        super().__init__(connection, environ, application, sender)
        self._admitted = admitted
        self._looked = False

    def run(self) -> None:
        """Ask the application."""
        if self._late:
            return
        self._environ["wsgi.input"] = io.BytesIO(b"")
        refusal = self._application.refusal(self._environ)
        if refusal is not None:
            status, headers, body = refusal
            self._answer = int(status[:3]), headers, whole(body)
        self._looked = True

    def deliver(self) -> None:
        """Send the refusal, or go on with the request."""
        self.release()
        if self._answer is not None:
            self._sender.send(self._connection, *self._answer)
        elif self._looked:
            self._admitted()
        else:
            self.ended()


def say(connection: Connection, status: int, sentence: str, headers: Iterable[Header] = ()) -> None:
    """Answer with one sentence."""
    body = f"{sentence}\n".encode()
    connection.start(status, [_TEXT, ("Content-Length", str(len(body))), *headers])
    connection.send(body, more=False)
