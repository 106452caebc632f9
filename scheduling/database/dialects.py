# SPDX-License-Identifier: GPL-3.0-or-later
"""What both databases have and SQLAlchemy has no common word for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, literal_column

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_into(connection: Connection, table: type[Any]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into the table of a model that knows ON CONFLICT; both databases write it alike."""
    # Only the dialect in use is loaded.
    if _is_sqlite(connection):
        from sqlalchemy.dialects.sqlite import insert as into_sqlite  # noqa: PLC0415

        return into_sqlite(table)
    from sqlalchemy.dialects.postgresql import insert as into_postgresql  # noqa: PLC0415

    return into_postgresql(table)


def row_number(connection: Connection) -> ColumnElement[Any]:
    """The number of a row, where a DELETE takes some rows of a table without a key."""
    return literal_column("rowid" if _is_sqlite(connection) else "ctid")


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
