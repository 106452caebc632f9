# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty databases of both kinds for a measurement. They are deleted at the end of the block."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import postgresql


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """`create` makes an empty database and returns its SQLite path or libpq URL. `pids` are the processes of the
    database server; their time counts too. `settle` finishes background work that would disturb a measurement.
    """

    name: str
    create: Callable[[], str]
    pids: Sequence[int] = ()
    settle: Callable[[str], None] = lambda _url: None


@contextmanager
def both() -> Iterator[tuple[Path, Sequence[Kind]]]:
    """A folder, and SQLite in it and PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as name, postgresql.running() as server:
        numbers = itertools.count(1)
        yield (
            Path(name),
            (
                Kind(name="SQLite", create=lambda: f"{name}/{next(numbers)}.db"),
                Kind(name="PostgreSQL", create=server.create, pids=(server.pid,), settle=server.settle),
            ),
        )
