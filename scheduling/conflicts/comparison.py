# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a user's changed events with the others: what is in conflict now. Reads only, in one snapshot, so nobody
waits for it; check.py keeps conflicts accordingly if the snapshot is still what is stored.

What one comparison reads is bounded, however many events overlap: fewer changed events are compared at a time then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select

from scheduling import kinds
from scheduling.calendars.calendars import BLOCKING
from scheduling.conflicts import checks
from scheduling.conflicts.overlaps import Overlaps, Pair, Source, Span
from scheduling.conflicts.pairs import Sides
from scheduling.conflicts.rules import Rules
from scheduling.kinds import JOBS
from scheduling.models import Calendar, Conflict

MOST = 100
"""Conflicts that one job has at the same time at most."""
MOST_OF_USER = 1_000
"""Conflicts that one user has at the same time at most."""
STEP = 100
"""Changed objects that are compared at once at most."""

_C = Conflict
UNRESOLVED = _C.status != "resolved"
_SOURCES = select(
    Calendar.id,
    Calendar.slug,
    Calendar.kind,
    Calendar.display_name,
    Calendar.expanded_until,
    Calendar.revision,
).where(Calendar.user_id == bindparam("user"), Calendar.kind.in_(BLOCKING))
_COUNTS = (
    select(_C.job_name, func.count()).where(_C.user_id == bindparam("user"), UNRESOLVED).group_by(_C.job_name)
)
ConflictRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What changed objects (`changed`: names by calendar) and the others are to each other.

    `found` has the overlaps of each pair, `opening` those pairs of it that become conflicts now; `left_out` says that
    there would be more of them. `counts` are the unresolved conflicts by job as they were. `sides` has both events of
    every pair that is to be written. It holds as long as `sources` and `known` are what is stored.
    """

    changed: Mapping[str, set[str]]
    sources: Mapping[str, Source]
    known: Mapping[Pair, ConflictRow]
    found: Mapping[Pair, set[Span]]
    ended: tuple[ConflictRow, ...]
    opening: tuple[Pair, ...]
    left_out: bool
    counts: Mapping[str, int]
    sides: Sides

    def is_current(self, connection: Connection, user_id: int) -> bool:
        """Whether neither a calendar nor a conflict is another one than when they were compared."""
        if sources_of(connection, user_id) != self.sources:
            return False
        return versions(touching(connection, user_id, self.changed)) == versions(self.known)


def sources_of(connection: Connection, user_id: int) -> dict[str, Source]:
    """The calendars of a user whose events can be in conflict, by slug."""
    return {
        row.slug: Source(
            id=row.id,
            slug=row.slug,
            kind=row.kind,
            label=row.display_name or row.slug,
            expanded_until=row.expanded_until,
            revision=row.revision,
        )
        for row in connection.execute(_SOURCES, {"user": user_id})
    }


def touching(
    connection: Connection, user_id: int, changed: Mapping[str, set[str]]
) -> dict[Pair, ConflictRow]:
    """The conflicts, resolved ones too, that have one of the changed objects on a side."""
    some: list[Any] = [(_C.other_slug == slug) & _C.other_name.in_(names) for slug, names in changed.items()]
    if jobs := changed.get(JOBS.slug):
        some.append(_C.job_name.in_(jobs))
    found = connection.execute(select(Conflict).where(_C.user_id == user_id, or_(*some)))
    return {(row.job_name, row.other_slug, row.other_name): row for row in found}


def versions(known: Mapping[Pair, ConflictRow]) -> dict[Pair, tuple[int, Any]]:
    """What tells one state of these conflicts from another."""
    return {pair: (row.version, row.changed_at) for pair, row in known.items()}


def compare(
    connection: Connection, user_id: int, rules: Rules, now: int, size: int = STEP
) -> tuple[Comparison, int] | None:
    """Compare at most `size` of a user's changed objects, and how many there were; None where nothing has changed."""
    waiting = checks.peek(connection, user_id, STEP)
    if not waiting:
        return None
    sources = sources_of(connection, user_id)
    while True:
        changed = _with_equal(waiting[:size], sources)
        overlaps = Overlaps(sources.values(), rules, now)
        overlaps.add(connection, changed)
        if not overlaps.is_cut or size == 1:
            break
        size //= 2
    known = touching(connection, user_id, changed)
    if overlaps.is_cut:
        overlaps.add_known(
            connection, changed, [pair for pair, row in known.items() if row.status != "resolved"]
        )
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(_COUNTS, {"user": user_id})}
    return _compared(connection, rules, changed, sources, known, overlaps, counts), size


def _compared(
    connection: Connection,
    rules: Rules,
    changed: Mapping[str, set[str]],
    sources: Mapping[str, Source],
    known: Mapping[Pair, ConflictRow],
    overlaps: Overlaps,
    counts: Mapping[str, int],
) -> Comparison:
    found = overlaps.once()
    ended = tuple(row for pair, row in known.items() if row.status != "resolved" and pair not in found)
    new = {
        pair: spans for pair, spans in found.items() if pair not in known or known[pair].status == "resolved"
    }
    opening, left_out = _room_for(new, counts, len(ended))
    kept = [pair for pair in found if pair in known and known[pair].status != "resolved"]
    gone = ((row.job_name, row.other_slug, row.other_name) for row in ended)
    sides = Sides(connection, sources, rules)
    sides.load([*opening, *kept, *gone])
    return Comparison(
        changed=changed,
        sources=sources,
        known=known,
        found=found,
        ended=ended,
        opening=opening,
        left_out=left_out or overlaps.is_cut,
        counts=counts,
        sides=sides,
    )


def _room_for(
    new: Mapping[Pair, set[Span]], counts: Mapping[str, int], ended: int
) -> tuple[tuple[Pair, ...], bool]:
    """Those of the new pairs that become conflicts, the first in time first; and whether some do not."""
    opening: list[Pair] = []
    left = MOST_OF_USER - sum(counts.values()) + ended
    taken = dict(counts)
    for pair in sorted(new, key=lambda pair: (min(new[pair]), pair)):
        if left <= len(opening):
            break
        if taken.get(pair[0], 0) < MOST:
            taken[pair[0]] = taken.get(pair[0], 0) + 1
            opening.append(pair)
    return tuple(opening), len(opening) < len(new)


def _with_equal(waiting: Iterable[tuple[str, str]], sources: Mapping[str, Source]) -> dict[str, set[str]]:
    """With the objects of the same names, and so of the same UIDs, in all outside calendars: which of them counts
    depends on the others.
    """
    found: dict[str, set[str]] = {}
    for slug, name in waiting:
        found.setdefault(slug, set()).add(name)
    outside = [slug for slug in found if _is_imported(slug)]
    names = set().union(*(found[slug] for slug in outside))
    for slug in {*outside, *(source.slug for source in sources.values() if kinds.of(source.kind).imported)}:
        if names:
            found[slug] = set(names)
    return found


def _is_imported(slug: str) -> bool:
    """Whether the calendar is, or was, an outside one."""
    kind = kinds.of_calendar(slug)
    return kind is not None and kind.imported
