# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of one's own entries are in conflict: a job as a whole, of a repeating event only the times that overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from scheduling.kinds import JOBS
from server.api.schedule import conflicts
from server.pages.frame.visit import Visit

_MOST = 1000
"""As many as are kept of one person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clashes:
    """The ids of jobs in conflict; of other events the overlaps by id, in epoch seconds, ends exclusive. An overlap may
    lie in the buffer around a job, so a job is told by its id alone.
    """

    jobs: Set[str]
    overlaps: Mapping[str, Sequence[tuple[int, int]]]

    def has(self, event_id: str, starts_at: int, ends_at: int) -> bool:
        """Whether the event is in conflict at this time."""
        spans = self.overlaps.get(event_id, ())
        return event_id in self.jobs or any(start < ends_at and end > starts_at for start, end in spans)


def clashes(visit: Visit, start: int, end: int) -> Clashes:
    """The person's conflicts in [start, end) epoch seconds that are not resolved."""
    first, last = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in (start, end))
    query = conflicts.ConflictQuery(
        user=visit.user.username, status=["open", "acknowledged"], start=first, end=last, limit=_MOST
    )
    body = conflicts.list_conflicts(visit.call, query).body
    assert isinstance(body, conflicts.Conflicts)
    jobs: set[str] = set()
    overlaps: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for conflict in body.conflicts:
        jobs.add(f"{JOBS.event}-{conflict.job.id}")
        other = f"{conflict.other.kind}-{conflict.other.id}"
        if conflict.other.kind == JOBS.event:
            jobs.add(other)
        else:
            overlaps[other] += [(it.starts_at, it.ends_at) for it in conflict.overlaps]
    return Clashes(jobs=jobs, overlaps=overlaps)
