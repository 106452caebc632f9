# SPDX-License-Identifier: GPL-3.0-or-later
"""One catch-up at a time of each calendar in a process, which serves everybody who asked before it began.

A calendar into which somebody writes all the time is behind again as soon as it was caught up. If each reader caught
it up, they would wait for each other in a row. So the readers who come while a catch-up runs wait for one that begins
after it, together. Its result holds all that was committed when the last of them came.

Where a catch-up takes long, since very much has changed or somebody holds a lock of the database, only so many wait for
it as `Flights.limit` says. The threads of a server are for other readers too.

Where a crowd reads such a calendar, waiting would still take all threads. Then its state may be `_WINDOW` seconds old.
Who reads alone never gets an old state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from scheduling.database.connection import Database
from scheduling.errors import StillCatchingUp, TooManyReaders

_CROWD = 4
"""Readers who wait together for a catch-up, or come within a window: a crowd."""
_WINDOW = 0.25
"""Seconds after the beginning of a catch-up in which a crowd is served by it."""
_SHARE = 5
"""The window is at least so many times as long as the catch-up took."""
_LONGEST = 2.0
"""Seconds; a window is never longer, a running catch-up included."""
_SLOW = 0.5
"""Seconds after which a catch-up takes long."""
_KEPT = 1000
"""Calendars that are remembered at most while nobody waits for them."""
_FOR_EVER = 86_400.0
_LOST = 120.0
"""Seconds after which a catch-up is no longer waited for: its thread may have been ended at an unlucky moment."""


@dataclass(slots=True, eq=False)
class _Calendar:
    """Moments are those of `time.monotonic`. `came` counts the readers since the last catch-up began."""

    changed: threading.Condition
    begun: int = 0
    ended: int = 0
    waiting: int = 0
    came: int = 0
    began: float = 0.0
    is_running: bool = False
    is_crowded: bool = False
    fresh_until: float = 0.0
    error: BaseException | None = None

    def is_fresh(self, now: float) -> bool:
        """Whether a crowd is served by what was caught up last."""
        if not self.is_crowded or now > self.began + _LONGEST:
            return False
        return self.is_running or now < self.fresh_until


class Flights:
    """The catch-ups of one process over one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calendars: dict[Hashable, _Calendar] = {}
        self._most: int | None = None
        self._waiting = 0

    def limit(self, most: int) -> None:
        """Let no more than `most` threads wait for catch-ups of others that take long."""
        with self._lock:
            self._most = most

    def is_fresh(self, key: Hashable) -> bool:
        """Whether the calendar `key` has a crowd of readers and was caught up just now; then nobody need wait."""
        with self._lock:
            calendar = self._calendars.get(key)
            if calendar is None or not calendar.is_fresh(time.monotonic()):
                return False
            calendar.came += 1
            return True

    def join(self, key: Hashable, catch_up: Callable[[], object], patience: float | None) -> None:
        """Return after a catch-up of the calendar `key` that began after this call, or at once where `is_fresh`. One of
        those who wait does it, by `catch_up`; what it raises is raised for all of them. Raises `StillCatchingUp` after
        `patience` seconds, if any, and `TooManyReaders` where enough others wait for one that takes long.
        """
        until = time.monotonic() + (_FOR_EVER if patience is None else patience)
        with self._lock:
            calendar = self._calendar(key)
            calendar.came += 1
            if calendar.is_fresh(time.monotonic()):
                return
            calendar.waiting += 1
            wanted = calendar.begun + 1
            try:
                while calendar.ended < wanted:
                    left = until - time.monotonic()
                    if left <= 0:
                        raise StillCatchingUp
                    if calendar.is_running and time.monotonic() < calendar.began + _LOST:
                        self._wait(calendar, min(left, _LOST))
                    else:
                        self._fly(calendar, catch_up)
                if calendar.error is not None:
                    raise calendar.error
            finally:
                calendar.waiting -= 1

    def _wait(self, calendar: _Calendar, seconds: float) -> None:
        """Wait for another thread's catch-up, or for a part of the time. Called with the lock."""
        self._waiting += 1
        try:
            fast = calendar.began + _SLOW - time.monotonic()
            if fast > 0:
                calendar.changed.wait(min(seconds, fast))
            elif self._most is not None and self._waiting > self._most:
                raise TooManyReaders
            else:
                calendar.changed.wait(seconds)
        finally:
            self._waiting -= 1

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
        calendar.is_crowded = calendar.waiting >= _CROWD or (calendar.is_crowded and calendar.came >= _CROWD)
        calendar.is_running, calendar.error = True, None
        calendar.begun += 1
        calendar.came = 0
        calendar.began = time.monotonic()
        error: BaseException | None = None
        self._lock.release()
        try:
            catch_up()
        except BaseException as raised:  # noqa: BLE001 (raised again by everybody who waits for it)
            error = raised
        finally:
            self._lock.acquire()
        took = time.monotonic() - calendar.began
        calendar.is_running = False
        calendar.is_crowded = error is None and (calendar.is_crowded or calendar.waiting >= _CROWD)
        calendar.fresh_until = calendar.began + max(_WINDOW, _SHARE * took)
        calendar.changed.notify_all()
        if error is not None and not isinstance(error, Exception):
            # Only this thread has to end; another one of those who wait goes on.
            raise error
        calendar.error, calendar.ended = error, calendar.begun


_of_databases: WeakKeyDictionary[Database, Flights] = WeakKeyDictionary()
_of_databases_lock = threading.Lock()


def flights_of(database: Database) -> Flights:
    """The flights of this process over a database."""
    with _of_databases_lock:
        return _of_databases.setdefault(database, Flights())
