# SPDX-License-Identifier: GPL-3.0-or-later
"""When a person is busy, without what makes it so: what every format shows that cannot ask for more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

from scheduling.availability import hours
from scheduling.availability.hours import Hours
from scheduling.availability.people import Person, caught_up
from scheduling.availability.question import Question
from scheduling.availability.spans import Bare, bare
from scheduling.calendars.free_busy import OUTSIDE_HOURS, UNKNOWN, Period, coalesce, free
from scheduling.config.sections import AvailabilitySettings
from scheduling.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class BusyTime:
    """One person's time in a range. `periods` are in order, apart, and of the types in `free_busy.STRENGTH`; what they
    leave is free.
    """

    question: Question
    now: int
    periods: tuple[Period, ...]

    @property
    def free(self) -> list[tuple[int, int]]:
        """The free time: pairs of epoch seconds."""
        return free(self.periods, self.question.start, self.question.end)

    def of_type(self, *types: str) -> list[Period]:
        """The periods of these types."""
        return [it for it in self.periods if it.fbtype in types]


def of_user(snapshot: Snapshot, username: str, start: int, end: int, slug: str | None = None) -> BusyTime:
    """The busy time of one user in [start, end) by the configured buffers and staleness; with `slug` what that calendar
    alone says, without working hours. Raises `NotFound`, `Invalid`.
    """
    (person,) = caught_up(snapshot, [username])
    question = default_question(snapshot.view.availability, start, end)
    question.check()
    if slug is not None:
        person = replace(person, sources=tuple(it for it in person.sources if it.slug == slug))
        question = replace(question, hours=False)
    found = bare(snapshot.connection, person.sources, question)
    working = hours.of_users(snapshot.connection, [person.id]).get(person.id) if question.hours else None
    return BusyTime(
        question=question, now=snapshot.now, periods=periods(person, question, snapshot.now, found, working)
    )


def default_question(settings: AvailabilitySettings, start: int, end: int) -> Question:
    """The question about [start, end) where nobody says more."""
    return Question(
        start=start,
        end=end,
        before=settings.buffer_before_minutes * 60,
        after=settings.buffer_after_minutes * 60,
        max_staleness=settings.max_staleness_minutes * 60,
    )


def periods(
    person: Person, question: Question, now: int, found: Iterable[Bare], working: Hours | None
) -> tuple[Period, ...]:
    """The periods of `person` from what takes time, `found`, and the working hours that count."""
    start, end = question.start, question.end
    every = list(found)
    if working is not None:
        inside = hours.periods(working, person.time_zone, start, end)
        at_work = [Period(start=low, end=high, fbtype=OUTSIDE_HOURS) for low, high in inside]
        every += [(low, high, OUTSIDE_HOURS) for low, high in free(at_work, start, end)]
    for source in person.sources:
        unknown = source.unknown(start, end, now, question.max_staleness)
        every += [(low, high, UNKNOWN) for low, high in unknown]
    return tuple(coalesce(_fitted(every, question)))


def version(busy: BusyTime) -> str:
    """A weak entity tag of the question and its answer, for their DTSTAMP is another one each time (RFC 9110, section
    8.8.1). It stays the same while other time changes.
    """
    digest = blake2b(busy.question.text.encode(), digest_size=16)
    digest.update("".join(f"\n{it.start} {it.end} {it.fbtype}" for it in busy.periods).encode())
    return f'W/"{digest.hexdigest()}"'


def _fitted(every: Iterable[Bare], question: Question) -> list[Bare]:
    """Cut to the range, rounded outward."""
    first, last = question.start, question.end
    cut = [(max(first, low), min(last, high), fbtype) for low, high, fbtype in every]
    step = question.granularity * 60
    if not step:
        return cut
    return [
        (first + (low - first) // step * step, min(last, first - -(high - first) // step * step), fbtype)
        for low, high, fbtype in cut
    ]
