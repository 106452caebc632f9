# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatch application as a measured writer: jobs with one assignee, written row by row or all at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import psycopg

USERS = 20
_FIRST_HOUR = "2026-01-01 00:00:00+00:00"
_HOUR = {
    "sqlite": "datetime('2026-01-01', '+' || ({n}) || ' hours')",
    "postgresql": "timestamptz '2026-01-01 00:00+00' + ({n}) * interval '1 hour'",
}
_INSERT_ALL = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    " INSERT INTO jobs (reference, job_type, organisation, status, starts_at, ends_at, notes)"
    " SELECT 'K-' || n, 'Repair', 'Bakery', 'confirmed', {start}, {end}, 'Second bell' FROM numbers"
)
_ASSIGN_ALL = (
    "INSERT INTO job_assignments (job_id, user_id) SELECT id, id % {users} + 1 FROM jobs"
    " WHERE reference LIKE 'K-%'"
)


class Writer:
    """One connection to the database at `url` (SQLite path or libpq URL), not waiting for the disk."""

    def __init__(self, url: str) -> None:
        self._dialect = "postgresql" if url.startswith("postgresql") else "sqlite"
        self._mark = "%s" if self._dialect == "postgresql" else "?"
        if self._dialect == "postgresql":
            server = psycopg.connect(url, autocommit=True)
            server.execute("SET synchronous_commit = off")
            self._backend: int | None = server.info.backend_pid
            self._connection: Any = server
        else:
            self._connection = sqlite3.connect(url, isolation_level=None)
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._backend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def cpu_seconds(self) -> float:
        """The CPU time so far of the process or thread that executes the SQL: PostgreSQL's process for this connection,
        or this thread.
        """
        if self._backend is None:
            return time.thread_time()
        # Nanoseconds of the first thread; a backend has no other (Linux, scheduler/sched-stats.rst).
        return int(Path(f"/proc/{self._backend}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9

    def drop_triggers(self) -> None:
        """Remove the change tracking."""
        if self._dialect == "sqlite":
            found = self._connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall()
            statements = [f"DROP TRIGGER {name}" for (name,) in found]
        else:
            query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'daysheet%'"
            statements = [
                f"DROP TRIGGER {name} ON {table}" for name, table in self._connection.execute(query)
            ]
        for statement in statements:
            self._connection.execute(statement)

    def add_users(self, count: int = USERS) -> None:
        """The assignees, called user1 and so on, with the ids 1 to `count`."""
        for number in range(1, count + 1):
            self._run("INSERT INTO users (username) VALUES (?)", f"user{number}")

    def insert_one_by_one(self, count: int) -> None:
        """Each job and its assignment in a transaction of their own."""
        for number in range(1, count + 1):
            self._connection.execute("BEGIN")
            (job,) = self._run(
                "INSERT INTO jobs (reference, job_type, organisation, status, starts_at, ends_at, notes)"
                " VALUES (?, 'Repair', 'Bakery', 'confirmed', ?, ?, 'Second bell') RETURNING id",
                *(f"J-{number}", _FIRST_HOUR, _FIRST_HOUR),
            ).fetchone()
            self._run("INSERT INTO job_assignments (job_id, user_id) VALUES (?, ?)", job, number % USERS + 1)
            self._connection.execute("COMMIT")

    def update_one_by_one(self, count: int) -> None:
        """Each job in a transaction of its own."""
        for number in range(1, count + 1):
            self._run("UPDATE jobs SET notes = 'Third bell' WHERE id = ?", number)

    def insert_at_once(self, count: int, users: int = USERS) -> None:
        """All jobs in one statement and all assignments in another."""
        hour = _HOUR[self._dialect]
        self._connection.execute("BEGIN")
        self._connection.execute(
            _INSERT_ALL.format(count=count, start=hour.format(n="n"), end=hour.format(n="n + 2"))
        )
        self._connection.execute(_ASSIGN_ALL.format(users=users))
        self._connection.execute("COMMIT")

    def update_at_once(self, _count: int) -> None:
        """The jobs of `insert_at_once` in one statement."""
        self._connection.execute("UPDATE jobs SET notes = 'Fourth bell' WHERE reference LIKE 'K-%'")

    def _run(self, statement: str, *values: object) -> Any:
        return self._connection.execute(statement.replace("?", self._mark), values)


WRITES: Mapping[str, Callable[[Writer, int], None]] = {
    "insert, one by one": Writer.insert_one_by_one,
    "update, one by one": Writer.update_one_by_one,
    "insert, one statement": Writer.insert_at_once,
    "update, one statement": Writer.update_at_once,
}
"""Each builds on the one before."""
