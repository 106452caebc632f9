# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole calendars as they were last sent, shared by the threads of a process while they are unchanged."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable

CAPACITY = 32 * 2**20
"""Octets kept in all; a calendar larger than half of it is never kept."""
LEVEL = 1
"""Of compression: half the time of zlib's default for seven per cent more octets (docs/performance.md)."""
Key = tuple[int, str]


def packed(content: bytes) -> bytes:
    """Gzip of `content`."""
    packer = zlib.compressobj(LEVEL, wbits=16 + zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


class Bodies:
    """Least recently used first out. A key holds the calendar's id and entity tag, so nothing in here is ever stale."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[tuple[Key, bool], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], bytes], *, gzip: bool) -> bytes:
        """The body for `key`, made where it is not at hand."""
        with self._lock:
            found = self._kept.get((key, gzip))
            if found is not None:
                self._kept.move_to_end((key, gzip))
                return found
        content = packed(self.get(key, make, gzip=False)) if gzip else make()
        with self._lock:
            if len(content) * 2 <= self._capacity and (key, gzip) not in self._kept:
                self._kept[key, gzip] = content
                self._size += len(content)
            while self._size > self._capacity:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)
        return content
