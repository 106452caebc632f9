# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads calendars in this thread, and which: for the delivery ledger.

The server begins and ends a reading around a request; the plugins, which know nothing of each other, fill it in
between. Without a begun reading they note nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from scheduling.readership.client_families import OTHER


@dataclass(kw_only=True, slots=True)
class Reading:
    """What one request of a family of clients read: revisions by calendar id, and by whose app password, if any."""

    client: str = OTHER
    user_id: int = 0
    app_password_id: int | None = None
    revisions: dict[int, int] = field(default_factory=dict)


_thread = threading.local()


def begin(client: str = OTHER) -> None:
    """Start a request of this thread, from a family of clients."""
    _thread.reading = Reading(client=client)


def client() -> str:
    """The family of the client whose request this thread answers."""
    reading: Reading | None = getattr(_thread, "reading", None)
    return OTHER if reading is None else reading.client


def identify(user_id: int, app_password_id: int | None) -> None:
    """Note who has logged in."""
    reading: Reading | None = getattr(_thread, "reading", None)
    if reading is not None:
        reading.user_id, reading.app_password_id = user_id, app_password_id


def saw(calendar_id: int, revision: int) -> None:
    """Note that the answer speaks of a calendar in this state."""
    reading: Reading | None = getattr(_thread, "reading", None)
    if reading is not None:
        reading.revisions[calendar_id] = revision


def end() -> Reading | None:
    """What was read since `begin`; None where nothing was, or not with an app password."""
    reading: Reading | None = getattr(_thread, "reading", None)
    _thread.reading = None
    if reading is None or reading.app_password_id is None or not reading.revisions:
        return None
    return reading
