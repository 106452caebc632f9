# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the scheduling database: SQLite (WAL) or PostgreSQL (psycopg 3), and its two kinds of
transaction.

`read()` is one consistent snapshot that never blocks a writer; `write()` is one short transaction that takes
its locks at once (BEGIN IMMEDIATE on SQLite, so that no reader is promoted to writer and fails half-way).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scheduling.database import faults
from scheduling.database.file import DatabaseFile, address
from scheduling.database.single_statements import KeptConnections
from scheduling.database.writers import Writers
from scheduling.errors import DatabaseUnavailable, WouldWait

__all__ = ["Connection", "Database", "connect", "connect_to"]

_WRITE = "daysheet_write"


class Database:
    """An engine with the transaction rules of this project.

    `url` is a SQLAlchemy URL; `pool_size` connections are kept per process; `busy_timeout` seconds is how
    long a statement waits for a lock before `DatabaseUnavailable`. With `transaction_pooling` nothing outlives a
    transaction on PostgreSQL: there is a pooler in between that gives each to another session.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        busy_timeout: float = 10.0,
        transaction_pooling: bool = False,
    ) -> None:
        self.url = _normalised(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._busy_timeout = busy_timeout
        self._transaction_pooling = transaction_pooling
        self.file = None if self.path is None else DatabaseFile(self.path, self)
        self.engine: Engine = self._sqlite(pool_size) if self.is_sqlite else self._postgresql(pool_size)
        self._snapshot = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self._writer = self.engine.execution_options(**{_WRITE: True})
        self._kept = KeptConnections(self.engine)
        self._prompt = KeptConnections(self.engine, _never_waiting)
        self._this_thread = threading.local()
        self.writers = Writers()

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None for PostgreSQL and in-memory databases."""
        if not self.is_sqlite or self.url.database in (None, "", ":memory:"):
            return None
        return Path(str(self.url.database))

    def _sqlite(self, pool_size: int) -> Engine:
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            connect_args={"timeout": self._busy_timeout, "check_same_thread": False},
        )
        if self.file is not None:
            event.listen(engine, "do_connect", self._open_sqlite)
        event.listen(engine, "connect", self._configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgresql(self, pool_size: int) -> Engine:
        arguments: dict[str, Any] = {"connect_timeout": max(2, int(self._busy_timeout))}
        if self._transaction_pooling:
            arguments["prepare_threshold"] = None
        else:
            arguments["options"] = f"-c lock_timeout={self._milliseconds} -c timezone=UTC"
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args=arguments,
        )
        if self._transaction_pooling:
            event.listen(engine, "begin", self._limit_waiting)
        return engine

    @property
    def _milliseconds(self) -> int:
        return int(self._busy_timeout * 1000)

    def _limit_waiting(self, connection: Connection) -> None:
        """Only writers take locks that somebody else may hold for long."""
        if connection.get_execution_options().get(_WRITE):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {self._milliseconds}")

    def _open_sqlite(
        self, dialect: Dialect, _record: Any, given: list[Any], named: dict[str, Any]
    ) -> DBAPIConnection:
        """Open the file that is there, and never make one."""
        assert self.file is not None
        path = str(given[0])
        if not named.get("uri"):
            given[0], named["uri"] = address(path), True
        connection: DBAPIConnection = self.file.open(lambda: dialect.connect(*given, **named))
        return connection

    def _configure_sqlite(self, connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by us, see _begin_sqlite
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA busy_timeout = {self._milliseconds}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA cache_size = -2000")
        cursor.close()
        if self.file is not None:
            self.file.opened()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database. Raises `DatabaseUnavailable`."""
        self._may_wait()
        if self.file is not None:
            self.file.check()
        with self._translated(), self._snapshot.connect() as connection:
            yield connection

    @contextmanager
    def prompt(self) -> Iterator[None]:
        """Let this thread wait for nobody: of a SQLite database it gets single rows that are there, and `WouldWait` for
        everything else.
        """
        self._this_thread.is_prompt = True
        try:
            yield
        finally:
            self._this_thread.is_prompt = False

    @property
    def _is_prompt(self) -> bool:
        return getattr(self._this_thread, "is_prompt", False)

    def _may_wait(self) -> None:
        if self._is_prompt:
            raise WouldWait

    def rows(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one single SELECT, which is a snapshot of its own, as the driver gives them; no connection is
        taken from the pool. Raises `DatabaseUnavailable`.
        """
        driver = self.engine.dialect.dbapi
        assert driver is not None
        is_prompt = self._is_prompt
        if is_prompt and not self.is_sqlite:
            raise WouldWait
        if self.file is not None:
            self.file.check(prompt=is_prompt)
        try:
            with self._translated():
                return (self._prompt if is_prompt else self._kept).rows(sql, parameters)
        except driver.Error as error:
            away = isinstance(error, (driver.OperationalError, driver.InterfaceError))
            if not (away or faults.is_of_the_file(error)) or faults.is_of_a_statement(error):
                raise
            raise self._away(error) from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed on a clean exit and rolled back on an exception. Raises
        `DatabaseUnavailable`.
        """
        self._may_wait()
        file = self.file
        if file is not None:
            file.check(at_once=True)
        with self.writers.turn(), self._translated(), self._writer.begin() as connection:
            token = None if file is None else file.token
            yield connection
            if file is not None:
                file.require(token)  # what is written to a file that is at its path no more is lost

    def one(self) -> Any | None:
        """A driver connection that was open before and that nobody uses, now the caller's; None where there is none."""
        found = self._kept.lend()
        if found is None:
            with suppress(Exception):
                pooled = self.engine.raw_connection()
                found = pooled.driver_connection
                pooled.detach()
        return found

    def dispose(self) -> None:
        """Close every connection (before a fork, and at the end)."""
        self._kept.close()
        self._prompt.close()
        self.engine.dispose()
        if self.file is not None:
            self.file.forget()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Driver errors that mean "not now" become one domain error; its text never carries the URL."""
        try:
            yield
        except PoolTimeout as error:
            raise self._away(None) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable("The connection to the scheduling database was lost.") from error
            away = isinstance(error, (OperationalError, InterfaceError)) or faults.is_of_the_file(error.orig)
            if not away or faults.is_of_a_statement(error.orig):
                raise
            raise self._away(error.orig) from error

    def _away(self, error: BaseException | None) -> DatabaseUnavailable:
        if self.is_sqlite:
            return faults.of_sqlite(error, self.path)
        return faults.of_postgresql(error, self.url.database)


def _never_waiting(connection: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 0")


def _normalised(url: str) -> URL:
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


_databases: dict[tuple[str, int, float, bool], Database] = {}
_databases_lock = threading.Lock()


def connect(
    url: str, *, pool_size: int = 10, busy_timeout: float = 10.0, transaction_pooling: bool = False
) -> Database:
    """The process's one `Database` for `url`, so that plugins, feeds and API share a pool."""
    key = (url, pool_size, busy_timeout, transaction_pooling)
    with _databases_lock:
        if key not in _databases:
            _databases[key] = Database(
                url,
                pool_size=pool_size,
                busy_timeout=busy_timeout,
                transaction_pooling=transaction_pooling,
            )
        return _databases[key]


class ConnectionSettings(Protocol):
    """What `connect` is given, as the section `database` of the settings has it (scheduling/config/sections.py)."""

    @property
    def url(self) -> str:
        """The database."""

    @property
    def pool_size(self) -> int:
        """Connections to PostgreSQL that are kept open at most."""

    @property
    def busy_timeout(self) -> int:
        """Seconds that a write waits for another one."""

    @property
    def transaction_pooling(self) -> bool:
        """Whether a pooler gives each transaction to another session."""


def connect_to(settings: ConnectionSettings) -> Database:
    """As `connect`, by settings."""
    return connect(
        settings.url,
        pool_size=settings.pool_size,
        busy_timeout=settings.busy_timeout,
        transaction_pooling=settings.transaction_pooling,
    )
