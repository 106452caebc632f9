# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements of the hot paths: compiled once for each database and run as text, and their rows taken from the driver as
they are.

For columns and parameters whose Python values are the driver's own (numbers, text, octets): nothing is converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.sql.expression import ClauseElement

from scheduling.database.connection import Database

Rows = list[tuple[Any, ...]]
Source = Connection | Database
"""A transaction, or the database itself for a single statement that is a snapshot of its own."""
_AT_ONCE = 1000


class Prepared:
    """One statement, or one for each dialect by its name."""

    def __init__(self, statement: Any) -> None:
        self._statement: Mapping[str, ClauseElement] = (
            statement if isinstance(statement, Mapping) else {"sqlite": statement, "postgresql": statement}
        )
        self._texts: dict[str, tuple[str, Mapping[str, Any], tuple[str, ...] | None]] = {}

    def text(self, engine: Engine, given: Mapping[str, Any]) -> tuple[str, Any]:
        """The SQL text and its parameters in the driver's form."""
        known = self._texts.get(engine.dialect.name) or self._compile(engine)
        sql, constants, order = known
        if order is None:
            return sql, {**constants, **given}
        return sql, tuple([given[name] if name in given else constants[name] for name in order])

    def rows(self, source: Source, given: Mapping[str, Any]) -> Rows:
        """Every row."""
        if isinstance(source, Database):
            return source.rows(*self.text(source.engine, given))
        found: Rows = self._run(source, given).fetchall()
        return found

    def batches(self, connection: Connection, given: Mapping[str, Any]) -> Iterator[Rows]:
        """The rows, some at a time."""
        cursor = self._run(connection, given)
        while batch := cursor.fetchmany(_AT_ONCE):
            yield batch

    def _run(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        sql, parameters = self.text(connection.engine, given)
        return connection.exec_driver_sql(sql, parameters).cursor

    def _compile(self, engine: Engine) -> tuple[str, Mapping[str, Any], tuple[str, ...] | None]:
        compiled: Any = self._statement[engine.dialect.name].compile(engine)
        constants = {name: it for name, it in compiled.params.items() if it is not None}
        order = None if compiled.positiontup is None else tuple(compiled.positiontup)
        self._texts[engine.dialect.name] = known = (str(compiled), constants, order)
        return known
