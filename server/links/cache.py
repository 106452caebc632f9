# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds as they were sent, in memory and shared by the threads of a process.

A key names feed, version and encoding. So an entry is never wrong; an old one is just not requested any more. Whether a
link still opens its feed is checked before a body is taken from here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict


class FeedCache:
    """Holds at most `most_octets`. The least recently used body is dropped first."""

    def __init__(self, most_octets: int) -> None:
        self._most = most_octets
        self._size = 0
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Octets held."""
        return self._size

    def get(self, key: str) -> bytes | None:
        """The body, if it is in the cache."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: str, body: bytes) -> None:
        """Keep the body, unless it alone is too large."""
        if len(body) > self._most:
            return
        with self._lock:
            self._size += len(body) - len(self._bodies.pop(key, b""))
            self._bodies[key] = body
            while self._size > self._most:
                _, oldest = self._bodies.popitem(last=False)
                self._size -= len(oldest)
