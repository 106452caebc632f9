# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work as many short write transactions, between which others come to write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from scheduling.database.connection import Database

ROWS = 250
"""Rows that one step writes at most where a row costs little, so that no writer waits long for it."""
_FAIR = 1
"""Steps after which SQLite's only write lock is left to others for a moment before the next one."""
_GAP = 0.026
"""Seconds of that moment at least; it is as long as the step was, up to four times this. A writer that finds the lock
taken tries again after 25 milliseconds at most at first (sqliteDefaultBusyCallback), so it comes into a gap.
"""


class Steps:
    """The steps of one piece of work, in one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._done = 0
        self._took = 0.0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The next step, as `Database.write`. Raises `DatabaseUnavailable`."""
        if self._database.is_sqlite and self._done >= _FAIR:
            time.sleep(max(_GAP, min(4 * _GAP, self._took)))
        began = time.monotonic()
        with self._database.write() as connection:
            yield connection
        self._took = time.monotonic() - began
        self._done += 1
