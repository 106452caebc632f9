# SPDX-License-Identifier: GPL-3.0-or-later
"""A short memory of main passwords that were found right, so that not every request pays for argon2.

An entry counts only for the version of the credential it was made from, which is read with every request: a changed
password stops working at once in every process. Nothing in it gives the password away.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict


class VerificationCache:
    """Bounded; `lifetime` is in seconds, 0 switches it off. Safe to use from several threads."""

    def __init__(self, lifetime: int, size: int = 10_000) -> None:
        self._lifetime = lifetime
        self._size = size
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, user_id: int, version: str, password: str) -> bool:
        """Whether this password was lately found right for this version of the user's credential."""
        with self._lock:
            return self._entries.get(self._digest(user_id, version, password), 0.0) > time.monotonic()

    def remember(self, user_id: int, version: str, password: str) -> None:
        """Note that the password is right."""
        if self._lifetime <= 0:
            return
        with self._lock:
            self._entries[self._digest(user_id, version, password)] = time.monotonic() + self._lifetime
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def _digest(self, user_id: int, version: str, password: str) -> bytes:
        text = f"{user_id}\x00{version}\x00{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
