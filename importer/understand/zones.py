# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IANA zone a TZID of an outside calendar means (RFC 5545 sections 3.2.19 and 3.6.5).

A known name wins over the offsets that the file states. Otherwise the file's VTIMEZONE is compared with the IANA zones
over the next two years. If the zone is still unknown, the calendar's own zone is used, and after that the user's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from operator import eq
from zoneinfo import ZoneInfo, available_timezones

from importer.understand import offsets, vcalendar_zone
from importer.understand.notes import Note
from scheduling.ical import timezones
from scheduling.subscriptions import reading

_SAMPLE = timedelta(days=3, hours=12)
_SAMPLES = 2 * 366 * 2 // 7
_AREA = re.compile(
    r"(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/-]+"
)
_BEST_KNOWN = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "Europe/Istanbul",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Brisbane",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""The preferred one of several zones with the same offsets, chosen by population."""


class Zones:
    """Resolves the TZIDs of one feed, each once.

    `definitions` maps TZIDs to the unfolded lines of their VTIMEZONE. `calendar_zone` is the zone that the file names
    for itself (X-WR-TIMEZONE). `default` is the IANA zone of the subscription: with `is_given` it was given for this
    calendar, otherwise it is the user's. `context` combines what decides about events that name no zone.
    """

    def __init__(
        self,
        definitions: Mapping[str, Sequence[str]],
        calendar_zone: str | None,
        default: str,
        now: datetime,
        *,
        is_given: bool = False,
    ) -> None:
        self._definitions = {_unescaped(tzid): lines for tzid, lines in definitions.items()}
        self._calendar_tzid = calendar_zone
        self._is_given = is_given
        self._now = now
        self._resolved: dict[str, tuple[str, Note]] = {}
        self.default = default

    @property
    def context(self) -> tuple[str, ...]:
        """What decides about an event, besides its lines and the definitions that it names."""
        # A single definition says whose days the file counts.
        every = list(self._definitions.values())
        lines = every[0] if len(every) == 1 else ()
        return (reading.context(self.default, is_given=self._is_given), self._calendar_tzid or "", *lines)

    @cached_property
    def _calendar_zone(self) -> str | None:
        if not self._calendar_tzid:
            return None
        lines = self._definitions.get(self._calendar_tzid)
        if lines and vcalendar_zone.UNSAID in lines and offsets.standard(self.default) == offsets.only(lines):
            return self.default
        found = _fixed(timezones.resolve(self._calendar_tzid), lines)
        return found or (match(lines, [self.default], self._now) if lines else None)

    @cached_property
    def floating(self) -> str:
        """The zone of times that name none."""
        return self.default if self._is_given else self._calendar_zone or self.default

    @cached_property
    def days(self) -> str:
        """The zone used to find the day of a UTC time where the file should have a day."""
        if self._calendar_zone:
            return self._calendar_zone
        only = next(iter(self._definitions)) if len(self._definitions) == 1 else None
        return self.resolve(only)[0] if only else self.default

    def floats(self) -> Note | None:
        """The note for a time that names no zone. None if its zone is clear."""
        if self.floating == self.default:
            return None
        return Note("zone-floating", f"Times without a zone were read in the calendar's, {self.floating}.")

    def resolve(self, tzid: str) -> tuple[str, Note]:
        """The IANA zone for a TZID, and the rule that decided."""
        if tzid not in self._resolved:
            self._resolved[tzid] = self._look_up(tzid)
        return self._resolved[tzid]

    def stated_floating(self, local: datetime) -> timedelta | None:
        """As `stated`, for a time that names no zone."""
        if self._is_given or not self._calendar_tzid or self.floating != self._calendar_zone:
            return None
        return self.stated(self._calendar_tzid, local)

    def stated(self, tzid: str, local: datetime) -> timedelta | None:
        """The offset that the file states for a wall clock time. None unless the file's definition covers some years
        only and its zone is not known by name.
        """
        if self.resolve(tzid)[1].rule != "zone-offsets":
            return None
        return offsets.stated(self._lines(tzid) or (), local)

    def _lines(self, tzid: str) -> Sequence[str] | None:
        return self._definitions.get(tzid) or self._definitions.get(tzid.strip())

    def _look_up(self, tzid: str) -> tuple[str, Note]:
        shown = " ".join(tzid.split())[:80]
        lines = self._lines(tzid)
        named = _fixed(timezones.resolve(tzid), lines)
        if named is not None:
            return named, _known(tzid, shown, named)
        for spelling in _spellings(tzid):
            if (named := _fixed(timezones.resolve(spelling), lines)) is not None:
                return named, Note("zone-spelling", f"The time zone '{shown}' was read as {named}.")
        if lines:
            preferred = [self.default, *([self._calendar_zone] if self._calendar_tzid != tzid else [])]
            if matching := match(lines, [it for it in preferred if it], self._now):
                sentence = f"The time zone '{shown}' was read as {matching} because of its offsets."
                return matching, Note("zone-offsets", sentence)
        unknown = f"The time zone '{shown}' is unknown and was read as"
        if self._calendar_tzid != tzid and (calendar := self._calendar_zone):
            return calendar, Note("zone-of-calendar", f"{unknown} the calendar's, {calendar}.")
        return self.default, Note("zone-of-subscription", f"{unknown} {self.default}.")


def _fixed(named: str | None, lines: Sequence[str] | None) -> str | None:
    """The zone. None if its name stands for a fixed offset but the file's definition has daylight saving time; another
    zone is meant then.
    """
    if named is None or not lines or ("/" in named and not named.startswith("Etc/")):
        return named
    year = datetime(2025, 1, 1, tzinfo=UTC)
    differs = {
        (year + timedelta(days=30 * month)).astimezone(ZoneInfo(named)).utcoffset() for month in range(12)
    }
    return named if len(differs) > 1 or not offsets.changes(lines) else None


def _known(tzid: str, shown: str, named: str) -> Note:
    if tzid == named:
        return Note("zone-iana", f"The time zone {named} is known.", guess=False)
    return Note("zone-alias", f"The time zone '{shown}' is another name of {named}.", guess=False)


def match(definition: Sequence[str], preferred: Sequence[str], now: datetime) -> str | None:
    """The IANA zone that agrees best with the offsets of a VTIMEZONE over the two years after `now`, or over the years
    that the VTIMEZONE covers.

    If several fit equally well, a preferred zone wins. Definitions are often outdated: countries shift or drop their
    daylight saving time (Brazil, Russia), so the agreement need not be complete. None when no zone agrees for half of
    the time, or the definition says nothing.
    """
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    span = offsets.span(definition)
    if span is not None:  # its last two years
        first = max(span[0], span[1] - timedelta(days=731))
        start = datetime(min(max(first.year, 1950), 2100), first.month, 1, tzinfo=UTC)
    onsets = sorted(offsets.onsets(definition, start.replace(tzinfo=None)))
    if not onsets:
        return None
    moments = [moment for moment, _ in onsets]
    instants = [
        (index, it.replace(tzinfo=None))
        for index, it in enumerate(_instants(start))
        if span is None or span[0] <= it.replace(tzinfo=None) < span[1]
    ]
    wanted = tuple(onsets[max(bisect_right(moments, it) - 1, 0)][1] for _, it in instants)
    places = [index for index, _ in instants]
    if not places:
        return None
    for name in preferred:
        if _picked(_signature(name, start), places) == wanted:
            return name
    known = _signatures(start)
    if len(places) == _SAMPLES and wanted in known:
        return known[wanted]
    agreement, closest = max(
        ((sum(map(eq, wanted, _picked(each, places))), name) for each, name in known.items()),
        key=lambda pair: pair[0],
    )
    if span is None and agreement < 0.8 * _SAMPLES and (standard := known.get((min(wanted),) * _SAMPLES)):
        return standard
    return closest if agreement * 2 >= len(places) else None


def _picked(signature: Sequence[timedelta], places: Sequence[int]) -> tuple[timedelta, ...]:
    return tuple(signature[index] for index in places) if len(places) < len(signature) else tuple(signature)


def _instants(start: datetime) -> list[datetime]:
    return [start + _SAMPLE * index for index in range(_SAMPLES)]


@lru_cache(maxsize=8)
def _signatures(start: datetime) -> dict[tuple[timedelta, ...], str]:
    """Maps offsets to a zone name. Among zones with the same offsets, the best known is used."""
    # Importing the table loads all of icalendar, which the server does not need.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415

    found: dict[tuple[timedelta, ...], str] = {}
    known = set(WINDOWS_TO_OLSON.values())
    names = available_timezones() - {"Factory", "localtime"}
    places = [
        name for name in names if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix", "right/"))
    ]
    ordered = [
        "UTC",
        *_BEST_KNOWN,
        *sorted(known & names),
        *sorted(set(places) - known),
        *sorted(names - set(places)),
    ]
    for name in ordered:
        found.setdefault(_signature(name, start), name)
    return found


def _signature(name: str, start: datetime) -> tuple[timedelta, ...]:
    zone = ZoneInfo(name)
    return tuple(instant.astimezone(zone).utcoffset() or timedelta() for instant in _instants(start))


def _unescaped(tzid: str) -> str:
    return tzid.replace("\\,", ",").replace("\\;", ";").strip('"')


def _spellings(tzid: str) -> Iterator[str]:
    """Other spellings of a zone name. Programs are known to write 'US-Eastern' and 'custom_Pacific/Fiji'."""
    yield tzid.strip("/ \"'")
    yield tzid.replace(" and ", " & ")
    yield tzid.replace("-", "/", 1)
    if found := _AREA.search(tzid):
        yield found[0]
