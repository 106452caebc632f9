# SPDX-License-Identifier: GPL-3.0-or-later
"""Times at which enough people are free together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scheduling.availability.answer import Availability, version
from scheduling.calendars.free_busy import STRENGTH, free
from scheduling.errors import Invalid
from scheduling.sentences import counted

PERMITTED = STRENGTH[STRENGTH.index("BUSY-TENTATIVE") :]
"""What time may be beside free when somebody says so: tentative, outside working hours, unknown."""
MOST = 1000
_MOST_STARTS = 600_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """`length` seconds that begin at the start of the range or a multiple of `step` seconds later, at which `need`
    of the people are free, or are in one of the `permitted` types of period. At most `count` are wanted.
    """

    length: int
    step: int
    count: int
    need: int
    permitted: Collection[str] = ()

    def check(self, people: int, seconds: int) -> None:
        """Raises `Invalid` unless this can be searched among so many people in a range of so many seconds."""
        if not 60 <= self.length <= seconds:
            raise Invalid("A slot must be at least a minute long and fit into the range.")
        if self.step < 60 or seconds // self.step > _MOST_STARTS:
            raise Invalid("The step must be at least a minute.")
        if not 1 <= self.count <= MOST:
            raise Invalid(f"Ask for 1 to {MOST} slots at a time.")
        if not 1 <= self.need <= people:
            raise Invalid(f"For {counted(people, 'user')}, need must be 1 to {people}.")
        if not set(PERMITTED).issuperset(self.permitted):
            raise Invalid(f"Only this time can be allowed beside free time: {', '.join(PERMITTED)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """[start, end) in epoch seconds and who is free then, in the order asked. `etag` is the version of their
    availability in exactly this time.
    """

    start: int
    end: int
    usernames: tuple[str, ...]
    etag: str


def find(answers: Sequence[Availability], search: Search) -> list[Slot]:
    """The first slots in the range that `answers` are about. Raises `Invalid`."""
    question = answers[0].question
    search.check(len(answers), question.end - question.start)
    starts = [_starts(it, search) for it in answers]
    last = (question.end - search.length - question.start) // search.step
    steps = [0] * (last + 2)
    for own in starts:
        for first, beyond in own:
            steps[first] += 1
            steps[beyond] -= 1
    found: list[Slot] = []
    free_people = 0
    for index in range(last + 1):
        free_people += steps[index]
        if free_people >= search.need:
            found.append(_slot(answers, starts, index, search))
            if len(found) == search.count:
                break
    return found


def open_time(answer: Availability, permitted: Collection[str]) -> list[tuple[int, int]]:
    """The time that is free or of a permitted type: pairs of epoch seconds, as few as possible."""
    closed = [it for it in answer.periods if it.fbtype not in permitted]
    return free(closed, answer.question.start, answer.question.end)


def _starts(answer: Availability, search: Search) -> list[tuple[int, int]]:
    """At which steps a slot can begin: ranges with exclusive end."""
    base = answer.question.start
    found: list[tuple[int, int]] = []
    for low, high in open_time(answer, search.permitted):
        first = -((base - low) // search.step)
        beyond = (high - search.length - base) // search.step + 1
        if first < beyond:
            found.append((first, beyond))
    return found


def _slot(
    answers: Sequence[Availability], starts: Sequence[list[tuple[int, int]]], index: int, search: Search
) -> Slot:
    begins = answers[0].question.start + index * search.step
    ends = begins + search.length
    who = [
        answer
        for answer, own in zip(answers, starts, strict=True)
        if any(first <= index < beyond for first, beyond in own)
    ]
    return Slot(
        start=begins,
        end=ends,
        usernames=tuple(it.person.username for it in who),
        etag=version(it.narrowed(begins, ends) for it in who),
    )
