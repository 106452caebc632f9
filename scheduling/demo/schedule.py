# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo schedule: a field-service company's users and what they do, made up around a given day.

The same arguments always give the same rows. Jobs are in `jobs.py`, blockers and time off in
`absences.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert, select

from scheduling.database.chunks import chunks
from scheduling.database.types import Role
from scheduling.demo.absences import blockers, time_off
from scheduling.demo.jobs import DemoJob, Technician, jobs
from scheduling.demo.words import FAMILY_NAMES, PEOPLE
from scheduling.errors import Conflict, Invalid
from scheduling.kinds import JOBS
from scheduling.models import Blocker, Job, JobAssignment, TimeOff, User

_BATCH = 2000
_DISPATCHER, _ADMIN = 1, 4


def fill(
    connection: Connection,
    *,
    users: int,
    jobs_per_user: int,
    seed: int,
    today: date,
    progress: Callable[[int], None],
) -> list[int]:
    """Add the demo schedule and return the users' ids; one of them is a dispatcher, and of five or more one an admin.

    `progress` is told how many jobs each batch has added, `users * jobs_per_user` in all. Half of the jobs
    lie before `today`, most within eight weeks of it; a user has no more than three a day, so a very long
    list of jobs reaches further. Raises `Invalid` for numbers out of range, `Conflict` where a demo schedule
    is already or one of its usernames is in use.
    """
    if not (1 <= users <= 100_000 and 0 <= jobs_per_user <= 15_000):
        raise Invalid("A demo schedule must have 1 to 100000 users with 0 to 15000 jobs each.")
    technicians = _add_users(connection, users, seed)
    made = (
        job
        for number, technician in enumerate(technicians)
        for job in jobs(
            _random(seed, JOBS.slug, number), technician, technicians, number, jobs_per_user, today
        )
    )
    for batch in chunks(made, _BATCH):
        _add_jobs(connection, batch)
        progress(len(batch))
    for number, some in enumerate(chunks(technicians, 100)):
        rng = _random(seed, "absences", number)
        connection.execute(insert(Blocker), [row for one in some for row in blockers(rng, one, today)])
        connection.execute(insert(TimeOff), [row for one in some for row in time_off(rng, one, today)])
    return [technician.user_id for technician in technicians]


def _random(seed: int, *purpose: str | int) -> random.Random:
    """A generator of its own per purpose, so that more users do not change the earlier ones' schedules."""
    return random.Random("/".join(map(str, (seed, *purpose))))  # noqa: S311 - made-up data, not a secret


def _add_users(connection: Connection, count: int, seed: int) -> list[Technician]:
    rows = [_user(number, count, seed) for number in range(count)]
    if connection.scalar(select(Job.reference).where(Job.reference.startswith("DEMO-")).limit(1)):
        raise Conflict("The database holds a demo schedule already.")
    ids: dict[str, int] = {}
    for batch in chunks(rows, _BATCH):
        names = [row["username"] for row in batch]
        taken = connection.scalar(select(User.username).where(User.username.in_(names)).limit(1))
        if taken is not None:
            raise Conflict(f"The demo schedule needs the username {taken!r}, which is in use.")
        added = connection.execute(insert(User).returning(User.id, User.username), batch)
        ids.update({username: user_id for user_id, username in added})
    return [
        Technician(user_id=ids[row["username"]], username=row["username"], time_zone=row["time_zone"])
        for row in rows
    ]


def _user(number: int, count: int, seed: int) -> dict[str, Any]:
    turn, index = divmod(number, len(PEOPLE))
    person = PEOPLE[index]
    family = _random(seed, "name", number).choice(FAMILY_NAMES) if turn else person.family
    username = f"{person.username}{turn + 1}" if turn else person.username
    return {
        "username": username,
        "display_name": f"{person.given} {family}",
        "email": f"{username}@example.com",
        "time_zone": person.time_zone,
        "role": _role(number, count),
    }


def _role(number: int, count: int) -> Role:
    if number == min(_DISPATCHER, count - 1):
        return Role.DISPATCHER
    return Role.ADMIN if number == _ADMIN else Role.MEMBER


def _add_jobs(connection: Connection, batch: list[DemoJob]) -> None:
    added = connection.execute(
        insert(Job).returning(Job.id, Job.reference), [dict(job.columns) for job in batch]
    )
    ids = {reference: job_id for job_id, reference in added}
    connection.execute(
        insert(JobAssignment),
        [
            {"job_id": ids[job.columns["reference"]], "user_id": user_id}
            for job in batch
            for user_id in job.assignees
        ],
    )
