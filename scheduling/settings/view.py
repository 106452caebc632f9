# SPDX-License-Identifier: GPL-3.0-or-later
"""What calendars show at this moment: templates, visible statuses and the window, from the ini file and the
settings kept in the database. Its `epoch` changes exactly when objects could look different or be other ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any

from scheduling import kinds
from scheduling.config.sections import (
    CHANGEABLE,
    AvailabilitySettings,
    CalendarSettings,
    ConflictSettings,
    TemplateSettings,
)
from scheduling.config.templates import Template
from scheduling.ical import zone_data
from scheduling.ical.spans import Horizon
from scheduling.ical.timezones import to_epoch
from scheduling.kinds.kind import Choices, Kind, Wording

_RENDERER = 1
"""Raised whenever the code renders the same row differently, so that every calendar is rendered anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The settings that rendering and membership depend on, and what counts as a conflict."""

    calendars: CalendarSettings
    templates: TemplateSettings
    epoch: str
    conflicts: ConflictSettings = field(default_factory=ConflictSettings)
    availability: AvailabilitySettings = field(default_factory=AvailabilitySettings)

    @classmethod
    def of(
        cls,
        calendars: CalendarSettings,
        templates: TemplateSettings,
        conflicts: ConflictSettings | None = None,
        availability: AvailabilitySettings | None = None,
    ) -> View:
        """A view of these settings."""
        parts = [str(_RENDERER), zone_data.in_use().digest]
        parts += [f"{name}={getattr(templates, name).text}" for name in TemplateSettings.__dataclass_fields__]
        choices = [it.option for kind in kinds.every() for it in kind.choices]
        parts += [f"{name}={','.join(sorted(getattr(calendars, name)))}" for name in choices]
        digest = blake2b("\x00".join(parts).encode(), digest_size=8)
        return cls(
            calendars=calendars,
            templates=templates,
            epoch=digest.hexdigest(),
            conflicts=conflicts or ConflictSettings(),
            availability=availability or AvailabilitySettings(),
        )

    def with_cancelled(self) -> View:
        """This view as if what is cancelled were shown too."""
        every = [it.cancelled for it in kinds.every() if it.cancelled is not None]
        shown: dict[str, Any] = {it.choices.option: (*self.chosen(it.choices), it.word) for it in every}
        return replace(self, calendars=replace(self.calendars, **shown))

    def cutoff(self, today: date) -> date:
        """The first day inside the history window; `date.min` where history is unlimited."""
        months = self.calendars.history_months
        return date.min if months is None else months_before(today, months)

    def horizon(self, today: date) -> Horizon:
        """The expansion window for recurring objects, in whole months so that it moves once a month."""
        cutoff = self.cutoff(today)
        start = 0 if cutoff <= date(1971, 1, 1) else _epoch(months_before(cutoff.replace(day=1), 1))
        end = months_before(today.replace(day=1), -(self.calendars.horizon_months + 1))
        return Horizon(start=start, end=_epoch(end), present=_epoch(today.replace(day=1)))

    def is_on(self, kind: Kind) -> bool:
        """Whether there are calendars of the kind."""
        return kind.switch is None or bool(getattr(self, kind.switch).enabled)

    def text(self, wording: Wording) -> Template:
        """The template for one of a kind's wordings."""
        found: Template = getattr(self.templates, wording.option)
        return found

    def chosen(self, choices: Choices) -> tuple[str, ...]:
        """What is chosen of one of a kind's choices."""
        found: tuple[str, ...] = getattr(self.calendars, choices.option)
        return found

    def name_of(self, kind: Kind) -> str:
        """The configured name of a built-in calendar."""
        return str(getattr(self.calendars, kind.name_option))

    def color_of(self, kind: Kind) -> str:
        """The configured colour of a built-in calendar."""
        return str(getattr(self.calendars, kind.color_option))

    def on(self, today: date) -> DayView:
        """What follows from this view on a day."""
        horizon = self.horizon(today)
        moves = self.calendars.history_months is not None
        return DayView(
            view=self,
            cutoff=self.cutoff(today),
            moved_at=_epoch(today) if moves else 0,
            horizon=horizon,
            extent=(self.epoch, horizon.start, horizon.end),
        )


SHOWN_BY = tuple(it.name for it in fields(View) if it.name in CHANGEABLE)
"""The sections of the settings that a view is made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayView:
    """A view on one day, worked out once for any number of calendars: the cutoff, when the history window last moved
    (epoch seconds, 0 where it never does), the expansion window, and what a calendar that is up to date has stored.
    """

    view: View
    cutoff: date
    moved_at: int
    horizon: Horizon
    extent: tuple[str, int, int]


def today(now: int) -> date:
    """The UTC day of an epoch second."""
    return datetime.fromtimestamp(now, UTC).date()


def months_before(day: date, months: int) -> date:
    """The day `months` earlier (later for a negative number), or the last of a month that is too short."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    if year < 1:
        return date.min
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th day")


def _epoch(day: date) -> int:
    return to_epoch(datetime.combine(day, time()), "UTC")
