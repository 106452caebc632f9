# SPDX-License-Identifier: GPL-3.0-or-later
"""One catch-up at a time of each calendar in a process, which serves everybody who asked before it began.

A calendar into which somebody writes all the time is behind again as soon as it was caught up. If each reader caught
it up, they would wait for each other in a row. So the readers who come while a catch-up runs wait for one that begins
after it, together. Its result holds all that was committed when the last of them came.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from scheduling.database.connection import Database
from scheduling.errors import StillCatchingUp

_REST = 3.0
"""How many times as long as a catch-up took the next one of the same calendar waits after it where several readers
want it. They share it, and the threads of the process have time for answers.
"""
_LONGEST_REST = 0.25
"""Seconds."""
_FOR_EVER = 86_400.0
_KEPT = 1000
"""Calendars that are remembered at most while nobody waits for them."""


@dataclass(slots=True, eq=False)
class _Calendar:
    changed: threading.Condition
    begun: int = 0
    ended: int = 0
    waiting: int = 0
    is_running: bool = False
    error: BaseException | None = None
    rest_until: float = field(default=0.0)


class Flights:
    """The catch-ups of one process over one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calendars: dict[Hashable, _Calendar] = {}

    def join(self, key: Hashable, catch_up: Callable[[], object], patience: float | None) -> None:
        """Return after a catch-up of the calendar `key` that began after this call. One of those who wait does it, by
        `catch_up`; what it raises is raised for all of them. Raises `StillCatchingUp` after `patience` seconds, if any.
        """
        until = time.monotonic() + (_FOR_EVER if patience is None else patience)
        with self._lock:
            calendar = self._calendar(key)
            calendar.waiting += 1
            wanted = calendar.begun + 1
            try:
                while calendar.ended < wanted:
                    left = until - time.monotonic()
                    if left <= 0:
                        raise StillCatchingUp
                    if calendar.is_running:
                        calendar.changed.wait(left)
                    elif calendar.waiting > 1 and (rest := calendar.rest_until - time.monotonic()) > 0:
                        calendar.changed.wait(min(rest, left))
                    else:
                        self._fly(calendar, catch_up)
                if calendar.error is not None:
                    raise calendar.error
            finally:
                calendar.waiting -= 1

    def _calendar(self, key: Hashable) -> _Calendar:
        found = self._calendars.pop(key, None)
        if found is None:
            found = _Calendar(changed=threading.Condition(self._lock))
            idle = [known for known, calendar in self._calendars.items() if not calendar.waiting]
            for known in idle[: max(0, len(self._calendars) - _KEPT)]:
                del self._calendars[known]
        self._calendars[key] = found
        return found

    def _fly(self, calendar: _Calendar, catch_up: Callable[[], object]) -> None:
        """Called with the lock, which others have meanwhile."""
        calendar.is_running, calendar.error = True, None
        calendar.begun += 1
        began = time.monotonic()
        self._lock.release()
        error: BaseException | None = None
        try:
            catch_up()
        except BaseException as raised:  # noqa: BLE001 (raised again by everybody who waits for it)
            error = raised
        finally:
            self._lock.acquire()
            now = time.monotonic()
            calendar.is_running, calendar.error, calendar.ended = False, error, calendar.begun
            calendar.rest_until = now + min(_LONGEST_REST, _REST * (now - began))
            calendar.changed.notify_all()


_of_databases: WeakKeyDictionary[Database, Flights] = WeakKeyDictionary()
_of_databases_lock = threading.Lock()


def flights_of(database: Database) -> Flights:
    """The flights of this process over a database."""
    with _of_databases_lock:
        return _of_databases.setdefault(database, Flights())
