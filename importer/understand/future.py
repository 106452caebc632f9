# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of a series that a change of this and all later ones is about (RFC 5545, section 3.2.13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from importer.understand import values
from importer.understand.repetition import Budget
from importer.understand.values import Moment
from scheduling.ical import recurrence
from scheduling.ical.series import Series
from scheduling.subscriptions.unread import Gap

_AHEAD = timedelta(days=731)
_MOST_FOLLOWING = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Future:
    """What is needed to find the instances that follow a changed one."""

    series: Series
    now: datetime
    budget: Budget

    def beyond(self) -> Gap | None:
        """The time after those two years, in which the series still goes on as it was; None where it has ended."""
        rule = self.series.rule
        if rule is None:
            return None
        last = recurrence.last_occurrence(
            rule, self.series.start, until_local=self.series.until, steps=self.budget.steps
        )
        end = int((self.now + _AHEAD).timestamp())
        is_over = last is not None and values.epoch(Moment(local=last, tzid=self.series.tzid)) < end
        return None if is_over else Gap(start=end)

    def instances(self, first: date) -> list[date]:
        """The instances from `first` on, up to two years ahead. Raises BadRule when they are too many."""
        of = self.series
        last = max(
            first, values.like(Moment(local=self.now.replace(tzinfo=None), tzid="UTC"), _form(of), of.tzid)
        )
        found: set[date] = {day for day in (of.start, *of.rdates) if day >= first}
        if of.rule is not None:
            found.update(
                recurrence.occurrences(
                    of.rule,
                    of.start,
                    first,
                    last + _AHEAD,
                    limit=_MOST_FOLLOWING,
                    until_local=of.until,
                    steps=self.budget.steps,
                )
            )
        return sorted(found)


def _form(series: Series) -> Moment:
    return Moment(local=series.start, tzid=series.tzid)
