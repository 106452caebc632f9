# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver connections that are kept for single statements, which need no transaction and no pool.

Taking a connection out of SQLAlchemy's pool and giving it back costs several times what the statement of a poll does.
None belongs to a thread: one that is closed while its thread ends makes CPython 3.11 crash, because SQLite calls back
into the interpreter from a thread state that is being cleared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine

Rows = list[tuple[Any, ...]]


class KeptConnections:
    """Connections to `engine`'s database, as many as have been in use at a time; each is used by one thread at once."""

    def __init__(self, engine: Engine, prepare: Callable[[Any], None] | None = None) -> None:
        """`prepare` is called with each driver connection that is opened."""
        self._engine = engine
        self._prepare = prepare
        self._idle: deque[_Kept] = deque()
        self._generation = 0

    def rows(self, sql: str, parameters: Any) -> Rows:
        """The rows of one SELECT. Connections that were lost meanwhile are replaced. Raises the driver's errors,
        and SQLAlchemy's where none can be opened.
        """
        while True:
            kept, fresh = self._take()
            try:
                return kept.rows(sql, parameters)
            except Exception:
                if fresh or not kept.lost:
                    raise
            except BaseException:
                kept.is_spoilt = True  # ended in the middle of an exchange with the server
                raise
            finally:
                self._give_back(kept)

    def lend(self) -> Any | None:
        """A driver connection that nobody uses; it is the caller's from now on. None where there is none."""
        try:
            return self._idle.pop().connection
        except IndexError:
            return None

    def close(self) -> None:
        """Close them all, those in use when they are given back; who asks again gets a new one."""
        self._generation += 1
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        self.close()

    def _take(self) -> tuple[_Kept, bool]:
        """A connection for one statement, and whether it is a new one. What was opened before the last `close` is
        closed, also where that was called while somebody gave it back.
        """
        with suppress(IndexError):
            while True:
                kept = self._idle.pop()  # the one used last is the one whose cache is warm
                if kept.generation == self._generation:
                    return kept, False
                kept.close()
        generation = self._generation
        pooled = self._engine.raw_connection()
        driver = pooled.driver_connection
        pooled.detach()
        if self._prepare is not None:
            self._prepare(driver)
        return _Kept(driver, generation), True

    def _give_back(self, kept: _Kept) -> None:
        if kept.generation == self._generation and not (kept.lost or kept.is_spoilt):
            self._idle.append(kept)
        else:
            kept.close()


class _Kept:
    """A driver connection in autocommit mode."""

    def __init__(self, connection: Any, generation: int) -> None:
        self.connection = connection
        self._is_psycopg = hasattr(connection, "broken")
        self.generation = generation
        self.is_spoilt = False
        if self._is_psycopg:
            connection.autocommit = True

    def rows(self, sql: str, parameters: Any) -> Rows:
        found: Rows = self.connection.execute(sql, parameters).fetchall()
        return found

    @property
    def lost(self) -> bool:
        """Whether the server hung up."""
        return self._is_psycopg and bool(self.connection.broken)

    def close(self) -> None:
        self.connection.close()
