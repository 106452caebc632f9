# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are being sent. The event loop gets short answers whole. It gets long answers in parts, from memory or a
temporary file, as the client takes them; no thread waits. A client that takes too little is dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from scheduling.sentences import counted
from server.dav.fast.bodies import Content, Long, Pieces, gathered
from server.front.budget import Budget
from server.front.connection import Connection, Header
from server.front.peers import hang_up

logger = logging.getLogger(__name__)

SHORT = 2**16
"""The longest answer, in octets, that the event loop gets whole."""
_PARTS = ((8, 2**19), (32, 2**17))
_SMALL_PART = 2**14
"""Octets of the parts given to the event loop. It keeps up to four parts for each connection. Fewer than 8 concurrent
answers go out in large parts, more answers in small parts. A part of any size costs about 20 microseconds.
"""


class _Answer:
    """One long answer."""

    def __init__(
        self,
        connection: Connection,
        parts: Iterator[bytes],
        over: Callable[[_Answer], None],
        close: Callable[[], None],
    ) -> None:
        self.connection = connection
        self.began = self.moved = time.monotonic()
        self.sent = 0
        self._parts = parts
        self._over = over
        self._close = close
        self._lock = threading.RLock()
        self._ended = False

    def go_on(self) -> None:
        """Send until the client has to take something."""
        with self._lock:
            if self._ended:
                return
            self.moved = time.monotonic()
            for part in self._parts:
                self.sent += len(part)
                if not self.connection.send(part, more=True, taken=self.go_on):
                    return
            self.connection.send(b"", more=False)
            self._end()

    def give_up(self) -> None:
        """Send no more."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._close()
            self._over(self)


class Sender:
    """All answers that a process is sending: at most `most` long ones. Long answers in memory count against
    `budget`.
    """

    def __init__(self, budget: Budget, *, most: int) -> None:
        self._budget = budget
        self._most = most
        self._open: set[_Answer] = set()

    def send(self, connection: Connection, status: int, headers: list[Header], content: Content) -> None:
        """Send an answer, from any thread."""
        if isinstance(content, bytes) and len(content) <= SHORT:
            connection.start(status, headers)
            connection.send(content, more=False)
            return
        if not isinstance(content, Long) and not self._budget.hold(content):
            content = gathered([content] if isinstance(content, bytes) else content, in_memory=0)
        close = content.close if isinstance(content, Long) else partial(self._budget.release, content)
        pieces = (content,) if isinstance(content, bytes) else content
        self._begin(connection, status, headers, _parts(pieces, self._part), close)

    @property
    def _part(self) -> int:
        on_their_way = len(self._open)
        return next((size for fewer, size in _PARTS if on_their_way < fewer), _SMALL_PART)

    def _begin(
        self,
        connection: Connection,
        status: int,
        headers: list[Header],
        parts: Iterator[bytes],
        close: Callable[[], None],
    ) -> None:
        answer = _Answer(connection, parts, self._open.discard, close)
        try:
            connection.start(status, headers)
        except BaseException:
            close()
            raise
        self._open.add(answer)
        connection.watch(answer.give_up)
        answer.go_on()

    def sweep(self, now: float, *, seconds: int) -> None:
        """Drop clients that have taken nothing for `seconds`. If there are too many answers, also drop the slowest."""
        waiting = sorted(self._open.copy(), key=lambda it: it.moved)
        dropped = [it for it in waiting if now - it.moved > seconds]
        rest = waiting[len(dropped) :]
        if len(rest) > self._most:
            rest.sort(key=lambda it: it.sent / (now - it.began + 1))
            dropped += rest[: len(rest) - self._most]
        if dropped:
            for answer in dropped:
                answer.give_up()
            hang_up([it.connection.peer for it in dropped])
            logger.warning("dropped %s that took answers too slowly", counted(len(dropped), "client"))


def whole(body: Iterable[bytes]) -> Content:
    """The body in the form in which it is sent. A body that is neither in memory nor in a file is collected first."""
    if isinstance(body, Long | Pieces):
        return body
    if isinstance(body, list) and len(body) == 1:
        only: bytes = body[0]
        return only
    try:
        return gathered(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _parts(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) <= size:
            yield piece
            continue
        view = memoryview(piece)
        for start in range(0, len(piece), size):
            yield bytes(view[start : start + size])
