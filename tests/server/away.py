# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a database away from everybody and giving it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from psycopg import sql

from scheduling.database.connection import Database


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Nobody can read the database: SQLite is locked exclusively, PostgreSQL lets nobody in."""
    if database.is_sqlite:
        with closing(sqlite3.connect(str(database.path), isolation_level=None)) as connection:
            # In WAL mode readers never wait; without it, an exclusive lock keeps everybody out.
            database.dispose()
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("UPDATE users SET active = active")
            yield
            connection.execute("ROLLBACK")
        return
    name = database.url.database
    server = database.url.set(drivername="postgresql", database="postgres").render_as_string(
        hide_password=False
    )
    with psycopg.connect(server, autocommit=True) as connection:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))
