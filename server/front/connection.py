# SPDX-License-Identifier: GPL-3.0-or-later
"""One request as granian's event loop gives it, without asyncio: its ASGI protocol object, driven by callbacks.

An asyncio loop costs more than the answer to a poll does (docs/performance.md). The awaitables of granian take
callbacks like asyncio's futures and hand them to an object that looks like a loop. The object here calls them at once,
on the dispatcher's thread. Callbacks therefore must not wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

logger = logging.getLogger(__name__)

Header = tuple[str, str]
Scope = dict[str, Any]


class Arrived(Protocol):
    """Gets the next part of a body, and whether more may follow. The part is None once the client is gone."""

    def __call__(self, part: bytes | None, /, *, more: bool) -> None:
        """Take the part."""


class Callbacks:
    """Stands where granian expects an event loop."""

    def call_soon_threadsafe(self, callback: Callable[..., Any], *given: Any, context: Any = None) -> None:
        """Call it now. An error would be lost in granian, so it is logged here."""
        try:
            callback(*given)
        except Exception:
            logger.exception("a request could not be gone on with")

    call_soon = call_soon_threadsafe


class Connection:
    """The exchange of one request. Any thread may call its methods, but no two threads may call the same method at
    once.
    """

    __slots__ = ("_protocol", "_receiving", "_told", "_watched", "gone", "scope", "started")

    def __init__(self, scope: Scope, protocol: Any) -> None:
        self.scope = scope
        self._protocol = protocol
        self._receiving: Any = None
        self._watched = False
        self._told: list[Callable[[], None]] = []
        self.gone = False
        """Whether the client is known to have hung up."""
        self.started = False
        """Whether the answer has begun."""

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port."""
        address, port = self.scope["client"]
        return address, int(port)

    def receive(self, arrived: Arrived) -> None:
        """Call `arrived` with the next part of the body."""

        def done(future: Any) -> None:
            self._receiving = None
            if future.cancelled():
                return
            message = future.result()
            if message["type"] == "http.request":
                arrived(message["body"], more=message["more_body"])
            else:
                arrived(None, more=False)

        future = self._protocol.receive()
        if hasattr(future, "add_done_callback"):
            self._receiving = future
            future.add_done_callback(done)
        else:
            arrived(None, more=False)

    def abandon(self) -> None:
        """Receive nothing more. Waiting for the body would keep the connection open after the answer."""
        if self._receiving is not None:
            self._receiving.cancel()

    def watch(self, hung_up: Callable[[], None] | None = None) -> None:
        """Notice when the client hangs up, or when the answer has been sent, and call `hung_up` then, perhaps twice.

        The body must have been read.
        """
        if hung_up is not None:
            self._told.append(hung_up)
            if self.gone:
                hung_up()
        if self._watched:
            return
        self._watched = True

        def arrived(part: bytes | None, **_more: bool) -> None:
            if part is not None:
                self.receive(arrived)
                return
            self.gone = True
            told, self._told = self._told, []
            for tell in told:
                tell()

        self.receive(arrived)

    def start(self, status: int, headers: list[Header]) -> None:
        """Send the head of the answer. Raises ValueError for headers that HTTP does not permit."""
        self.started = True
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._protocol.send({"type": "http.response.start", "status": status, "headers": encoded})

    def send(self, part: bytes, *, more: bool, taken: Callable[[], None] | None = None) -> bool:
        """Send a part of the answer. False where the client has to take something first: nothing else may be sent
        until `taken` is called.
        """
        future = self._protocol.send({"type": "http.response.body", "body": part, "more_body": more})
        if taken is None or not hasattr(future, "add_done_callback") or future.done():
            return True
        future.add_done_callback(lambda _future: taken())
        return False
