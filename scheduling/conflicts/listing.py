# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading conflicts: one, or page after page by the start of their first overlap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from scheduling.conflicts import pairs
from scheduling.conflicts.comparison import MOST
from scheduling.errors import NotFound
from scheduling.models import Conflict as ConflictRow
from scheduling.models import ConflictUser, User

STATUSES = ("open", "acknowledged", "resolved")
LARGEST_ID = 2**53 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A job of a user and another event of the same user that overlap. Moments in `overlaps` are epoch seconds, ends
    exclusive; of very many only the first are kept, and `overlap_count` says how many there are.

    `other_kind` is job, blocker, time_off or external_ical; of an imported event `other_title` is the calendar's label
    and nothing more. `reason` says why a resolved one is: moved, gone, past, or off.
    """

    id: int
    user_id: int
    username: str
    status: str
    job_id: int
    job_reference: str
    job_title: str
    other_kind: str
    other_id: int
    other_calendar: str
    other_title: str
    overlaps: tuple[tuple[int, int], ...]
    overlap_count: int
    starts_at: int
    ends_at: int
    reason: str | None
    version: int
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None

    @property
    def position(self) -> tuple[int, int]:
        """What lists are ordered by."""
        return self.starts_at, self.id

    @property
    def etag(self) -> str:
        """Of everything that is shown."""
        parts = [getattr(self, name) for name in self.__dataclass_fields__]
        return f'"{blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which conflicts: None and () do not restrict. They overlap [start, end) with one of their kept overlaps or lie
    between two of them; both in epoch seconds.
    """

    user_id: int | None = None
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


_R = ConflictRow
_SELECT = select(_R, User.username).join(User, User.id == _R.user_id)


def page(
    connection: Connection,
    wanted: Filter | None = None,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> list[Conflict]:
    """Up to `limit` conflicts of present users behind the position `after`."""
    statement = _filtered(wanted or Filter()).order_by(_R.starts_at, _R.id).limit(limit)
    if after is not None:
        start, number = after
        behind = or_(_R.starts_at > start, and_(_R.starts_at == start, _R.id > number))
        statement = statement.where(_R.starts_at >= start, behind)
    return [_conflict(row) for row in connection.execute(statement)]


def crowded(connection: Connection, user_id: int | None = None) -> list[str]:
    """Names of users who have more conflicts than are kept: of one job `MOST`, of one user `MOST_OF_USER`."""
    full = select(_R.user_id).where(_R.status != "resolved").group_by(_R.user_id, _R.job_name)
    many = select(ConflictUser.user_id).where(ConflictUser.crowded)
    found = select(User.username).where(
        or_(User.id.in_(many), User.id.in_(full.having(func.count() >= MOST)))
    )
    if user_id is not None:
        found = found.where(User.id == user_id)
    return list(connection.scalars(found.order_by(User.username)))


def get(connection: Connection, conflict_id: int, *, lock: bool = False) -> Conflict:
    """One conflict. Raises `NotFound`."""
    statement = _SELECT.where(_R.id == conflict_id)
    if lock:
        statement = statement.with_for_update(of=_R)
    row = connection.execute(statement).first() if 0 < conflict_id <= LARGEST_ID else None
    if row is None:
        raise NotFound(f"There is no conflict {conflict_id}.")
    return _conflict(row)


def _filtered(wanted: Filter) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = _SELECT
    if wanted.user_id is not None:
        statement = statement.where(_R.user_id == wanted.user_id)
    if wanted.statuses:
        statement = statement.where(_R.status.in_(wanted.statuses))
    if wanted.kinds:
        statement = statement.where(_R.other_kind.in_(wanted.kinds))
    if wanted.start is not None:
        statement = statement.where(_R.last_ends_at > wanted.start)
    if wanted.end is not None:
        statement = statement.where(_R.starts_at < wanted.end)
    return statement


def _conflict(row: Row[*tuple[Any, ...]]) -> Conflict:
    return Conflict(
        id=row.id,
        user_id=row.user_id,
        username=row.username,
        status=row.status,
        job_id=row.job_id,
        job_reference=row.job_reference,
        job_title=row.job_title,
        other_kind=row.other_kind,
        other_id=row.other_id,
        other_calendar=row.other_slug,
        other_title=row.other_title,
        overlaps=tuple(pairs.load(row.overlaps)),
        overlap_count=row.overlap_count,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
        version=row.version,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        resolved_at=row.resolved_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
    )
