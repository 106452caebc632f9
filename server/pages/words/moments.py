# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates, times and numbers as the person writes them, in the person's time zone.

Whatever has a time of day names its zone once on the page: `Clock.zone_name`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Writes moments for one person; `now` is when the request came."""

    locale: Locale
    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """The person's day."""
        return self.now.astimezone(self.zone).date()

    @property
    def first_weekday(self) -> int:
        """0 for Monday."""
        return int(self.locale.first_week_day)

    @property
    def zone_name(self) -> str:
        """The zone in words, with its distance from UTC at the moment."""
        name = dates.get_timezone_location(self.zone, locale=self.locale, return_city=True)
        offset = dates.get_timezone_gmt(self.local(self.now), locale=self.locale)
        return f"{name} ({offset})"

    def local(self, moment: datetime) -> datetime:
        """The moment in the person's zone."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """The time of day."""
        return str(dates.format_time(self.local(moment), "short", locale=self.locale))

    def day(self, day: date | datetime) -> str:
        """A day with its weekday, as in names of entries."""
        if isinstance(day, datetime):
            day = self.local(day).date()
        return str(dates.format_date(day, "full", locale=self.locale))

    def short_day(self, day: date | datetime) -> str:
        """A day without its weekday, as in tables."""
        if isinstance(day, datetime):
            day = self.local(day).date()
        return str(dates.format_date(day, "medium", locale=self.locale))

    def weekday(self, day: date) -> str:
        """The name of the day of the week, short."""
        return str(dates.format_date(day, "ccc", locale=self.locale))

    def day_number(self, day: date) -> str:
        """The day of the week, short, and of the month."""
        return str(dates.format_skeleton("Ed", day, locale=self.locale))

    def month(self, day: date) -> str:
        """The month of a day, with its year."""
        return str(dates.format_skeleton("yMMMM", day, locale=self.locale))

    def moment(self, moment: datetime | int | str) -> str:
        """Day and time; epoch seconds and RFC 3339 texts, as the API has them, are taken too."""
        return str(dates.format_datetime(self.local(as_moment(moment)), "medium", locale=self.locale))

    def since(self, moment: datetime | int | str) -> str:
        """How long ago, or when from now, to a unit."""
        return str(
            dates.format_timedelta(as_moment(moment) - self.now, add_direction=True, locale=self.locale)
        )

    def machine(self, moment: datetime | int | str) -> str:
        """For `<time datetime>`."""
        return as_moment(moment).isoformat(timespec="seconds").replace("+00:00", "Z")

    def number(self, number: float) -> str:
        """A number with its separators."""
        return str(numbers.format_decimal(number, locale=self.locale))


def as_moment(given: datetime | int | str) -> datetime:
    """An aware moment in UTC of what the API and the database say."""
    if isinstance(given, int):
        return datetime.fromtimestamp(given, UTC)
    if isinstance(given, str):
        given = datetime.fromisoformat(given)
    return given.astimezone(UTC)
