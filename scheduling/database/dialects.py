# SPDX-License-Identifier: GPL-3.0-or-later
"""What both databases have and SQLAlchemy has no common word for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into the table of a model that knows ON CONFLICT; both databases write it alike."""
    return sqlite.insert(table) if _is_sqlite(connection) else postgresql.insert(table)


def row_number(connection: Connection) -> ColumnElement[Any]:
    """The number of a row, where a DELETE takes some rows of a table without a key."""
    return literal_column("rowid" if _is_sqlite(connection) else "ctid")


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
