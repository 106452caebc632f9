# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatch application as the tests play it: plain SQL over a driver connection, nothing of Daysheet's
code.

Each method writes one row with sensible values, takes columns to set by name, and returns the new id.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from sqlalchemy import URL

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")


class Dispatch:
    """One autocommitting connection; `transaction()` groups writes. SQL names its parameters `:like_this`."""

    def __init__(self, connection: Any, *, is_sqlite: bool) -> None:
        self.connection = connection
        self.is_sqlite = is_sqlite
        self._numbers = itertools.count(1)

    @classmethod
    def connect(cls, url: URL, *, foreign_keys: bool = True) -> Self:
        """Connect through sqlite3 or psycopg; `foreign_keys` is SQLite's switch, often forgotten."""
        if url.get_backend_name() == "sqlite":
            connection = sqlite3.connect(str(url.database), timeout=10, isolation_level=None)
            connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
            return cls(connection, is_sqlite=True)
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return cls(psycopg.connect(plain, autocommit=True), is_sqlite=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN ... COMMIT, or ROLLBACK when the block raises."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def execute(self, statement: str, values: Mapping[str, Any] | None = None, /, **named: Any) -> list[Any]:
        """Run one statement and return its rows, if it has any."""
        cursor = self.connection.execute(self._native(statement), {**(values or {}), **named})
        return cursor.fetchall() if cursor.description else []

    def execute_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for every row, in a transaction."""
        with self.transaction():
            self.connection.cursor().executemany(self._native(statement), rows)

    def insert(self, table: str, **columns: Any) -> int:
        """Insert one row and return its id."""
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608
        return int(self.execute(statement, columns)[0][0])

    def update(self, table: str, row: int, **columns: Any) -> None:
        """Set columns of the row with that id."""
        marks = ", ".join(f"{name} = :{name}" for name in columns)
        self.execute(f"UPDATE {table} SET {marks} WHERE id = :row_id", columns, row_id=row)  # noqa: S608

    def delete(self, table: str, row: int) -> None:
        """Delete the row with that id."""
        self.execute(f"DELETE FROM {table} WHERE id = :row_id", row_id=row)  # noqa: S608

    def user(self, username: str | None = None, **columns: Any) -> int:
        """An active member in UTC."""
        name = username or f"user{next(self._numbers)}"
        return self.insert("users", **{"username": name, "display_name": name.title(), **columns})

    def job(self, *assignees: int, **columns: Any) -> int:
        """A confirmed job on 2026-03-10 from 09:00 to 11:00 UTC, done by `assignees`."""
        defaults = {"reference": f"J-{next(self._numbers)}", "status": "confirmed"}
        job = self.insert("jobs", **{**defaults, **_period(columns), **columns})
        for user in assignees:
            self.assign(job, user)
        return job

    def assign(self, job: int, user: int) -> None:
        """Give a job to one more user."""
        self.execute(
            "INSERT INTO job_assignments (job_id, user_id) VALUES (:job, :person)", job=job, person=user
        )

    def withdraw(self, job: int, user: int) -> None:
        """Take a job from a user."""
        self.execute(
            "DELETE FROM job_assignments WHERE job_id = :job AND user_id = :person", job=job, person=user
        )

    def blocker(self, user: int, **columns: Any) -> int:
        """A blocker on 2026-03-10 from 09:00 to 11:00 UTC."""
        return self.insert("blockers", **{"user_id": user, "title": "Dentist", **_period(columns), **columns})

    def time_off(self, user: int, **columns: Any) -> int:
        """Approved leave on 2026-03-10 from 09:00 to 11:00 UTC."""
        defaults = {"user_id": user, "kind": "Holiday", "status": "approved"}
        return self.insert("time_off", **{**defaults, **_period(columns), **columns})

    def _native(self, statement: str) -> str:
        if self.is_sqlite:
            return statement
        return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))


def _period(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The period, unless `columns` give one."""
    if "start_date" in columns or "starts_at" in columns:
        return {}
    return {"starts_at": "2026-03-10 09:00:00+00:00", "ends_at": "2026-03-10 11:00:00+00:00"}
