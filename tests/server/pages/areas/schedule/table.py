# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see one's own schedule."""

from __future__ import annotations

import itertools

from scheduling.access import users
from tests.factories import Dispatch
from tests.server.pages.table import EVERYBODY, Row
from tests.server.running import Running

_numbers = itertools.count(1)


def job_of(running: Running, username: str) -> str:
    """The address of a job of the user."""
    with running.database.read() as connection:
        user = users.get(connection, username)
    with Dispatch.connect(running.database.url) as dispatch:
        number = dispatch.job(user.id, reference=f"shown-{next(_numbers)}")
    return f"/schedule/job-{number}"


ROWS = [
    Row("GET", "/schedule", EVERYBODY),
    Row("GET", "/schedule/<event_id>", EVERYBODY, example=job_of),
]
