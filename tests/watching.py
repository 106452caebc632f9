# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching what a database is asked, inside transactions and by single statements."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from scheduling.database.connection import Database

_CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


@contextmanager
def watched(database: Database, note: Callable[[str, Any], None]) -> Iterator[None]:
    """Call `note` with the text and parameters of every statement, in the driver's form, before it runs."""

    def executing(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        note(statement, parameters)

    single = database.rows

    def rows(sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        note(sql, parameters)
        return single(sql, parameters)

    event.listen(database.engine, "before_cursor_execute", executing)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "rows", rows)
            yield
    finally:
        event.remove(database.engine, "before_cursor_execute", executing)


@contextmanager
def after_each_write(database: Database, do: Callable[[], None]) -> Iterator[None]:
    """Call `do` after every write transaction that was committed. What it raises ends the work there, as a kill would:
    what is committed stays.
    """
    write = database.write
    inside = threading.local()

    @contextmanager
    def watched_write() -> Iterator[Connection]:
        with write() as connection:
            yield connection
        if not getattr(inside, "busy", False):
            inside.busy = True
            try:
                do()
            finally:
                inside.busy = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "write", watched_write)
        yield


@contextmanager
def rows_written(database: Database) -> Iterator[list[int]]:
    """`with rows_written(database) as rows:` collects how many rows each write transaction inside changed."""
    rows: list[int] = []

    def began(connection: Connection) -> None:
        if connection.get_execution_options().get("daysheet_write"):
            rows.append(0)

    def executed(
        connection: Connection, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if connection.get_execution_options().get("daysheet_write") and _CHANGES.match(statement):
            rows[-1] += len(parameters) if many else max(cursor.rowcount, 0)

    event.listen(database.engine, "begin", began)
    event.listen(database.engine, "after_cursor_execute", executed)
    try:
        yield rows
    finally:
        event.remove(database.engine, "begin", began)
        event.remove(database.engine, "after_cursor_execute", executed)
