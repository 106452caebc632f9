# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatch application beside other work: plain SQL, a job in a transaction of its own, and how long that took."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

_PATIENCE = 60.0
_JOB = (
    "INSERT INTO jobs (reference, job_type, organisation, status, starts_at, ends_at)"
    " VALUES ({0}, 'Repair', 'Bakery', 'confirmed', {0}, {0})"
)
_ASSIGNED = (
    "INSERT INTO job_assignments (job_id, user_id) SELECT jobs.id, users.id FROM jobs, users"
    " WHERE jobs.reference = {0} AND users.username = {0}"
)
_NOTE = "UPDATE jobs SET notes = {0} WHERE reference = {0}"


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A driver's connection to the database at `url`, a SQLite path or a libpq URL. It begins no transaction by itself.
    Any thread may use it, one at a time.
    """
    if url.startswith("postgresql"):
        connection: Any = psycopg.connect(url, autocommit=True)
    else:
        connection = sqlite3.connect(url, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
    try:
        yield connection
    finally:
        connection.close()


class Dispatch:
    """Writes over the connection of `connected(url)`."""

    def __init__(self, connection: Any, url: str) -> None:
        is_server = url.startswith("postgresql")
        self._connection = connection
        self._begin = "BEGIN" if is_server else "BEGIN IMMEDIATE"
        self._mark = "%s" if is_server else "?"

    def job(self, reference: str, username: str, number: int, note: str = "") -> float:
        """An hour's job of the user on some day of 2026, and with `note` a change of it; the seconds it took."""
        day = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
        began = time.perf_counter()
        self._execute(self._begin)
        self._execute(_JOB, reference, f"{day} 08:00:00+00:00", f"{day} 09:00:00+00:00")
        self._execute(_ASSIGNED, reference, username)
        if note:
            self._execute(_NOTE, note, reference)
        self._execute("COMMIT")
        return time.perf_counter() - began

    def touch(self, username: str) -> float:
        """A changed row of a user; the seconds it took."""
        began = time.perf_counter()
        self._execute(self._begin)
        self._execute("UPDATE users SET display_name = 'W' WHERE username = {0}", username)
        self._execute("COMMIT")
        return time.perf_counter() - began

    def _execute(self, statement: str, *given: str) -> None:
        self._connection.execute(statement.format(self._mark), given)
