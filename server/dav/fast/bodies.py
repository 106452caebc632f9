# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of answers. Short ones are in memory, longer ones in a temporary file. Bodies of whole calendars are kept
while the calendars are unchanged.

A long body is finished before any part of it is sent, so a slow client keeps no transaction open. A long body takes no
more memory than a short one.
"""

from __future__ import annotations

import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO

IN_MEMORY = 3 * 2**20
"""The most octets of an answer in memory."""
KEPT = 8 * 2**20
"""The same for a whole calendar, which is kept for the next request."""
CAPACITY = 24 * 2**20
"""The most octets of all kept calendars together. A calendar larger than half of this is never kept."""
LEVEL = 1
"""The compression level: half the time of zlib's default for 7 to 23 per cent more octets (docs/performance.md)."""
_PIECE = 2**17
PIECE = 2**19
"""Octets of each piece of a kept body."""
Key = tuple[object, ...]


class Long:
    """A body in a temporary file, to be read once. The file has no name, so nothing is left of it after closing."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self.length = length
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while piece := self._file.read(_PIECE):
                yield piece

    def close(self) -> None:
        """Give up the unread rest (PEP 3333)."""
        self._file.close()

    def __del__(self) -> None:
        self._file.close()


class Pieces:
    """A body in memory, in parts that are sent as they are. Cutting parts out of one long body would copy them each
    time.
    """

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def _long(pieces: Iterable[bytes]) -> Long:
    file: IO[bytes] = tempfile.TemporaryFile(prefix="daysheet-")  # noqa: SIM115
    try:
        length = sum(map(file.write, pieces))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Long(file, length)


Body = bytes | Long
Content = Body | Pieces
"""The possible bodies of an answer. Only a kept body is in pieces."""


def gathered(pieces: Iterable[bytes], in_memory: int = IN_MEMORY) -> Body:
    """One body made of `pieces`, each of bounded size. A body longer than `in_memory` octets is in a file."""
    remaining = iter(pieces)
    some: list[bytes] = []
    size = 0
    for piece in remaining:
        some.append(piece)
        size += len(piece)
        if size > in_memory:
            return _long(chain(_emptied(some), remaining))
    return b"".join(some)


def _emptied(pieces: list[bytes]) -> Iterator[bytes]:
    """Return the pieces and keep none of them."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


def length_of(content: Content) -> int:
    """Octets of the body."""
    return len(content) if isinstance(content, bytes) else content.length


def packed(content: Content) -> Body:
    """Gzip of `content`, which is consumed."""
    packer = zlib.compressobj(LEVEL, wbits=16 + zlib.MAX_WBITS)
    if isinstance(content, bytes):
        return packer.compress(content) + packer.flush()
    return gathered(_packed(packer, content))


def _packed(packer: zlib._Compress, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


class Bodies:
    """A cache of bodies. The least recently used is dropped first. A key contains everything that decides the body,
    above all the calendar's entity tag, so no entry is ever stale. Shared by the threads of a process.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[Key, bytes | Pieces] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Body], *, gzip: bool) -> Content:
        """The body for `key`, compressed if `gzip` is set. It is made if it is not in the cache."""
        key = (*key, gzip)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        content = packed(make()) if gzip else make()
        if not isinstance(content, bytes) or len(content) * 2 > self._capacity:
            return content
        kept = Pieces(content) if len(content) > PIECE else content
        self._keep(key, kept)
        return kept

    def _keep(self, key: Key, content: bytes | Pieces) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = content
                self._size += length_of(content)
            while self._size > self._capacity:
                _, dropped = self._kept.popitem(last=False)
                self._size -= length_of(dropped)
