# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding columns with constraints to a table that others refer to, and changing one, on both databases.

SQLite cannot add a named constraint, and copying the table would cascade to everything that refers to it. Columns at
the end need nothing on disk, where a row without them has their defaults, so the table's text is edited in the
schema, as SQLite's documentation describes it ("Making Other Kinds Of Table Schema Changes").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateColumn

from scheduling.errors import SchedulingError

_TEXT = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
_EDIT = sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name")
_CONSTRAINT = "\n\tCONSTRAINT "


def add_columns(
    table: str, columns: Sequence[sa.Column[Any]], checks: Mapping[str, str] | None = None
) -> None:
    """Add `columns`, nullable or with a default, and CHECK constraints by their whole names."""
    if op.get_context().dialect.name == "postgresql":
        for column in columns:
            op.add_column(table, column)
        for name, condition in (checks or {}).items():
            op.create_check_constraint(op.f(name), table, condition)
        return
    _edit(table, lambda before: _with(before, table, columns, checks or {}))


def change_column(table: str, column: sa.Column[Any]) -> None:
    """Give the column of this name another type and default, in which every value that is stored is valid too."""
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(table, column.name, type_=column.type, server_default=column.server_default)
        return

    sa.Table(table, sa.MetaData(), column)

    def changed(before: str) -> str:
        after, count = re.subn(rf"(?m)^\t{column.name} .*?(?=, ?$|$)", lambda _: f"\t{_line(column)}", before)
        if count != 1:
            raise SchedulingError(f"The table {table} has no column {column.name} that can be changed.")
        return after

    _edit(table, changed)


def _edit(table: str, changed: Callable[[str], str]) -> None:
    """Give SQLite another text of the table."""
    connection = op.get_bind()
    before = connection.scalar(_TEXT, {"name": table})
    if before is None:
        raise SchedulingError(f"The table {table} is missing.")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        connection.execute(_EDIT, {"sql": changed(before), "name": table})
        connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _line(column: sa.Column[Any]) -> str:
    return str(CreateColumn(column).compile(dialect=sqlite.dialect()))


def _with(before: str, table: str, columns: Sequence[sa.Column[Any]], checks: Mapping[str, str]) -> str:
    """The table's text with more columns behind its last, and the checks before its other constraints."""
    sa.Table(table, sa.MetaData(), *columns)
    lines = [_line(column) for column in columns]
    lines += [f"CONSTRAINT {name} CHECK ({condition})" for name, condition in checks.items()]
    head, found, constraints = before.partition(_CONSTRAINT)
    if found:
        head = head.removesuffix(", ").removesuffix(",")
        return ", \n\t".join([head, *lines]) + ", " + found + constraints
    return ", \n\t".join([before.rstrip().removesuffix(")").rstrip(), *lines]) + "\n)"
