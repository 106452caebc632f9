# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases for the tests of migrations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduling.database.connection import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One without tables, on each of the two."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'daysheet.db'}")
        assert database.file is not None
        database.file.create()
        yield database
        database.dispose()
        return
    server = request.getfixturevalue("postgresql")
    name = server.create()
    database = Database(server.url(name))
    yield database
    database.dispose()
    server.drop(name)
