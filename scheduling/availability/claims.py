# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: taking time only if it is still as it was seen, and still free.

Everything happens in the caller's write transaction. Claims of the same people are worked off one after the other: on
SQLite there is one writer anyway, on PostgreSQL each takes an advisory lock for each person, in the order of their
ids, so that two claims cannot wait for each other. No lock is taken on a row that the dispatch application writes; what
it has committed is seen, because its changes are caught up with in here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection, bindparam, func, select

from scheduling.access.permissions import Actor
from scheduling.availability import people
from scheduling.availability.answer import Availability, answer, question_of, version
from scheduling.availability.people import MOST_NAMED, Person
from scheduling.availability.question import Question
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.calendars.followers import Followers
from scheduling.calendars.free_busy import UNKNOWN, Period, coalesce, free
from scheduling.errors import Invalid, SchedulingError
from scheduling.kinds import jobs
from scheduling.schedule import acts
from scheduling.settings.view import View, today

T = TypeVar("T")
_LOCK = select(func.pg_advisory_xact_lock(bindparam("key")))
_SPACE = 0x6461_7973 << 32
"""Where the advisory locks of claims begin; the rest of the key is the user's id."""


class NotAvailable(SchedulingError):
    """The time is not, or no longer, available; `answers` say how it is now, `etag` is the version of that."""

    def __init__(self, message: str, answers: Sequence[Availability], etag: str) -> None:
        super().__init__(message)
        self.answers = tuple(answers)
        self.etag = etag


class Changed(NotAvailable):
    """What was seen is not how it is now."""


class Taken(NotAvailable):
    """It is as it was seen, but not free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """[start, end) in epoch seconds for each of `usernames`. `seen` are entity tags of their availability, empty where
    any will do; time of the `permitted` types counts as free.
    """

    usernames: tuple[str, ...]
    start: int
    end: int
    seen: tuple[str, ...]
    permitted: Collection[str] = ()


def hold(
    connection: Connection,
    claim: Claim,
    default: Question,
    view: View,
    now: int,
    create: Callable[[], T],
    *,
    followers: Followers,
    actor: Actor,
) -> T:
    """Check the claim and let `create` write what takes the time; returns what that returns. `default` is the question
    that is asked where `seen` is empty.

    Raises `Forbidden`, `Changed`, `Taken`, `NotFound`, and `Invalid` for what `create` wrote not taking the time.
    """
    acts.require_write(actor=actor)
    found = _locked(connection, claim, view, now, followers)
    default.during(claim.start, claim.end).check(len(found))
    question = _seen(connection, claim, found, now) or default
    question = replace(question, start=claim.start, end=claim.end, granularity=0)
    wanted = answer(connection, found, question, now)
    if any(_missing(it, claim.permitted) for it in wanted):
        raise Taken(f"Not all of this time is free.{_unreadable(wanted)}", wanted, version(wanted))
    made = create()
    found = _caught_up(connection, claim, view, now, followers)
    if not all(_held(it) for it in answer(connection, found, question, now)):
        raise Invalid(
            "This job would not take the time, because calendars do not show its status. Choose one of "
            f"{', '.join(view.chosen(jobs.STATUSES))}."
        )
    return made


def _locked(connection: Connection, claim: Claim, view: View, now: int, followers: Followers) -> list[Person]:
    if connection.dialect.name == "postgresql":
        found = people.load(connection, claim.usernames, view, today(now))
        for person in sorted(found, key=lambda it: it.id):
            connection.execute(_LOCK, {"key": _SPACE + person.id})
    return _caught_up(connection, claim, view, now, followers)


def _caught_up(
    connection: Connection, claim: Claim, view: View, now: int, followers: Followers
) -> list[Person]:
    found = people.load(connection, claim.usernames, view, today(now))
    incomplete = [it.id for it in found if it.incomplete]
    for user_id in incomplete:
        ensure_calendars(connection, user_id, now)
    if incomplete:
        found = people.load(connection, claim.usernames, view, today(now))
    late = sorted(calendar for it in found for calendar in it.behind)
    for user_id, slug in late:
        catch_up(connection, user_id, slug, view, now, followers=followers)
    return people.load(connection, claim.usernames, view, today(now)) if late else found


def _seen(connection: Connection, claim: Claim, found: Sequence[Person], now: int) -> Question | None:
    """The question whose answer is still the one that was seen; None where none has to be. Raises `Changed`."""
    if not claim.seen:
        return None
    changed: tuple[list[Availability], str] | None = None
    for etag in claim.seen:
        question = question_of(etag)
        if question is None or not question.start <= claim.start < claim.end <= question.end:
            continue
        now_is = answer(connection, found, question, now)
        present = version(now_is)
        if present == etag.strip():
            return question
        changed = [it.narrowed(claim.start, claim.end) for it in now_is], present
    if changed is None:
        raise Changed("If-Match is not an ETag of the availability at this time.", (), "")
    if any(_missing(it, claim.permitted) for it in changed[0]):
        raise Changed(
            "The availability of these users has changed, and not all of this time is free."
            f"{_unreadable(changed[0])}",
            *changed,
        )
    raise Changed("The availability of these users has changed; this time is still free.", *changed)


def _unreadable(answers: Iterable[Availability]) -> str:
    """Which rows make time unknown, each in a sentence, with a space in front."""
    told = [
        sentence
        for it in answers
        if any(period.fbtype == UNKNOWN for period in it.periods)
        for source in it.person.sources
        for sentence in source.left_out
    ]
    return "".join(f" {sentence}" for sentence in told[:MOST_NAMED])


def _missing(it: Availability, permitted: Collection[str]) -> bool:
    return any(period.fbtype not in permitted for period in it.periods)


def _held(it: Availability) -> bool:
    """Whether events, and not only buffers, take all of the time."""
    taken = [
        Period(start=span.starts_at, end=span.ends_at, fbtype="BUSY")
        for span in it.spans
        if not span.is_buffer
    ]
    return not free(coalesce(taken), it.question.start, it.question.end)
