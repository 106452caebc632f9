# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver connections that threads keep for single statements, which need no transaction and no pool.

Taking a connection out of SQLAlchemy's pool and giving it back costs several times what the statement of a poll does.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from sqlalchemy import Engine

Rows = list[tuple[Any, ...]]


class KeptConnections:
    """One connection to `engine`'s database for each thread that asks, closed with its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = threading.local()
        self._all: weakref.WeakSet[_Kept] = weakref.WeakSet()
        self._lock = threading.Lock()

    def rows(self, sql: str, parameters: Any) -> Rows:
        """The rows of one SELECT. A connection that was lost meanwhile is replaced once. Raises the driver's errors,
        and SQLAlchemy's where none can be opened.
        """
        kept: _Kept | None = getattr(self._thread, "kept", None)
        if kept is not None and not kept.closed:
            try:
                return kept.rows(sql, parameters)
            except Exception:
                if not kept.lost():
                    raise
        return self._open().rows(sql, parameters)

    def close(self) -> None:
        """Close them all; a thread that asks again gets a new one."""
        with self._lock:
            for kept in list(self._all):
                kept.close()

    def _open(self) -> _Kept:
        pooled = self._engine.raw_connection()
        driver = pooled.driver_connection
        pooled.detach()
        kept = _Kept(driver)
        self._thread.kept = kept
        with self._lock:
            self._all.add(kept)
        return kept


class _Kept:
    """A driver connection in autocommit mode."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._is_psycopg = hasattr(connection, "broken")
        self.closed = False
        if self._is_psycopg:
            connection.autocommit = True

    def rows(self, sql: str, parameters: Any) -> Rows:
        found: Rows = self._connection.execute(sql, parameters).fetchall()
        return found

    def lost(self) -> bool:
        """Whether the server hung up; closes what is left then."""
        if not (self._is_psycopg and self._connection.broken):
            return False
        self.close()
        return True

    def close(self) -> None:
        self.closed = True
        self._connection.close()

    def __del__(self) -> None:
        if not self.closed:
            self.close()
