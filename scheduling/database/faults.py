# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a database cannot be used: a driver's error becomes one sentence for the one who can mend it. No sentence holds
the URL, which may hold a password.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from scheduling.errors import DatabaseReplaced, DatabaseUnavailable, is_newer, schema_fact

_URL = "see `url` in the section [database] of the settings"
_RESTORE = "restore a backup"
_ACCESS = (
    "The database file {path} {what}: give the user that Daysheet runs as access to it and to its folder."
)
_SQLITE = {
    sqlite3.SQLITE_NOTADB: "The file {path} is not a SQLite database: "
    + _RESTORE
    + ", or name another file, "
    + _URL
    + ".",
    sqlite3.SQLITE_CORRUPT: "The database file {path} is damaged: " + _RESTORE + ".",
    sqlite3.SQLITE_READONLY: _ACCESS.replace("{what}", "cannot be written"),
    sqlite3.SQLITE_PERM: _ACCESS.replace("{what}", "cannot be opened"),
    sqlite3.SQLITE_FULL: "There is no room left for the database file {path}: free some on its disk.",
    sqlite3.SQLITE_IOERR: "The database file {path} cannot be read or written: its disk reports an error.",
}
_REACHED = (
    "Connection refused",
    "could not translate host name",
    "failed to resolve host",
    "timeout",
    "No such file or directory",
    "No route to host",
    "Network is unreachable",
)
_REFUSED = ("28000", "28P01")
_NO_DATABASE = "3D000"


def of_sqlite(error: BaseException | None, path: Path | None) -> DatabaseUnavailable:
    """Why SQLite could not do it."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if path is None:
        return _not_available(error)
    if code == sqlite3.SQLITE_CANTOPEN:
        return _not_opened(path)
    if code in _SQLITE:
        return DatabaseUnavailable(_SQLITE[code].format(path=path))
    return _not_available(error)


def of_postgresql(error: BaseException | None, name: str | None) -> DatabaseUnavailable:
    """Why PostgreSQL could not do it; `name` is that of the database."""
    words = str(error or "")
    state = _state(error, words)
    if state == _NO_DATABASE:
        return DatabaseUnavailable(
            f'PostgreSQL has no database "{name}": make it, or name another one, {_URL}.'
        )
    if state in _REFUSED:
        return DatabaseUnavailable(f"PostgreSQL refuses the user or the password: {_URL}.")
    if any(it in words for it in _REACHED):
        return DatabaseUnavailable(
            f"PostgreSQL cannot be reached ({_first_line(error)}): start it, or correct the address, {_URL}."
        )
    return _not_available(error)


def replaced(path: Path, revision: str | None, needed: str) -> DatabaseUnavailable:
    """Another file is at the path, and it is not at the revision `needed`."""
    noun = "" if is_newer(revision, needed) else "schema"
    return DatabaseReplaced(
        f"The database file {path} was replaced: the database {schema_fact(revision, needed)}.", noun=noun
    )


def foreign_log(path: Path) -> DatabaseUnavailable:
    """Somebody has another database open whose log is beside this one."""
    return DatabaseReplaced(
        f"The database file {path} was replaced, and {path}-wal is that of the old one, which somebody has open: end"
        f" every program that uses the database, and move {path}-wal and {path}-shm away."
    )


def is_of_the_file(error: Any) -> bool:
    """Whether SQLite complains about the file and not about a statement, though it does not call that operational."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def is_of_a_statement(error: Any) -> bool:
    """Whether SQLite calls something operational that is a fault of ours: a missing table or column."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def not_made(path: Path, error: OSError) -> DatabaseUnavailable:
    """Why there is no new database file."""
    if isinstance(error, PermissionError):
        return DatabaseUnavailable(_ACCESS.format(path=path, what="cannot be made"))
    why = error.strerror or type(error).__name__
    return DatabaseUnavailable(f"The database file {path} cannot be made ({why}): name another one, {_URL}.")


def _not_opened(path: Path) -> DatabaseUnavailable:
    try:
        path.stat()
    except PermissionError:
        return DatabaseUnavailable(_ACCESS.format(path=path, what="cannot be looked at"))
    except OSError:
        return DatabaseUnavailable(f"There is no database {path}.", noun="database")
    if path.is_dir():
        return DatabaseUnavailable(f"{path} is a folder and not a database file: name a file, {_URL}.")
    if not os.access(path, os.R_OK):
        return DatabaseUnavailable(_ACCESS.format(path=path, what="cannot be read"))
    return DatabaseUnavailable(_ACCESS.format(path=path, what="cannot be opened"))


def _state(error: BaseException | None, words: str) -> str | None:
    """The SQLSTATE; libpq gives none for a connection that was never made, so the server's words tell."""
    state: str | None = getattr(error, "sqlstate", None)
    if state is None and "authentication failed" in words:
        return _REFUSED[1]
    if state is None and "role " in words and "does not exist" in words:
        return _REFUSED[0]
    if state is None and "database " in words and "does not exist" in words:
        return _NO_DATABASE
    return state


def _not_available(error: BaseException | None) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The scheduling database is not available: {_first_line(error)}.")


def _first_line(error: BaseException | None) -> str:
    if error is None:
        return "no free connection"
    words = str(error).strip()
    return words.splitlines()[0].removesuffix(".") if words else type(error).__name__
