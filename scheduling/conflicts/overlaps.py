# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of a job and another event of one user overlap, for the objects that changed.

Changed objects are joined with the user's other events by the indexes on their extents, so the cost follows from what
changed and what it meets, not from the size of the calendars; the number of statements is fixed, and so is how many
rows each of them may give. Instances beyond a calendar's horizon are expanded from the stored series.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, union_all
from sqlalchemy.orm import aliased

from scheduling import kinds
from scheduling.conflicts.rules import Rules
from scheduling.ical import series_json
from scheduling.ical.series import taking
from scheduling.ical.spans import LONG, LONG_SPAN, RECURRING, SHORT_SPAN
from scheduling.kinds import JOBS
from scheduling.models import CalendarObject, OccurrenceRow, lasts

Span = tuple[int, int]
"""Start and exclusive end in epoch seconds."""
Pair = tuple[str, str, str]
"""The job's object name, the other event's calendar (slug) and object name. Of two jobs, the one whose name comes first
is the job.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A calendar of the user at a revision. `expanded_until` (epoch seconds) is the end of its horizon."""

    id: int
    slug: str
    kind: str
    label: str
    expanded_until: int
    revision: int


ROWS = 4_000
"""Meetings of two events that one statement reads at most."""

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


def _meeting(
    changed: tuple[Any, tuple[Any, ...]], met: tuple[Any, tuple[Any, ...], bool], *, named: bool
) -> Select[Any]:
    """`low` and `high` are the seconds by which the changed event is widened before and after. With `named` only events
    called so are met.
    """
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
    if named:
        conditions.append(theirs.name.in_(bindparam("only", expanding=True)))
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meetings:
    """The statements that find what changed events meet: all of it up to a number of rows, or only events by name."""

    jobs_of_job: Any
    others_of_job: Any
    jobs_of_other: Any

    @classmethod
    def make(cls, *, named: bool) -> _Meetings:
        singles = (_MET_SHORT, _MET_LONG)
        others = (*singles, _MET_INSTANCE, _MET_LONG_INSTANCE)
        found = (
            [_meeting(_SINGLE, met, named=named) for met in singles],
            [_meeting(_SINGLE, met, named=named) for met in others],
            [_meeting(changed, met, named=named) for changed in (_SINGLE, _INSTANCE) for met in singles],
        )
        ours, theirs, of_others = (
            union_all(*some) if named else union_all(*some).limit(ROWS + 1) for some in found
        )
        return cls(jobs_of_job=ours, others_of_job=theirs, jobs_of_other=of_others)


_ALL, _NAMED = _Meetings.make(named=False), _Meetings.make(named=True)
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
    """The pairs found so far for one user: `found` maps each to its overlaps, of which none is over at `now`. `is_cut`
    says that there are more than were read.
    """

    def __init__(self, sources: Iterable[Source], rules: Rules, now: int) -> None:
        every = list(sources)
        self._jobs = next((it for it in every if it.kind == JOBS.slug), None)
        self._others = {it.id: it for it in every if it.kind != JOBS.slug and it.kind in rules.kinds}
        self._rules = rules
        self._now = now
        self.found: dict[Pair, set[Span]] = {}
        self.is_cut = False

    def add(self, connection: Connection, changed: Mapping[str, Collection[str]]) -> None:
        """Look what changed objects (names by calendar) meet. A fixed number of statements for each calendar."""
        if self._jobs is None:
            return
        self._meet(connection, self._jobs, changed, None)
        if not self.is_cut:
            self._beyond(connection, self._jobs, changed)

    def add_known(
        self, connection: Connection, changed: Mapping[str, Collection[str]], pairs: Collection[Pair]
    ) -> None:
        """Look whether the events of known pairs still meet, where `add` did not read everything."""
        if self._jobs is not None and pairs:
            only = sorted({pair[0] for pair in pairs} | {pair[2] for pair in pairs})
            self._meet(connection, self._jobs, changed, only)
            self._beyond(connection, self._jobs, changed)

    def _meet(
        self,
        connection: Connection,
        jobs: Source,
        changed: Mapping[str, Collection[str]],
        only: Collection[str] | None,
    ) -> None:
        if names := changed.get(jobs.slug):
            self._of_jobs(connection, jobs, names, only)
        for other in self._others.values():
            if self.is_cut and only is None:
                return  # fewer objects are looked at instead
            if names := changed.get(other.slug):
                self._of_others(connection, jobs, other, names, only)

    def _rows(
        self, connection: Connection, statement: Any, values: Mapping[str, Any], only: Collection[str] | None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        if only is not None:
            return connection.execute(statement, {**values, "only": list(only)}).all()
        rows = connection.execute(statement, values).all()
        self.is_cut |= len(rows) > ROWS
        return rows[:ROWS]

    def once(self) -> dict[Pair, set[Span]]:
        """What was found, but for pairs all of whose overlaps an event of the same UID in an older outside calendar has
        too.
        """
        age = {it.slug: it.id for it in self._others.values() if kinds.of(it.kind).imported}
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

    def _of_jobs(
        self, connection: Connection, jobs: Source, names: Collection[str], only: Collection[str] | None
    ) -> None:
        rules, statements = self._rules, _ALL if only is None else _NAMED
        key = self._key(jobs, names, rules.job_busy)
        if JOBS.slug in rules.kinds:
            between = {"low": rules.between, "high": rules.between}
            met = {"others": [jobs.id], "other_busy": rules.job_busy}
            for row in self._rows(connection, statements.jobs_of_job, {**key, **between, **met}, only):
                self._note_jobs(jobs, row)
        if self._others:
            around = {"low": rules.before, "high": rules.after}
            met = {"others": list(self._others), "other_busy": rules.other_busy}
            for row in self._rows(connection, statements.others_of_job, {**key, **around, **met}, only):
                other = self._others[row.other_calendar]
                span = (row.other_starts_at, row.other_ends_at)
                self._note(row.name, (row.starts_at, row.ends_at), other, row.other_name, span)

    def _of_others(
        self,
        connection: Connection,
        jobs: Source,
        other: Source,
        names: Collection[str],
        only: Collection[str] | None,
    ) -> None:
        rules, statements = self._rules, _ALL if only is None else _NAMED
        key = self._key(other, names, rules.other_busy)
        around = {"low": rules.after, "high": rules.before}
        met = {"others": [jobs.id], "other_busy": rules.job_busy}
        for row in self._rows(connection, statements.jobs_of_other, {**key, **around, **met}, only):
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
        segment = self._rules.segment(span, other_span, is_job=other.kind == JOBS.slug)
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
