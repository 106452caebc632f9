# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory for what waits for clients: bodies that are arriving, answers that are not taken yet."""

from __future__ import annotations

import threading

from server.dav.fast.bodies import Pieces, length_of


class Budget:
    """Octets that may be held at a time. What is held several times, as the same object, counts once."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._shared: dict[int, int] = {}
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Octets that can still be taken."""
        return self._left

    def take(self, octets: int) -> bool:
        """Whether there were that many; they are the caller's until it gives them back."""
        with self._lock:
            if octets > self._left:
                return False
            self._left -= octets
            return True

    def give(self, octets: int) -> None:
        """Give back what was taken."""
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
        """Give back what was held."""
        with self._lock:
            holders = self._shared.pop(id(content)) - 1
            if holders:
                self._shared[id(content)] = holders
            else:
                self._left += length_of(content)
