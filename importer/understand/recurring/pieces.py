# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts a series at changes of an instance and all later ones (RANGE=THISANDFUTURE, RFC 5545, section 3.2.13) or all
earlier ones (THISANDPRIOR, RFC 2445, section 4.2.13).

Each piece is a separate series with its own rule. A change therefore lasts as long as the series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from importer.errors import Unusable
from importer.understand.event import Details
from importer.understand.notes import Note
from importer.understand.recurring import shift
from importer.understand.recurring.anchor import begun
from importer.understand.recurring.repetition import Budget
from scheduling.ical import timezones
from scheduling.ical.recurrence import BadRule, Rule
from scheduling.ical.series import Override, Series
from scheduling.subscriptions.unread import Gap

FUTURE, PRIOR = "THISANDFUTURE", "THISANDPRIOR"
_NOTE = Note(
    "range-this-and-future",
    "A change of an instance and all later (or earlier) ones was applied to all of them, as a series of its own.",
    guess=False,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of the instance `replaced` and all later ones (`kind` FUTURE) or all earlier ones (PRIOR). It holds the
    new form of the instance itself, or None if the instances are cancelled or come as a separate series.
    """

    replaced: date
    kind: str
    model: Override | None
    details: Details


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a series. `details` describe its instances; `overrides` has the details for each key of
    `series.overrides`.
    """

    series: Series
    details: Details
    overrides: dict[date, Details] = field(default_factory=dict)


def cut(
    whole: Piece, changes: Sequence[Change], notes: list[Note], budget: Budget, *, is_covering: bool
) -> list[Piece]:
    """The pieces of a series, the unchanged piece first. A series without changes is returned as its only piece.

    If cutting costs too much, or `is_covering` says that the rule of the series is not known, each change counts for
    its own instance only. The time after it is then unknown.
    """
    if not changes:
        return [whole]
    try:
        found = [] if is_covering else list(_cut(whole, changes, notes, budget))
    except (Unusable, BadRule, OverflowError):
        found = []
    if found:
        notes.append(_NOTE)
        return found
    starts = [whole.series.start, *(it.replaced for it in changes)]
    starts += [it.model.start for it in changes if it.model is not None]
    gap = Gap(start=min(shift.instant(start, whole.series.tzid) for start in starts))
    if any(it.kind == PRIOR for it in changes):
        gap = Gap()
    note = "A change of an instance and all later ones was applied to this instance only."
    notes.append(Note("range-one-only", note, gap=gap))
    return [whole]


def _cut(whole: Piece, changes: Sequence[Change], notes: list[Note], budget: Budget) -> Iterator[Piece]:
    tick = timedelta(seconds=1) if isinstance(whole.series.start, datetime) else timedelta(days=1)
    bounds = {it.replaced if it.kind == FUTURE else it.replaced + tick for it in changes}
    edges: list[date | None] = [None, *sorted(bounds), None]
    unchanged: Piece | None = None
    changed: list[Piece] = []
    alone: list[date] = []
    for low, high in pairwise(edges):
        change = _that_counts(changes, low, high, tick)
        cutter = _Cutter(whole, low, high, change, tick, notes, budget)
        piece = cutter.piece()
        if piece is None:
            alone += cutter.kept()
        elif change is None:
            unchanged = piece
        else:
            changed.append(piece)
    if alone and unchanged is None:
        raise Unusable("exception-unreadable", "Only changed instances of its series are left.")
    if unchanged is not None:
        yield _with(unchanged, alone, whole)
    yield from changed


def _with(piece: Piece, alone: Iterable[date], whole: Piece) -> Piece:
    """A piece with changed instances beside, whose own piece has no others."""
    series = piece.series
    overrides = {**series.overrides, **{key: whole.series.overrides[key] for key in alone}}
    details = {**piece.overrides, **{key: whole.overrides[key] for key in alone}}
    return replace(piece, series=replace(series, overrides=overrides), overrides=details)


def _that_counts(
    changes: Sequence[Change], low: date | None, high: date | None, tick: timedelta
) -> Change | None:
    """The change that applies to the instances of [low, high). A later change replaces an earlier one (section
    3.8.4.4).
    """
    before = [it for it in changes if it.kind == FUTURE and low is not None and it.replaced <= low]
    if before:
        return max(before, key=lambda it: it.replaced)
    after = [it for it in changes if it.kind == PRIOR and high is not None and it.replaced + tick >= high]
    return min(after, key=lambda it: it.replaced) if after else None


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Makes the piece [low, high) of a series, changed as one of its instances is."""

    whole: Piece
    low: date | None
    high: date | None
    change: Change | None
    tick: timedelta
    notes: list[Note]
    budget: Budget

    def piece(self) -> Piece | None:
        """The piece, or None if it has no instance."""
        series, change = self.whole.series, self.change
        if change is not None and change.model is None:
            return None
        first, rule = self._first()
        rdates = [day for day in series.rdates if self._holds(day)]
        if first is None and not rdates:
            return None
        begins = min(rdates) if first is None else first
        start = self._moved(begins)
        model = None if change is None else change.model
        plain = shift.distance(series.start, series.end)
        length = plain if model is None else shift.distance(model.start, model.end)
        dates = {self._moved(day) for day in rdates}
        kept = None
        if first is not None and rule is not None:
            kept, written = self._rule(first, rule, start)
            dates.update(written)
        overrides = {self._moved(key): series.overrides[key] for key in self.kept()}
        gone = [day for day in series.exdates if self._holds(day) and day not in series.overrides]
        return Piece(
            series=replace(
                series,
                start=start,
                end=start + length,
                rule=kept,
                rdates=tuple(sorted(day for day in dates if day != start)),
                exdates=tuple(sorted(map(self._moved, gone))),
                overrides=overrides,
                busy=series.busy if model is None else model.busy,
                days=series.days if length == plain else 0,
            ),
            details=self.whole.details if change is None else change.details,
            overrides={self._moved(key): self.whole.overrides[key] for key in self.kept()},
        )

    def kept(self) -> list[date]:
        """The instances with their own changes, without the instance that sets the pattern for all."""
        series, change = self.whole.series, self.change
        keys = [key for key in series.overrides if self._holds(key)]
        if change is None or change.model is None or change.kind == PRIOR:
            return keys
        like_it = {*series.rdates, series.start, self._first()[0]}
        return [key for key in keys if key != change.replaced or key not in like_it]

    def _holds(self, key: date) -> bool:
        return (self.low is None or key >= self.low) and (self.high is None or key < self.high)

    def _moved(self, key: date) -> date:
        """The time of an instance after the change. A date becomes a time if the change made it one."""
        change = self.change
        if change is None or change.model is None:
            return key
        to = change.model.start
        if isinstance(to, datetime) and not isinstance(key, datetime):
            return to + (datetime.combine(key, time()) - datetime.combine(change.replaced, time()))
        return to + shift.distance(change.replaced, key)

    def _first(self) -> tuple[date | None, Rule | None]:
        """The first instance by the rule or the start, and the rule from there on."""
        series = self.whole.series
        if self.low is None or self.low <= series.start:
            holds = self.high is None or series.start < self.high
            return (series.start, series.rule) if holds else (None, None)
        found = None if series.rule is None else begun(series, series.rule, self.low, self.budget)
        return found if found is not None and self._holds(found[0]) else (None, None)

    def _rule(self, first: date, rule: Rule, start: date) -> tuple[Rule | None, list[date]]:
        """The rule of the piece, or its single instances if no rule can express them."""
        series = self.whole.series
        last = series.until
        assert series.rule is not None
        if self.high is not None and begun(series, series.rule, self.high, self.budget) is not None:
            last, rule = self.high - self.tick, replace(rule, count=None)
        moved = None if last is None else self._moved(last)
        same = shift.moved(series, rule, first, start, self.budget.steps)
        if same is not None:
            return replace(same, count=rule.count, until=self._until(moved)), []
        bare = replace(series, rule=replace(rule, until=None), start=first)
        written, end = shift.written_out(bare, last, self.budget.steps)
        self.notes.append(
            Note(
                "range-written-out",
                "No rule says when the changed instances take place, so their dates were written out.",
                gap=None if end is None else Gap(start=shift.instant(self._moved(end), series.tzid)),
                guess=False,
            )
        )
        return None, [self._moved(day) for day in written]

    def _until(self, last: date | None) -> date | None:
        """UNTIL in the form that section 3.3.10 asks for."""
        if not isinstance(last, datetime):
            return last
        return datetime.fromtimestamp(timezones.to_epoch(last, self.whole.series.tzid), UTC)
