# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs, blockers or times off at once, known by their references: added where they are new, changed where they
differ. What an item does not give stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from scheduling.access.permissions import Actor
from scheduling.schedule import acts
from scheduling.schedule.apply import apply
from scheduling.schedule.columns import entry
from scheduling.schedule.entries import BadValue, Entry, Input, Kind, LoadFailed

MOST = 1000
"""Items in one go, so that no other writer waits long."""

Outcome = Literal["inserted", "updated", "unchanged", "failed"]
_PLACE = "item "


@dataclass(frozen=True, kw_only=True, slots=True)
class Upsert:
    """One item: its reference, its values in the types of their columns, and the usernames where they are given."""

    reference: str
    values: Mapping[str, Input]
    users: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of an item; `problem` is a sentence when it failed."""

    outcome: Outcome
    problem: str | None = None


def upsert(
    connection: Connection, kind: Kind, wanted: Sequence[Upsert], *, all_or_nothing: bool, actor: Actor
) -> list[Result]:
    """One result for each, in order. With `all_or_nothing`, raises `LoadFailed` when any fails, and nothing of it must
    be committed; without, those that can be stored are. Raises `Forbidden`, and `Conflict` when somebody else wrote the
    same rows.
    """
    acts.require_write(actor=actor)
    results: dict[int, Result] = {}
    entries: dict[int, Entry] = {}
    for number, it in enumerate(wanted):
        try:
            entries[number] = entry(
                kind, f"{_PLACE}{number}", it.reference.strip(), it.values, users=it.users
            )
        except BadValue as error:
            results[number] = _failed(str(error))
    # Problems are found before anything is written, so leaving those items out and going on ends soon.
    while problems := _attempt(connection, entries, results, actor):
        for number, problem in _by_item(problems):
            results[number] = _failed(problem)
            entries.pop(number, None)
    failed = [f"{_PLACE}{number}: {it.problem}" for number, it in sorted(results.items()) if it.problem]
    if failed and all_or_nothing:
        raise LoadFailed(failed)
    return [results[number] for number in range(len(wanted))]


def _attempt(
    connection: Connection, entries: Mapping[int, Entry], results: dict[int, Result], actor: Actor
) -> tuple[str, ...]:
    """Apply them all and note what became of each, or return the problems with nothing applied."""
    outcomes: dict[int, Result] = {}

    def note(it: Entry, outcome: Outcome) -> None:
        outcomes[_number(it.place)] = Result(outcome=outcome)

    try:
        with connection.begin_nested():
            apply(connection, list(entries.values()), act="upsert", outcome=note, actor=actor)
    except LoadFailed as error:
        return error.problems
    results.update(outcomes)
    return ()


def _by_item(problems: Sequence[str]) -> Iterator[tuple[int, str]]:
    for problem in problems:
        place, _, sentence = problem.partition(": ")
        yield _number(place), sentence


def _number(place: str) -> int:
    return int(place.removeprefix(_PLACE))


def _failed(sentence: str) -> Result:
    return Result(outcome="failed", problem=sentence[:1].upper() + sentence[1:].rstrip(".") + ".")
