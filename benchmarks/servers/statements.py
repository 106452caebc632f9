# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements a PostgreSQL server executes, from its own log, and how much disk its tables take."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*): *(\S+(?: +\S+){0,2})")
_AROUND = (b"BEGIN", b"COMMIT", b"ROLLBACK", b";")
"""A pooled connection is tested with `;` alone."""
_LEDGER = b"INSERT INTO deliveries"
_RELOADED = 0.5
_SIZES = (
    "SELECT relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    " ORDER BY pg_total_relation_size(c.oid) DESC LIMIT %s"
)


@dataclass(kw_only=True, slots=True)
class Executed:
    """How many statements were executed: those of requests, those `around` them (begin and end of transactions, tests
    of connections), and rows that the delivery ledger stored afterwards.
    """

    statements: int = 0
    around: int = 0
    ledger: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Bytes of a table, including values stored out of line, and of its indexes."""

    table: str
    data: int
    indexes: int


@contextmanager
def logged(url: str) -> Iterator[None]:
    """Have the server of `url` log every statement in the block."""
    _set(url, "ALTER SYSTEM SET log_statement = 'all'")
    yield
    _set(url, "ALTER SYSTEM RESET log_statement")


@contextmanager
def counted(log: Path) -> Iterator[Executed]:
    """Count what the server executes in the block, which is filled in at its end; `log` is the server's."""
    start = log.stat().st_size
    executed = Executed()
    yield executed
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()
    for found in _STATEMENT.findall(text):
        if found.startswith(_LEDGER):
            executed.ledger += 1
        elif found.upper().startswith(_AROUND):
            executed.around += 1
        else:
            executed.statements += 1


def sizes(url: str, most: int = 8) -> list[Size]:
    """The largest tables."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_SIZES, (most,)).fetchall()
    return [Size(table=table, data=data, indexes=indexes) for table, data, indexes in rows]


def _set(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("SELECT pg_reload_conf()")
    # The server's processes read it before their next statement.
    time.sleep(_RELOADED)
