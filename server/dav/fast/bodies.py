# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of answers: in memory while they are short, in a temporary file beyond, and those of whole calendars kept
while they are unchanged.

A long body is finished before any of it is sent, so that a slow client keeps no transaction open, and it takes no more
memory than a short one.
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
"""Octets of an answer that are kept in memory at most."""
KEPT = 8 * 2**20
"""The same of a whole calendar, which is kept for the next who asks."""
CAPACITY = 24 * 2**20
"""Octets kept of whole calendars in all; one larger than half of it is never kept."""
LEVEL = 1
"""Of compression: half the time of zlib's default for 7 to 23 per cent more octets (docs/performance.md)."""
_PIECE = 2**17
PIECE = 2**19
"""Octets of each piece of a kept body."""
Key = tuple[object, ...]


class Long:
    """A body in a temporary file, to be read once; without a name, so that nothing is left of it when closed."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self.length = length
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while piece := self._file.read(_PIECE):
                yield piece

    def close(self) -> None:
        """Give up what has not been read (PEP 3333)."""
        self._file.close()

    def __del__(self) -> None:
        self._file.close()


class Pieces:
    """A body in memory that is sent as it lies there: a part that has to be cut out of it first is copied each time."""

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
"""What an answer may have as its body. Only a body that is kept is in pieces."""


def gathered(pieces: Iterable[bytes], in_memory: int = IN_MEMORY) -> Body:
    """One body of `pieces`, each of which is a bounded part of it; a longer one than `in_memory` octets in a file."""
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
    """The pieces, none of which is kept any longer."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


def length_of(content: Content) -> int:
    """Octets of the body."""
    return len(content) if isinstance(content, bytes) else content.length


def packed(content: Content) -> Body:
    """Gzip of `content`, which is used up."""
    packer = zlib.compressobj(LEVEL, wbits=16 + zlib.MAX_WBITS)
    if isinstance(content, bytes):
        return packer.compress(content) + packer.flush()
    return gathered(_packed(packer, content))


def _packed(packer: zlib._Compress, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


class Bodies:
    """Least recently used first out. A key says everything that decides the body, the calendar's entity tag above all,
    so nothing in here is ever stale. Shared by the threads of a process.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[Key, bytes | Pieces] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Body], *, gzip: bool) -> Content:
        """The body for `key`, compressed where `gzip` says so; made where it is not at hand."""
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
