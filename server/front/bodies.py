# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies, read by the event loop. A body that arrives too slowly is given up. No thread waits for a body."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from server.front.budget import Budget
from server.front.connection import Connection

SMALL = 2**16
"""Octets of each body that do not count against the budget. The number of connections is limited anyway."""
_GRACE = 5.0
"""Seconds before a body has to keep to the minimum rate."""


class Outcome(Enum):
    """How reading a body ended."""

    WHOLE = "whole"
    TOO_LARGE = "too large"
    TOO_MANY = "too many"
    TOO_SLOW = "too slow"
    BROKEN = "broken"


class Incoming:
    """A body that is being read. `done` is called once, with the outcome, on any thread.

    `length` is its Content-Length, or None where it comes in chunks.
    """

    def __init__(
        self,
        connection: Connection,
        length: int | None,
        *,
        longest: int,
        budget: Budget,
        done: Callable[[Incoming, Outcome], None],
    ) -> None:
        self.connection = connection
        self._length = length
        self._longest = longest
        self._budget = budget
        self._done = done
        self._parts: list[bytes] = []
        self._counted = 0
        self._began = time.monotonic()
        self._over = False
        self.size = 0

    def begin(self) -> None:
        """Start reading; the time that it may take counts from now."""
        self._began = time.monotonic()
        self._read()

    def _read(self) -> None:
        self.connection.receive(self._arrived)

    def _arrived(self, part: bytes | None, *, more: bool) -> None:
        if self._over:
            return None
        if part is None:
            return self._end(Outcome.BROKEN)
        self.size += len(part)
        self._parts.append(part)
        if self.size > self._longest:
            return self._end(Outcome.TOO_LARGE)
        if self.size > SMALL and not self._count():
            return self._end(Outcome.TOO_MANY)
        if self._length is not None and self.size >= self._length:
            return self._end(Outcome.WHOLE)
        if more:
            return self._read()
        return self._end(Outcome.WHOLE if self._length is None else Outcome.BROKEN)

    def _count(self) -> bool:
        wanted = self.size - self._counted
        if not self._budget.take(wanted):
            return False
        self._counted += wanted
        return True

    def taken(self) -> bytes:
        """Return the body and keep it here no longer."""
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def release(self) -> None:
        """Give back the memory after the request has been answered."""
        counted, self._counted = self._counted, 0
        self._parts = []
        if counted:
            self._budget.give(counted)

    def expire(self, now: float, *, seconds: int, rate: int) -> None:
        """Give the body up if it has not arrived within `seconds` or comes with less than `rate` octets a second."""
        lasted = now - self._began
        if lasted > seconds or (lasted > _GRACE and self.size < rate * lasted):
            self._end(Outcome.TOO_SLOW)

    def give_up(self) -> None:
        """Stop reading, because the server stops."""
        self._end(Outcome.TOO_MANY)

    def _end(self, outcome: Outcome) -> None:
        if not self._over:
            self._over = True
            self._done(self, outcome)
