# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching what a database is asked, inside transactions and by single statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from scheduling.database.connection import Database


@contextmanager
def watched(database: Database, note: Callable[[str, Any], None]) -> Iterator[None]:
    """Call `note` with the text and parameters of every statement, in the driver's form, before it runs."""

    def executing(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        note(statement, parameters)

    single = database.rows

    def rows(sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        note(sql, parameters)
        return single(sql, parameters)

    event.listen(database.engine, "before_cursor_execute", executing)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "rows", rows)
            yield
    finally:
        event.remove(database.engine, "before_cursor_execute", executing)
