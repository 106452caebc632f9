# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite file, as one process knows it: whether the file that was opened is still the one at its path.

A database that was removed or replaced goes on working for those who have it open, and everything they write is lost.
So its device and inode are looked at before every transaction that writes, and otherwise now and then.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from scheduling.database import faults, locks
from scheduling.errors import DatabaseReplaced, DatabaseUnavailable, WouldWait

INTERVAL = 0.25
"""Seconds for which a look counts for those who only read."""
SIDES = ("-wal", "-shm")
"""What SQLite has beside a database in WAL mode."""
_ATTEMPTS = 3
_WAITS = 2.0
"""Seconds that one process waits for others while it looks at a new file."""

Identity = tuple[int, int]


class Connections(Protocol):
    """The connections of a process to the file."""

    def one(self) -> Any | None:
        """A driver connection that has been open for a while and that nobody uses; it is the caller's from now on."""

    def dispose(self) -> None:
        """Close all others."""


class DatabaseFile:
    """Used by any number of threads. `needs` is the revision that a file must be at to take the place of another."""

    def __init__(self, path: Path, connections: Connections) -> None:
        self.path = path
        self.needs: str | None = None
        self._connections = connections
        self._identity: Identity | None = None
        self._sides: dict[Path, Identity] = {}
        self._left: _Left | None = None
        self._fault: DatabaseUnavailable | None = None
        self._due = 0.0
        self._lock = threading.RLock()

    def create(self) -> None:
        """Make the file, empty and for its owner only, where there is none; SQLite gives its mode to those beside it.
        Raises `DatabaseUnavailable`.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise faults.not_made(self.path, error) from error
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise faults.not_made(self.path, error) from error

    def check(self, *, at_once: bool = False, prompt: bool = False) -> None:
        """See that the file is there still, and the same; a look counts for `INTERVAL` seconds unless `at_once` is
        given. Where it is another one, every connection is closed, and it is taken if it is a database of this
        version. Raises `DatabaseUnavailable` where it is none; with `prompt` `WouldWait` before any of that is done.
        """
        now = time.monotonic()
        if now < self._due and not at_once:
            if self._fault is None:
                return
            raise _again(self._fault)
        if self._fault is None:
            self._due = now + INTERVAL
            if self._identity is None or identity(self.path) == self._identity:
                return
        self._due = 0.0
        if prompt:
            raise WouldWait
        with self._lock:
            self._settle()

    def open(self, connect: Callable[[], Any]) -> Any:
        """A connection to the file that this process uses. Raises `DatabaseUnavailable`, the driver's errors."""
        if self._identity is None and self._fault is None:
            self._await_log()
        for _ in range(_ATTEMPTS):
            before = identity(self.path)
            connection = connect()
            # On an overlay file system, opening a file for the first time makes another one of it.
            if before is not None and before == identity(self.path):
                with self._lock:
                    if self._fault is None and self._identity in (None, before):
                        self._identity = before
                        return connection
            connection.close()
            self._due = 0.0
        raise DatabaseReplaced

    def watch(self) -> None:
        """Look from now on by itself, in a thread that ends with the process. A server that nobody asks anything would
        otherwise leave its log beside another file.
        """
        threading.Thread(target=self._look, name="database-file", daemon=True).start()

    def _look(self) -> None:
        while True:
            time.sleep(max(INTERVAL, 0.05))
            with suppress(DatabaseUnavailable):
                self.check(at_once=True)

    def _await_log(self) -> None:
        """Wait until what is beside the file is its own. Raises `DatabaseReplaced` where it stays another's."""
        deadline = time.monotonic() + _WAITS
        while locks.has_foreign_log(self.path, self.beside[1]):
            if time.monotonic() > deadline:
                raise faults.foreign_log(self.path)
            time.sleep(0.02)

    def opened(self) -> None:
        """Note what is beside the file now that a connection is open, which keeps it there."""
        beside = {path: identity(path) for path in self.beside}
        self._sides = {path: found for path, found in beside.items() if found is not None}

    @property
    def beside(self) -> tuple[Path, ...]:
        """Where SQLite's log and its index are while the database is open."""
        return tuple(Path(f"{self.path}{side}") for side in SIDES)

    @property
    def token(self) -> Identity | None:
        """Which file this process uses."""
        return self._identity

    def require(self, token: Identity | None) -> None:
        """Raises `DatabaseReplaced` unless the file is still the one that it was at `token`."""
        if token != self._identity or identity(self.path) != token:
            self._due = 0.0
            raise DatabaseReplaced

    def forget(self) -> None:
        """Let go of a file that was left."""
        left, self._left = self._left, None
        if left is not None and left.connection is not None:
            left.connection.close()

    def _settle(self) -> None:
        if self._fault is None and identity(self.path) == self._identity:
            return
        try:
            with locks.alone(self.path.parent, _WAITS):
                if self._identity is not None:
                    self._leave(self._identity)
                self._accept()
        except DatabaseUnavailable as fault:
            self._fault = _again(fault)
            raise
        finally:
            self._due = time.monotonic() + INTERVAL

    def _leave(self, old: Identity) -> None:
        """Finish with the file that was open: what its log holds goes into it, as far as nobody is in the way. One
        connection stays, so that no other file gets its inode: it may come back.
        """
        connection = self._connections.one()
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        stale = [path for path, was in self._sides.items() if identity(path) == was]
        self._connections.dispose()
        self._left = _Left(identity=old, connection=connection, stale=stale)
        self._identity, self._fault = None, DatabaseReplaced()

    def _accept(self) -> None:
        """Take the file at the path, if it is a database of this version. Raises `DatabaseUnavailable`."""
        found = identity(self.path)
        left = self._left
        if found is not None and left is not None and (left.connection is None or left.identity != found):
            # The log of another file would be taken for one of this, and spoil it.
            for path in left.stale:
                with suppress(OSError):
                    path.unlink()
        try:
            _require(self.path, self.needs)
        except sqlite3.Error as error:
            raise faults.of_sqlite(error, self.path) from error
        self.forget()
        self._identity, self._fault = found, None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Left:
    """A file that this process has left: a connection to it that is still open, and what was beside it."""

    identity: Identity
    connection: Any | None
    stale: list[Path]


def _again(fault: DatabaseUnavailable) -> DatabaseUnavailable:
    """An exception like it: one that several threads raise would collect the frames of all."""
    return type(fault)(str(fault), noun=fault.noun)


def identity(path: Path) -> Identity | None:
    """Device and inode; None where there is no such file, or it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def mode(path: Path) -> int | None:
    """The permission bits of a file; None where it is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def address(path: str | Path) -> str:
    """What SQLite opens for reading and writing and never makes (https://sqlite.org/uri.html)."""
    return f"file:{quote(str(Path(path).absolute()))}?mode=rw"


def _require(path: Path, needed: str | None) -> None:
    """Put the database at the path into WAL mode, if it is at the revision that is needed. Raises `DatabaseReplaced`,
    the driver's errors.
    """
    with closing(sqlite3.connect(address(path), uri=True, timeout=_WAITS)) as connection:
        revision = _revision(connection)
        if needed is not None and revision != needed:
            raise faults.replaced(path, revision, needed)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()


def _revision(connection: sqlite3.Connection) -> str | None:
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(tables).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])
