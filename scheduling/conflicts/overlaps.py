# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of a job and another event of one user overlap, for the objects that changed.

Changed objects are joined with the user's other events by the indexes on their extents, so the cost follows from what
changed and what it meets, not from the size of the calendars; the number of statements is fixed. Instances beyond a
calendar's horizon are expanded from the stored series.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, union_all
from sqlalchemy.orm import aliased

from scheduling.conflicts.rules import Rules
from scheduling.ical import series_json
from scheduling.ical.series import taking
from scheduling.ical.spans import LONG, LONG_SPAN, RECURRING, SHORT_SPAN
from scheduling.models import CalendarObject, OccurrenceRow, lasts

Span = tuple[int, int]
"""Start and exclusive end in epoch seconds."""
Pair = tuple[str, str, str]
"""The job's object name, the other event's calendar (slug) and object name. Of two jobs, the one whose name comes first
is the job.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A calendar of the user. `expanded_until` (epoch seconds) is the end of its horizon."""

    id: int
    slug: str
    kind: str
    label: str
    expanded_until: int


_C: Any = aliased(CalendarObject, name="changed")
_I: Any = aliased(OccurrenceRow, name="changed_instance")
_T: Any = aliased(CalendarObject, name="met")
_TI: Any = aliased(OccurrenceRow, name="met_instance")
_SINGLE = (_C, (~_C.deleted, _C.span != RECURRING))
_INSTANCE = (_I, ())
_MET_SHORT = (
    _T,
    (~_T.deleted, _T.span == SHORT_SPAN),
    True,
)
_MET_LONG = (_T, (~_T.deleted, _T.span == LONG_SPAN), False)
_MET_INSTANCE = (_TI, (), True)
_MET_LONG_INSTANCE = (_TI, (lasts(_TI),), False)


def _meeting(changed: tuple[Any, tuple[Any, ...]], met: tuple[Any, tuple[Any, ...], bool]) -> Select[Any]:
    """`low` and `high` are the seconds by which the changed event is widened before and after."""
    ours, of_ours = changed
    theirs, of_theirs, short = met
    conditions = [
        ours.calendar_id == bindparam("calendar"),
        ours.name.in_(bindparam("names", expanding=True)),
        ours.busy.in_(bindparam("busy", expanding=True)),
        ours.ends_at > bindparam("over"),
        *of_ours,
        theirs.calendar_id.in_(bindparam("others", expanding=True)),
        theirs.busy.in_(bindparam("other_busy", expanding=True)),
        *of_theirs,
        theirs.starts_at < ours.ends_at + bindparam("high"),
        theirs.ends_at > ours.starts_at - bindparam("low"),
    ]
    if short:  # bounds what is read of the index
        conditions.append(theirs.starts_at >= ours.starts_at - bindparam("low") - LONG)
    return select(
        ours.name.label("name"),
        ours.starts_at.label("starts_at"),
        ours.ends_at.label("ends_at"),
        theirs.calendar_id.label("other_calendar"),
        theirs.name.label("other_name"),
        theirs.starts_at.label("other_starts_at"),
        theirs.ends_at.label("other_ends_at"),
    ).where(*conditions)


_JOB_MEETS_JOB: Any = union_all(_meeting(_SINGLE, _MET_SHORT), _meeting(_SINGLE, _MET_LONG))
_JOB_MEETS_OTHER: Any = union_all(
    *(_meeting(_SINGLE, met) for met in (_MET_SHORT, _MET_LONG, _MET_INSTANCE, _MET_LONG_INSTANCE))
)
_OTHER_MEETS_JOB: Any = union_all(
    *(_meeting(changed, met) for changed in (_SINGLE, _INSTANCE) for met in (_MET_SHORT, _MET_LONG))
)
_O = CalendarObject
_FAR = (
    _O.calendar_id == bindparam("calendar"),
    ~_O.deleted,
    _O.busy.in_(bindparam("busy", expanding=True)),
    _O.ends_at > bindparam("beyond"),
)
_OF_JOB = (_O.name, _O.starts_at, _O.ends_at)
_FAR_JOBS: Any = union_all(
    select(*_OF_JOB).where(*_FAR, _O.span == SHORT_SPAN, _O.starts_at > bindparam("beyond") - LONG),
    select(*_OF_JOB).where(*_FAR, _O.span == LONG_SPAN),
)
_THESE_FAR_JOBS = select(*_OF_JOB).where(*_FAR, _O.name.in_(bindparam("names", expanding=True)))
_FAR_SERIES = select(_O.calendar_id, _O.name, _O.series, _O.starts_at, _O.ends_at).where(
    _O.calendar_id.in_(bindparam("calendars", expanding=True)),
    ~_O.deleted,
    _O.span == RECURRING,
    _O.ends_at > bindparam("beyond"),
)
_THESE_FAR_SERIES = _FAR_SERIES.where(_O.name.in_(bindparam("names", expanding=True)))


class Overlaps:
    """The pairs found so far for one user: `found` maps each to its overlaps, of which none is over at `now`."""

    def __init__(self, sources: Iterable[Source], rules: Rules, now: int) -> None:
        every = list(sources)
        self._jobs = next((it for it in every if it.kind == "jobs"), None)
        self._others = {it.id: it for it in every if it.kind != "jobs" and it.kind in rules.kinds}
        self._rules = rules
        self._now = now
        self.found: dict[Pair, set[Span]] = {}

    def add(self, connection: Connection, changed: Mapping[str, Collection[str]]) -> None:
        """Look what changed objects (names by calendar) meet. A fixed number of statements for each calendar."""
        if self._jobs is None:
            return
        jobs = changed.get(self._jobs.slug, ())
        if jobs:
            self._of_jobs(connection, self._jobs, jobs)
        for other in self._others.values():
            if changed.get(other.slug):
                self._of_others(connection, self._jobs, other, changed[other.slug])
        self._beyond(connection, self._jobs, changed)

    def once(self) -> dict[Pair, set[Span]]:
        """What was found, but for pairs all of whose overlaps an event of the same UID in an older outside calendar has
        too.
        """
        age = {it.slug: it.id for it in self._others.values() if it.kind == "external"}
        counted: dict[tuple[str, str], set[Span]] = {}
        result: dict[Pair, set[Span]] = {}
        for pair in sorted(self.found, key=lambda pair: age.get(pair[1], 0)):
            job, slug, name = pair
            spans = self.found[pair]
            if slug in age:
                before = counted.setdefault((job, name), set())
                if spans <= before:
                    continue
                before |= spans
            result[pair] = spans
        return result

    def _of_jobs(self, connection: Connection, jobs: Source, names: Collection[str]) -> None:
        rules = self._rules
        key = self._key(jobs, names, rules.job_busy)
        if "jobs" in rules.kinds:
            between = {"low": rules.between, "high": rules.between}
            met = {"others": [jobs.id], "other_busy": rules.job_busy}
            for row in connection.execute(_JOB_MEETS_JOB, {**key, **between, **met}):
                self._note_jobs(jobs, row)
        if self._others:
            around = {"low": rules.before, "high": rules.after}
            met = {"others": list(self._others), "other_busy": rules.other_busy}
            for row in connection.execute(_JOB_MEETS_OTHER, {**key, **around, **met}):
                other = self._others[row.other_calendar]
                span = (row.other_starts_at, row.other_ends_at)
                self._note(row.name, (row.starts_at, row.ends_at), other, row.other_name, span)

    def _of_others(self, connection: Connection, jobs: Source, other: Source, names: Collection[str]) -> None:
        rules = self._rules
        key = self._key(other, names, rules.other_busy)
        around = {"low": rules.after, "high": rules.before}
        met = {"others": [jobs.id], "other_busy": rules.job_busy}
        for row in connection.execute(_OTHER_MEETS_JOB, {**key, **around, **met}):
            job = (row.other_starts_at, row.other_ends_at)
            self._note(row.other_name, job, other, row.name, (row.starts_at, row.ends_at))

    def _key(self, source: Source, names: Collection[str], busy: Collection[str]) -> dict[str, Any]:
        over = self._now - self._rules.between
        return {"calendar": source.id, "names": list(names), "busy": list(busy), "over": over}

    def _note_jobs(self, jobs: Source, row: Row[*tuple[Any, ...]]) -> None:
        if row.name == row.other_name:
            return
        one = (row.name, (row.starts_at, row.ends_at))
        two = (row.other_name, (row.other_starts_at, row.other_ends_at))
        first, second = sorted((one, two))
        self._note(first[0], first[1], jobs, second[0], second[1])

    def _note(self, job: str, span: Span, other: Source, name: str, other_span: Span) -> None:
        segment = self._rules.segment(span, other_span, is_job=other.kind == "jobs")
        if segment is not None and segment[1] > self._now:
            self.found.setdefault((job, other.slug, name), set()).add(segment)

    def _beyond(self, connection: Connection, jobs: Source, changed: Mapping[str, Collection[str]]) -> None:
        """Series against jobs that end after the horizon, inside which alone instances are stored."""
        if not self._others:
            return
        beyond = min(it.expanded_until for it in self._others.values()) - self._rules.after
        far = {"calendar": jobs.id, "busy": self._rules.job_busy, "beyond": beyond}
        every = {"calendars": list(self._others), "beyond": beyond}
        if some := changed.get(jobs.slug):
            these = connection.execute(_THESE_FAR_JOBS, {**far, "names": list(some)}).all()
            if these:
                self._expand(these, connection.execute(_FAR_SERIES, every).all())
        named = {it.id: set(changed.get(it.slug, ())) for it in self._others.values()}
        if names := sorted(set().union(*named.values())):
            rows = connection.execute(_THESE_FAR_SERIES, {**every, "names": names})
            # Objects of several calendars have the same name if their events have the same UID.
            series = [row for row in rows if row.name in named[row.calendar_id]]
            if series:
                self._expand(connection.execute(_FAR_JOBS, far).all(), series)

    def _expand(self, jobs: Sequence[Row[*tuple[Any, ...]]], every: Sequence[Row[*tuple[Any, ...]]]) -> None:
        rules = self._rules
        for row in every:
            other, series = self._others[row.calendar_id], series_json.loads(row.series)
            instances: dict[Span, list[Span]] = {}  # jobs without a date yet often share a far day
            for job in jobs:
                low = max(other.expanded_until, job.starts_at - rules.before, row.starts_at)
                high = min(job.ends_at + rules.after, row.ends_at)
                if low >= high:
                    continue
                if (low, high) not in instances:
                    found = taking(series, low, high)
                    instances[low, high] = [
                        (it.starts_at, it.ends_at) for it in found if it.busy in rules.other_busy
                    ]
                for span in instances[low, high]:
                    self._note(job.name, (job.starts_at, job.ends_at), other, row.name, span)
