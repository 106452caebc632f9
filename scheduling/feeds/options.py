# SPDX-License-Identifier: GPL-3.0-or-later
"""What a feed shows: its options, their limits, and the window they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from scheduling import kinds
from scheduling.feeds.sorts import Moment, Number, Sort, Word, Words
from scheduling.settings.view import View, months_before

KINDS = tuple(it.slug for it in kinds.every() if it.in_feed is not None)
"""The kinds of calendar a feed can show, in the order of its text."""
USUAL_KINDS = tuple(it for it in KINDS if not kinds.of(it).restricted)
"""Those it shows where nothing else is said: restricted ones are for dispatchers."""
DETAILS = ("full", "busy")
Detail = Literal["full", "busy"]
MOST_MONTHS = 1200
MOST_DAYS = 365
MOST_MINUTES = 40320
"""Four weeks."""


_RESTRICTED = " and ".join(it for it in KINDS if it not in USUAL_KINDS)
OPTIONS: Mapping[str, Sort] = {
    "kinds": Words(
        among=KINDS,
        called="kind",
        doc=f"What the feed shows; may be given several times. Without it, everything but {_RESTRICTED}.",
    ),
    "detail": Word(among=DETAILS, doc="Show everything, or only when the user is busy."),
    "history_months": Number(
        most=MOST_MONTHS, doc="Months back, at most calendars.history_months; none: that."
    ),
    "future_months": Number(most=MOST_MONTHS, doc="Months ahead; none: no limit."),
    "cancelled_days": Number(
        most=MOST_DAYS,
        doc="Days for which cancelled jobs stay, struck through; 0: none stay; none: as in the calendars.",
    ),
    "alarm_minutes": Number(most=MOST_MINUTES, doc="Minutes between an alarm and its item; none: no alarm."),
    "expires_at": Moment(
        called="expiry", flag="expires", doc="The last day (UTC) of the link, or a moment; none: no end."
    ),
}
"""From these come the checks and the options of the command line, in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedOptions:
    """The options of one feed. Raises `Invalid` when one is not acceptable.

    `kinds` are some of `KINDS`. `detail` "busy" shows times only. `history_months` is capped by the installation's
    and None takes that; `future_months` None is without limit. Cancelled jobs stay for `cancelled_days` as
    STATUS:CANCELLED, 0 drops them at once, and None shows them as the calendars do. An alarm goes off
    `alarm_minutes` before an item, None for no alarm. From `expires_at` on the link answers 410.
    """

    kinds: tuple[str, ...] = USUAL_KINDS
    detail: Detail = "full"
    history_months: int | None = None
    future_months: int | None = None
    cancelled_days: int | None = None
    alarm_minutes: int | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        for name, sort in OPTIONS.items():
            object.__setattr__(self, name, sort.checked(name, getattr(self, name)))

    def window(self, view: View, today: date) -> Window:
        """What of its calendars the feed shows on `today`."""
        cutoff = view.cutoff(today)
        if self.history_months is not None:
            cutoff = max(cutoff, months_before(today, self.history_months))
        until = None if self.future_months is None else months_before(today, -self.future_months)
        return Window(
            today=today,
            cutoff=cutoff,
            until=None if until is None else _epoch(until) + 86400,
            cancelled_since=_epoch(today) - self.cancelled_days * 86400 if self.cancelled_days else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The part of its calendars that a feed shows on the UTC day `today`: what ends on or after `cutoff`, starts
    before `until` (epoch seconds, None for no limit), and jobs cancelled at `cancelled_since` or later, None for none.
    """

    today: date
    cutoff: date
    until: int | None
    cancelled_since: int | None


def _epoch(day: date) -> int:
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * 86400
