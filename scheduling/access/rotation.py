# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypting stored secrets anew with the present key: every binary column whose name begins with `encrypted`.

Works in batches beside a running installation; what another process changes meanwhile is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Connection, LargeBinary, Table, func, select, tuple_, update

from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.models import Base

_BATCH = 500


def secret_columns() -> list[Column[bytes]]:
    """The columns that hold encrypted secrets."""
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.startswith("encrypted")
    ]


def reencrypt(database: Database, keyring: Keyring) -> int:
    """Encrypt every stored secret with the first key; returns how many. Raises `SecretsUnreadable` for one that no key
    fits, leaving the rest as it is; what was done until then stays done.
    """
    return sum(_column(database, keyring, column) for column in secret_columns())


def _column(database: Database, keyring: Keyring, column: Column[bytes]) -> int:
    done = 0
    for batch in _batches(database, column):
        with database.write() as connection:
            done += sum(_row(connection, keyring, column, key, value) for *key, value in batch)
    return done


def _batches(database: Database, column: Column[bytes]) -> Iterator[list[tuple[object, ...]]]:
    table: Table = column.table
    keys = list(table.primary_key.columns)
    after: tuple[object, ...] | None = None
    while True:
        there = (column.is_not(None), func.length(column) > 0)  # empty: the secret was erased
        statement = select(*keys, column).where(*there).order_by(*keys).limit(_BATCH)
        if after is not None:
            statement = statement.where(tuple_(*keys) > after)
        with database.read() as connection:
            batch = [tuple(row) for row in connection.execute(statement)]
        if not batch:
            return
        after = batch[-1][:-1]
        yield batch


def _row(
    connection: Connection, keyring: Keyring, column: Column[bytes], key: list[object], value: object
) -> int:
    assert isinstance(value, bytes | memoryview)
    keys = zip(column.table.primary_key.columns, key, strict=True)
    statement = (
        update(column.table)
        .where(*(name == part for name, part in keys), column == bytes(value))
        .values({column: keyring.encrypt(keyring.decrypt(bytes(value)))})
    )
    return connection.execute(statement).rowcount
