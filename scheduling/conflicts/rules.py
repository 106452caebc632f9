# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a conflict, from the settings `[conflicts]`, and `[availability]` for the buffers around jobs."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from scheduling import kinds
from scheduling.settings.view import View

_CERTAIN = ("BUSY", "BUSY-UNAVAILABLE")
_ANY = (*_CERTAIN, "BUSY-TENTATIVE")
_VERSION = 3
"""Raised whenever the code finds other conflicts by the same settings, so that everything is compared anew."""
_NO_LENGTH = 1
"""Seconds that the stored extent of an event without length has, so that indexes find it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """`before` and `after` are the seconds around a job that have to be free too. `job_busy` and `other_busy` are the
    FBTYPEs that count, `kinds` the kinds of calendar. `epoch` changes with any of it.
    """

    enabled: bool
    before: int
    after: int
    kinds: frozenset[str]
    job_busy: tuple[str, ...]
    other_busy: tuple[str, ...]
    epoch: str

    @classmethod
    def of(cls, view: View) -> Rules:
        """The rules by these settings."""
        settings, buffers = view.conflicts, view.availability
        counted = frozenset(it for it in settings.kinds if view.is_on(kinds.of(it)))
        parts = (
            _VERSION,
            settings.enabled,
            sorted(counted),
            buffers.buffer_before_minutes,
            buffers.buffer_after_minutes,
            settings.offered_jobs,
            settings.tentative_events,
        )
        return cls(
            enabled=settings.enabled,
            before=buffers.buffer_before_minutes * 60,
            after=buffers.buffer_after_minutes * 60,
            kinds=counted,
            job_busy=_ANY if settings.offered_jobs else _CERTAIN,
            other_busy=_ANY if settings.tentative_events else _CERTAIN,
            epoch=blake2b(repr(parts).encode(), digest_size=8).hexdigest(),
        )

    @property
    def between(self) -> int:
        """The seconds that have to be free between two jobs."""
        return max(self.before, self.after)

    def segment(
        self, job: tuple[int, int], other: tuple[int, int], *, is_job: bool
    ) -> tuple[int, int] | None:
        """The part of a job, its buffers included, that another event takes; None where it takes none. All in epoch
        seconds, ends exclusive. An event without length takes nothing and needs nothing around it.
        """
        if min(job[1] - job[0], other[1] - other[0]) <= _NO_LENGTH:
            return None
        before, after = (self.between, self.between) if is_job else (self.before, self.after)
        start, end = max(job[0] - before, other[0]), min(job[1] + after, other[1])
        return (start, end) if start < end else None
