# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a conflict as it keeps them: ids, titles and overlaps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from scheduling import kinds
from scheduling.calendars.events import SOURCES, summary_of
from scheduling.conflicts.overlaps import Pair, Source, Span
from scheduling.conflicts.rules import Rules
from scheduling.database.chunks import chunks
from scheduling.ical.spans import RECURRING
from scheduling.kinds import JOBS
from scheduling.models import CalendarObject, Job

MOST_OVERLAPS = 100
"""Overlaps of a pair that are kept; the rest are counted."""

_O = CalendarObject
_SIDES = select(_O.name, _O.source_id, _O.component, _O.deleted, _O.busy, _O.span).where(
    _O.calendar_id == bindparam("calendar"), _O.name.in_(bindparam("names", expanding=True))
)
_REFERENCES = select(Job.id, Job.reference).where(Job.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two events. `title` gives away no more than may be told: of an imported one only its calendar."""

    kind: str
    source_id: int
    title: str
    reference: str
    busy: str


class Sides:
    """Reads the events of pairs, in a fixed number of statements for each calendar and 500 of them."""

    def __init__(self, connection: Connection, sources: Mapping[str, Source], rules: Rules) -> None:
        self._connection = connection
        self._rules = rules
        self._sources = sources
        self._known: dict[tuple[str, str], Side] = {}

    def load(self, pairs: Iterable[Pair]) -> None:
        """Read both sides of each."""
        wanted: dict[str, set[str]] = {}
        for job, slug, other in pairs:
            wanted.setdefault(JOBS.slug, set()).add(job)
            wanted.setdefault(slug, set()).add(other)
        for slug, names in wanted.items():
            if slug in self._sources:
                self._read(self._sources[slug], sorted(names))

    def job(self, pair: Pair) -> Side:
        """The job of a pair that was found."""
        return self._known[JOBS.slug, pair[0]]

    def other(self, pair: Pair) -> Side:
        """The other event of a pair that was found."""
        return self._known[pair[1], pair[2]]

    def is_busy(self, pair: Pair) -> bool:
        """Whether both are still there and take time."""
        job, other = self._known.get((JOBS.slug, pair[0])), self._known.get((pair[1], pair[2]))
        if job is None or other is None:
            return False
        other_busy = self._rules.job_busy if pair[1] == JOBS.slug else self._rules.other_busy
        return job.busy in self._rules.job_busy and other.busy in other_busy

    def _read(self, source: Source, names: list[str]) -> None:
        for some in chunks(names):
            rows = self._connection.execute(_SIDES, {"calendar": source.id, "names": some}).all()
            live = [row for row in rows if not row.deleted]
            references: dict[int, str] = {}
            if source.kind == JOBS.slug:
                ids = [row.source_id for row in live]
                rows_of_jobs = self._connection.execute(_REFERENCES, {"ids": ids})
                references = {row.id: row.reference for row in rows_of_jobs}
            for row in live:
                self._known[source.slug, row.name] = Side(
                    kind=SOURCES[source.kind],
                    source_id=row.source_id,
                    title=source.label if kinds.of(source.kind).imported else summary_of(row.component),
                    reference=references.get(row.source_id, ""),
                    # Instances of a series may take time although the series does not.
                    busy="BUSY" if row.span == RECURRING else row.busy,
                )


def values_of(job: Side, other: Side, spans: Sequence[Span]) -> dict[str, Any]:
    """The columns that say what is in conflict and when; `spans` are sorted."""
    return {
        "job_id": job.source_id,
        "job_reference": job.reference,
        "job_title": job.title,
        "other_kind": other.kind,
        "other_id": other.source_id,
        "other_title": other.title,
        "starts_at": spans[0][0],
        "ends_at": spans[0][1],
        "last_ends_at": max(end for _, end in spans),
        "overlaps": dump(spans),
        "overlap_count": len(spans),
    }


def is_material(before: Sequence[Span], count: int, after: Sequence[Span], now: int) -> bool:
    """Whether the overlaps are others than before, apart from what is over meanwhile. Of very many only those that were
    kept are compared.
    """
    rest = [it for it in before if it[1] > now]
    if count > len(before):
        return rest != list(after[: len(rest)])
    return rest != list(after)


def dump(spans: Sequence[Span]) -> str:
    """The first `MOST_OVERLAPS` as JSON."""
    return json.dumps(spans[:MOST_OVERLAPS], separators=(",", ":"))


def load(text: str) -> list[Span]:
    """What `dump` wrote."""
    return [(start, end) for start, end in json.loads(text)]
