# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with iCalendar: unknown time zones, unusable recurrence rules, requests that are none."""

from __future__ import annotations

from scheduling.sentences import counted


class UnknownTimeZone(ValueError):
    """Unknown time zone."""

    def __init__(self, tzid: str) -> None:
        self.tzid = tzid
        super().__init__(f"Unknown time zone {tzid[:80]!r}; use an IANA name such as Europe/Berlin")


class BadRule(ValueError):
    """Recurrence rule refused."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Recurrence rule refused: {reason}")


class TooFrequent(BadRule):
    """The rule repeats too often within one day."""

    def __init__(self, per_day: int, allowed: int) -> None:
        self.per_day = per_day
        self.allowed = allowed
        super().__init__(
            f"it repeats up to {counted(per_day, 'time')} a day; at most {allowed} are permitted"
        )


class TooExpensive(BadRule):
    """The rule takes too many steps to expand."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        super().__init__(
            f"it takes more than {counted(steps, 'step')} to expand; use a later start or a larger interval"
        )


class TooMany(BadRule):
    """The rule has too many instances in the window."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"it has more than {counted(limit, 'instance')} in the window; ask for a shorter one"
        )


class BadRequest(ValueError):
    """A scheduling message refused; the message says why."""


class NotICalendar(BadRequest):
    """The text is not an iCalendar object."""


class NotAFreeBusyRequest(BadRequest):
    """The object is not a request for busy time, or breaks a rule for one."""


class IsInvitation(BadRequest):
    """The object is about an event or a task and not about busy time."""
