# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory for data that waits for clients: arriving bodies, and answers that clients have not taken yet."""

from __future__ import annotations

import threading

from server.dav.fast.bodies import Pieces, length_of


class Budget:
    """Octets that may be held at a time. An object that is held several times counts once."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._shared: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """The number of octets that can still be taken."""
        return self._left

    def take(self, octets: int) -> bool:
        """Take octets. Returns False if fewer are left. The caller has to give them back."""
        with self._lock:
            if octets > self._left:
                return False
            self._left -= octets
            return True

    def give(self, octets: int) -> None:
        """Give back octets that were taken."""
        with self._lock:
            self._left += octets

    def hold(self, content: bytes | Pieces) -> bool:
        """As `take`, for an object that others may be holding too."""
        with self._lock:
            holders = self._shared.get(id(content), 0)
            if not holders:
                if length_of(content) > self._left:
                    return False
                self._left -= length_of(content)
            self._shared[id(content)] = holders + 1
            return True

    def release(self, content: bytes | Pieces) -> None:
        """Give back an object that was held."""
        with self._lock:
            holders = self._shared.pop(id(content)) - 1
            if holders:
                self._shared[id(content)] = holders
            else:
                self._left += length_of(content)
