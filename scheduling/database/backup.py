# SPDX-License-Identifier: GPL-3.0-or-later
"""A consistent copy of a SQLite database while it is in use, by SQLite's online backup."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from scheduling.database import faults
from scheduling.database.connection import Database
from scheduling.database.drafts import draft
from scheduling.database.file import address
from scheduling.errors import Conflict, DatabaseUnavailable, Invalid, NotFound


def backup(database: Database, target: Path, *, replace: bool = False) -> int:
    """Copy the database to `target`, which appears complete (mode 0600); returns its size in bytes.

    Raises `Invalid` for PostgreSQL, `NotFound` where there is no database, `Conflict` where `target` exists
    and is not to be replaced, `DatabaseUnavailable` when the copy fails, OSError.
    """
    source = database.path
    if source is None:
        raise Invalid("Only SQLite databases can be copied like this; use pg_dump for PostgreSQL.")
    if _is_missing(source):
        raise NotFound(f"There is no database {source}.", noun="database")
    if target.exists() and (not replace or target.samefile(source)):
        raise Conflict(f"{target} exists already; choose another name.")
    with draft(target) as copy:
        _copy(source, copy)
        size = copy.stat().st_size
        copy.replace(target)
    return size


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # which opening it says better
    return False


def _copy(source: Path, copy: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(address(source), uri=True)) as reader,
            contextlib.closing(sqlite3.connect(copy)) as writer,
        ):
            reader.backup(writer)
            # A copy in WAL mode would need its side files to be opened.
            writer.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if faults.is_of_the_file(error) or error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            raise faults.of_sqlite(error, source) from error
        raise DatabaseUnavailable(f"The database cannot be copied: {error}.") from error
