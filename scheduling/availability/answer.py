# SPDX-License-Identifier: GPL-3.0-or-later
"""The availability of people: every second of the range is in exactly one period, or free.

Time is free only when every source that could say otherwise has been read: where one is stale or cannot be read in
full, what is not known to be busy is unknown. Nothing here asks the clock; `now` is given.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from sqlalchemy import Connection

from scheduling.availability import hours
from scheduling.availability.busy_time import BusyTime, periods
from scheduling.availability.hours import Hours
from scheduling.availability.people import Person
from scheduling.availability.question import Question
from scheduling.availability.spans import Span, spans, with_buffers
from scheduling.calendars.free_busy import BUSY, Period


@dataclass(frozen=True, kw_only=True, slots=True)
class Availability(BusyTime):
    """Whose busy time it is, and why: `spans` are what makes time busy, buffers included, and `hours` the working hours
    that count.
    """

    person: Person
    spans: tuple[Span, ...] = field(repr=False)
    hours: Hours | None

    def narrowed(self, start: int, end: int) -> Availability:
        """The answer to the same question about a part of the range."""
        found = [it for it in self.spans if it.starts_at < end and it.ends_at > start]
        return _of_person(self.person, self.question.during(start, end), self.now, found, self.hours)

    def causes(self) -> list[tuple[Period, list[Span]]]:
        """The busy periods, each with what lies in it, also where something stronger covers it."""
        busy = self.of_type(*BUSY)
        starts = [it.start for it in busy]
        found: list[list[Span]] = [[] for _ in busy]
        for span in self.spans:
            at = max(0, bisect_right(starts, span.starts_at) - 1)
            while at < len(busy) and busy[at].start < span.ends_at:
                if busy[at].end > span.starts_at:
                    found[at].append(span)
                at += 1
        return list(zip(busy, found, strict=True))


def answer(
    connection: Connection, people: Sequence[Person], question: Question, now: int
) -> list[Availability]:
    """The availability of `people`, which have been loaded in this transaction, in their order. Raises `Invalid` for a
    question without bounds.
    """
    question.check(len(people))
    low, high = question.start - question.after, question.end + question.before
    found = spans(connection, (source for person in people for source in person.sources), low, high)
    by_user: dict[int, list[Span]] = {}
    for span in with_buffers(found, question.before, question.after):
        if span.starts_at < question.end and span.ends_at > question.start:
            by_user.setdefault(span.user_id, []).append(span)
    stored = hours.of_users(connection, [person.id for person in people]) if question.hours else {}
    return [
        _of_person(person, question, now, by_user.get(person.id, []), stored.get(person.id))
        for person in people
    ]


def version(answers: Iterable[Availability]) -> str:
    """A strong entity tag: the question, and a hash of when these people are busy and what makes them so. It stays the
    same while other time changes, and when a source is read again and says the same.
    """
    digest = blake2b(digest_size=16)
    text = ""
    for it in sorted(answers, key=lambda it: it.person.id):
        text = it.question.text
        digest.update(f"\n{it.person.id} {it.person.username} {it.person.time_zone}\n".encode())
        digest.update("".join(f"{p.start} {p.end} {p.fbtype}\n" for p in it.periods).encode())
        low, high = it.question.start, it.question.end
        for s in it.spans:
            cut = f"{max(s.starts_at, low)} {min(s.ends_at, high)}"
            digest.update(f"{s.calendar_id} {s.source_id} {cut} {s.busy} {s.is_buffer}\n".encode())
        unknown = (x.slug for x in it.person.sources if not x.is_known(it.now, it.question.max_staleness))
        digest.update(" ".join(sorted(unknown)).encode())
    return f'"{text}.{digest.hexdigest()}"'


def question_of(etag: str) -> Question | None:
    """The question that an entity tag of ours answers; None for what is none."""
    text, point, digest = etag.strip().removeprefix("W/").strip('"').partition(".")
    if not point or len(digest) != 32:
        return None
    try:
        return Question.parse(text)
    except ValueError:
        return None


def _of_person(
    person: Person, question: Question, now: int, found: Sequence[Span], working: Hours | None
) -> Availability:
    bare = [(it.starts_at, it.ends_at, it.busy) for it in found]
    return Availability(
        person=person,
        question=question,
        now=now,
        periods=periods(person, question, now, bare, working),
        spans=tuple(found),
        hours=working,
    )
