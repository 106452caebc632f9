# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time links for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from scheduling.access import one_time_links, users
from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import SYSTEM
from tests.server.running import Running


def make(running: Running, username: str, purpose: Purpose, *, at: datetime | None = None) -> str:
    """The path of a new link."""
    with running.database.write() as connection:
        user = users.get(connection, username)
        keyring = running.settings.keyring()
        now = at or datetime.now(UTC)
        return one_time_links.path_of(
            one_time_links.make(connection, keyring, user.id, purpose, at=now, actor=SYSTEM)
        )


def link_of(purpose: Purpose, below: str = "") -> Callable[[Running, str], str]:
    """What makes an address in the table of pages."""
    return lambda running, username: make(running, username, purpose) + below
