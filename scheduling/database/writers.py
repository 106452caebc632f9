# SPDX-License-Identifier: GPL-3.0-or-later
"""How many threads of a process write, or wait until they can. Somebody else may hold the database's lock for long, and
then those who wait must not be all threads there are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scheduling.errors import TooManyWriters

PATIENCE = 0.5
"""Seconds for which another writer is waited for. While writers come and go, there are always some left."""


class Writers:
    """Lets in any number of threads, until `limit` is called."""

    def __init__(self) -> None:
        self._most: int | None = None
        self._inside = 0
        self._moved = 0.0
        self._changed = threading.Condition()
        self._own = threading.local()

    def limit(self, most: int) -> None:
        """Let in no more than `most` threads at a time from now on."""
        with self._changed:
            self._most = most

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be one of them. A thread that is inside already may come in again.

        Raises `TooManyWriters` where all have been inside for long, and none has come out.
        """
        if self._most is None or getattr(self._own, "inside", False):
            yield
            return
        self._enter(self._most)
        self._own.inside = True
        try:
            yield
        finally:
            self._own.inside = False
            with self._changed:
                self._inside -= 1
                self._moved = time.monotonic()
                self._changed.notify()

    def _enter(self, most: int) -> None:
        with self._changed:
            while self._inside >= most:
                left = self._moved + PATIENCE - time.monotonic()
                if left <= 0:
                    raise TooManyWriters
                self._changed.wait(left)
            self._inside += 1
            self._moved = time.monotonic()
