# SPDX-License-Identifier: GPL-3.0-or-later
"""From the rows of one user and kind to calendar objects; a row that cannot be rendered does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError

from scheduling.ical.spans import Horizon
from scheduling.kinds.kind import Kind, Look, Owner, Renderer, SourceRow
from scheduling.kinds.rendered import NotRenderable, Rendered

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A row that could not be rendered, and why."""

    source_id: int
    reason: str


def ids(connection: Connection, kind: Kind, user_id: int, slug: str) -> list[int]:
    """The source ids of the user's calendar `slug`, visible or not."""
    return list(connection.scalars(kind.ids, {"user_id": user_id, "number": kind.number_of(slug)}))


def render(
    connection: Connection, kind: Kind, owner: Owner, source_ids: Sequence[int], look: Look, horizon: Horizon
) -> Iterator[Rendered | LeftOut]:
    """The visible objects among `source_ids`; a row that cannot be rendered is yielded as `LeftOut` and
    logged.
    """
    for row in _rows(connection, kind.rows, owner.user_id, source_ids):
        if isinstance(row, LeftOut):
            problem: Rendered | LeftOut | None = row
        else:
            problem = _attempt(kind.render, row, owner, look, horizon)
        if isinstance(problem, LeftOut):
            logger.warning(
                "left out %s %d of user %d: %s", kind.slug, problem.source_id, owner.user_id, problem.reason
            )
        if problem is not None:
            yield problem


def _rows(
    connection: Connection, statement: Select[*tuple[Any, ...]], user_id: int, source_ids: Sequence[int]
) -> Sequence[SourceRow | LeftOut]:
    """The rows; where a driver cannot read one of them, they are read one at a time to find it."""
    try:
        return connection.execute(statement, {"user_id": user_id, "ids": list(source_ids)}).all()
    except (DBAPIError, ValueError, TypeError) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if len(source_ids) == 1:
            return [LeftOut(source_id=source_ids[0], reason="one of its columns cannot be read")]
    singly = (_rows(connection, statement, user_id, [source_id]) for source_id in source_ids)
    return [row for rows in singly for row in rows]


def _attempt(
    renderer: Renderer, row: SourceRow, owner: Owner, look: Look, horizon: Horizon
) -> Rendered | LeftOut | None:
    try:
        return renderer(row, owner, look, horizon)
    except (NotRenderable, ValueError, OverflowError) as error:
        return LeftOut(source_id=row.id, reason=str(error)[:500])
    except (TypeError, AttributeError, KeyError) as error:  # SQLite columns may hold values of any type
        return LeftOut(source_id=row.id, reason=f"one of its columns has no usable value ({error})"[:500])
