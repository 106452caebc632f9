# SPDX-License-Identifier: GPL-3.0-or-later
"""Politeness: how many requests one importer makes to one host at a time and per second.

Every hop of a redirect counts for its target host. So even many subscriptions cannot use the importer to attack a third
party.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from urllib.parse import urlsplit

_REMEMBERED = 10_000


def host_of(url: str) -> str:
    """The host of a URL as subscriptions are listed under it; '' for a URL without one."""
    try:
        return (urlsplit(url.strip()).hostname or "")[:255]
    except ValueError:
        return ""


class Hosts:
    """At most `parallel` visits to a host at a time, of which at most `per_second` begin each second."""

    def __init__(self, parallel: int, per_second: float) -> None:
        self._parallel = parallel
        self._spacing = 1.0 / per_second
        self._visits: Counter[str] = Counter()
        self._next: dict[str, float] = {}
        self._changed = threading.Condition()

    def enter(self, host: str) -> Visit | float:
        """A visit that begins now, or the number of seconds after which to ask again."""
        with self._changed:
            wait = self._wait(host)
            return wait or self._begun(host)

    def enter_within(self, host: str, seconds: float) -> Visit | None:
        """Wait for a visit. None if no visit may begin in time."""
        end = time.monotonic() + seconds
        with self._changed:
            while wait := self._wait(host):
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(wait, left))
            return self._begun(host)

    def is_full(self, host: str) -> bool:
        """Whether the host has the most visits allowed."""
        with self._changed:
            return self._visits[host] >= self._parallel

    def leave(self, host: str) -> None:
        """End a visit to the host."""
        with self._changed:
            self._visits[host] -= 1
            if not self._visits[host]:
                del self._visits[host]
            self._changed.notify_all()

    def _wait(self, host: str) -> float:
        if self._visits[host] >= self._parallel:
            return 1.0
        return max(0.0, self._next.get(host, 0.0) - time.monotonic())

    def _begun(self, host: str) -> Visit:
        now = time.monotonic()
        if len(self._next) > _REMEMBERED:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._visits[host] += 1
        self._next[host] = now + self._spacing
        return Visit(self, host)


class Visit:
    """A place at a host. A redirect exchanges it for a place at another host."""

    def __init__(self, hosts: Hosts, host: str) -> None:
        self._hosts = hosts
        self._host: str | None = host

    def move(self, host: str, seconds: float) -> bool:
        """Leave this host for another. Returns False if the other host has no place within `seconds`."""
        if host == self._host:
            return True
        self.leave()
        if self._hosts.enter_within(host, seconds) is None:
            return False
        self._host = host
        return True

    def leave(self) -> None:
        """Leave the host and take no other."""
        if self._host is not None:
            self._hosts.leave(self._host)
            self._host = None
