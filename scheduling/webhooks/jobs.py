# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed jobs as events: told of when they start, or started before the change, within a webhook's hours.

Found while catching up, so only what somebody sees changing in a calendar is an event, and a job of several people is
one event although it is an object of several calendars.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select
from sqlalchemy.exc import DBAPIError

from scheduling.calendars.followers import Change, Extent, UserGone
from scheduling.kinds import JOBS
from scheduling.models import Job, JobAssignment, ScheduleChange, User
from scheduling.webhooks.endpoints import LONGEST_HOURS
from scheduling.webhooks.events import EventType, is_awaited, listeners, send

logger = logging.getLogger(__name__)

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_JOBS = select(Job).where(Job.id.in_(_IDS))
_ASSIGNEES = (
    select(JobAssignment.job_id, User.username)
    .join(User, User.id == JobAssignment.user_id)
    .where(JobAssignment.job_id.in_(_IDS))
    .order_by(User.username)
)
_WAITING = (
    select(ScheduleChange.user_id)
    .join(User, User.id == ScheduleChange.user_id)
    .where(ScheduleChange.slug == JOBS.slug)
    .distinct()
    .limit(bindparam("some"))
)
_TOLD = ("reference", "job_type", "organisation", "status", "time_zone")


def follow(connection: Connection, change: Change | UserGone) -> None:
    """Queue `job.changed` for jobs that changed in a calendar (`scheduling.calendars.followers`). Without a job near
    its start, or without webhooks, this costs next to nothing.
    """
    if isinstance(change, UserGone) or change.kind != JOBS.slug:
        return
    now = change.now
    near = {job: extents for job, extents in change.sources.items() if _is_near(extents, now, LONGEST_HOURS)}
    found = listeners(connection, EventType.JOB_CHANGED) if near else []
    if not found:
        return
    for job, (payload, version) in _described(connection, sorted(near)).items():
        wanted = [listener for listener in found if _is_near(near[job], now, listener.within_hours)]
        about = {"subject": f"job:{job}", "dedupe": version}
        send(connection, wanted, EventType.JOB_CHANGED, {"job": payload}, **about)


def waiting(connection: Connection, limit: int) -> list[int]:
    """Up to `limit` users whose jobs have changed since their calendar was caught up; none without a webhook that is
    told of jobs.
    """
    if not is_awaited(connection, EventType.JOB_CHANGED):
        return []
    return list(connection.scalars(_WAITING, {"some": limit}))


def _is_near(extents: Iterable[Extent], now: int, hours: int) -> bool:
    return any(start <= now + hours * 3600 and end > now for start, end in extents)


def _described(connection: Connection, jobs: Sequence[int]) -> dict[int, tuple[dict[str, Any], str]]:
    """Each job's payload and a digest of everything that is known of it. One that a driver cannot read is logged and
    left out; to find it, they are read one at a time.
    """
    try:
        return _read(connection, jobs)
    except (DBAPIError, ValueError, TypeError) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if len(jobs) == 1:
            logger.warning("no event for job %d: one of its columns cannot be read", jobs[0])
            return {}
    return {job: told for it in jobs for job, told in _described(connection, [it]).items()}


def _read(connection: Connection, jobs: Sequence[int]) -> dict[int, tuple[dict[str, Any], str]]:
    people: dict[int, list[str]] = {}
    for job, username in connection.execute(_ASSIGNEES, {"ids": list(jobs)}):
        people.setdefault(job, []).append(username)
    found = {job: ({"id": job, "deleted": True}, "deleted") for job in jobs}
    for row in connection.execute(_JOBS, {"ids": list(jobs)}):
        assignees = people.get(row.id, [])
        state = json.dumps([*map(str, row), assignees]).encode()
        found[row.id] = _payload(row, assignees), blake2b(state, digest_size=16).hexdigest()
    return found


def _payload(row: Row[*tuple[Any, ...]], assignees: list[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "deleted": False,
        **{name: None if getattr(row, name) is None else str(getattr(row, name)) for name in _TOLD},
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "start_date": None if row.start_date is None else row.start_date.isoformat(),
        "end_date": None if row.end_date is None else row.end_date.isoformat(),
        "assignees": assignees,
    }
