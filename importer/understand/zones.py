# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IANA zone a TZID of an outside calendar means (RFC 5545 sections 3.2.19 and 3.6.5).

A name that is known wins over the offsets the file gives for it. Otherwise the file's VTIMEZONE is compared
with the IANA zones over the next two years; what is still unknown falls back to the calendar's own zone,
then to the user's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import eq
from zoneinfo import ZoneInfo, available_timezones

from importer.understand.notes import Note
from scheduling.ical import recurrence, timezones

_SAMPLE = timedelta(days=3, hours=12)
_SAMPLES = 2 * 366 * 2 // 7
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?")
_MOST_OBSERVANCES = 200
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
"""Which of several zones with the same offsets is meant when nothing else tells, by population."""


class Zones:
    """Resolves the TZIDs of one feed, each once.

    `definitions` maps TZIDs to the unfolded lines of their VTIMEZONE, `calendar_zone` is the file's
    X-WR-TIMEZONE, `default` the IANA zone of the subscription.
    """

    def __init__(
        self, definitions: Mapping[str, Sequence[str]], calendar_zone: str | None, default: str, now: datetime
    ) -> None:
        self._definitions = {_unescaped(tzid): lines for tzid, lines in definitions.items()}
        self._calendar_zone = timezones.resolve(calendar_zone) if calendar_zone else None
        self._now = now
        self._resolved: dict[str, tuple[str, Note]] = {}
        self.default = default
        self.days = default
        self.floating = default
        self.context = (default, calendar_zone or "")

    def resolve(self, tzid: str) -> tuple[str, Note]:
        """The IANA zone for a TZID, and by which rule."""
        if tzid not in self._resolved:
            self._resolved[tzid] = self._look_up(tzid)
        return self._resolved[tzid]

    def _look_up(self, tzid: str) -> tuple[str, Note]:
        shown = " ".join(tzid.split())[:80]
        named = timezones.resolve(tzid)
        if named is not None:
            return named, _known(tzid, shown, named)
        for spelling in _spellings(tzid):
            if (named := timezones.resolve(spelling)) is not None:
                return named, Note("zone-spelling", f"The time zone '{shown}' was read as {named}.")
        if lines := self._definitions.get(tzid) or self._definitions.get(tzid.strip()):
            preferred = [self.default, *([self._calendar_zone] if self._calendar_zone else [])]
            if matching := match(lines, preferred, self._now):
                sentence = f"The time zone '{shown}' was read as {matching} because of its offsets."
                return matching, Note("zone-offsets", sentence)
        unknown = f"The time zone '{shown}' is unknown and was read as"
        if calendar := self._calendar_zone:
            return calendar, Note("zone-of-calendar", f"{unknown} the calendar's, {calendar}.")
        return self.default, Note("zone-of-subscription", f"{unknown} {self.default}.")


def _known(tzid: str, shown: str, named: str) -> Note:
    if tzid == named:
        return Note("zone-iana", f"The time zone {named} is known.", guess=False)
    return Note("zone-alias", f"The time zone '{shown}' is another name of {named}.", guess=False)


def match(definition: Sequence[str], preferred: Sequence[str], now: datetime) -> str | None:
    """The IANA zone that agrees best with the offsets of a VTIMEZONE over the two years after `now`.

    A preferred one if several fit. Definitions are often outdated: countries shift or drop their daylight
    saving time (Brazil, Russia), so the agreement need not be complete. None when no zone agrees for half of
    the time, or the definition says nothing.
    """
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    onsets = sorted(_onsets(definition, start.replace(tzinfo=None)))
    if not onsets:
        return None
    moments = [moment for moment, _ in onsets]
    wanted = tuple(
        onsets[max(bisect_right(moments, instant.replace(tzinfo=None)) - 1, 0)][1]
        for instant in _instants(start)
    )
    for name in preferred:
        if _signature(name, start) == wanted:
            return name
    known = _signatures(start)
    if wanted in known:
        return known[wanted]
    agreement, closest = max(
        ((sum(map(eq, wanted, offsets)), name) for offsets, name in known.items()), key=lambda pair: pair[0]
    )
    if agreement < 0.8 * _SAMPLES and (standard := known.get((min(wanted),) * _SAMPLES)):
        return standard
    return closest if agreement * 2 >= _SAMPLES else None


def _instants(start: datetime) -> list[datetime]:
    return [start + _SAMPLE * index for index in range(_SAMPLES)]


@lru_cache(maxsize=2)
def _signatures(start: datetime) -> dict[tuple[timedelta, ...], str]:
    """Offsets to zone name; of zones with the same offsets the best known."""
    # The table comes with the whole of icalendar; the server does not need it.
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


def _onsets(definition: Sequence[str], start: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """Pairs of UTC instant and the offset that holds from it on, for the observances that matter after
    `start`.
    """
    observances = 0
    properties: dict[str, list[str]] = {}
    for line in definition:
        name, _, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            properties = {}
        elif name == "END":
            observances += 1
            if observances > _MOST_OBSERVANCES:
                return
            yield from _observance(properties, start)
        else:
            properties.setdefault(name, []).append(value.strip())


def _observance(properties: Mapping[str, list[str]], start: datetime) -> Iterator[tuple[datetime, timedelta]]:
    try:
        before = _offset(properties["TZOFFSETFROM"][0])
        after = _offset(properties["TZOFFSETTO"][0])
        first = datetime.strptime(properties["DTSTART"][0].rstrip("Zz"), "%Y%m%dT%H%M%S")
    except (KeyError, ValueError):
        return
    if first.year < 1902:
        first = first.replace(year=1970, day=min(first.day, 28))
    for local in [first, *_later(properties, first, start)]:
        yield local - before, after


def _later(properties: Mapping[str, list[str]], first: datetime, start: datetime) -> Iterator[datetime]:
    for value in ",".join(properties.get("RDATE", [])).split(",")[:_MOST_OBSERVANCES]:
        try:
            yield datetime.strptime(value.rstrip("Zz"), "%Y%m%dT%H%M%S")
        except ValueError:
            continue
    for text in properties.get("RRULE", [])[:1]:
        yield from _yearly(text, first, start)


def _yearly(text: str, first: datetime, start: datetime) -> Iterator[datetime]:
    if "FREQ=YEARLY" not in text.upper():
        return
    try:
        rule = recurrence.parse_rule(text)
        last = recurrence.until_local(rule, "UTC")
        until = (
            last
            if isinstance(last, datetime) or last is None
            else datetime.combine(last, datetime.max.time())
        )
        found = recurrence.occurrences(
            rule,
            first,
            start - timedelta(days=800),
            start + timedelta(days=800),
            limit=100,
            until_local=until,
        )
    except ValueError:
        return
    yield from (local for local in found if isinstance(local, datetime))


def _offset(text: str) -> timedelta:
    """A UTC-OFFSET (RFC 5545 section 3.3.14) in whole minutes; raises ValueError for an impossible one."""
    found = _OFFSET.fullmatch(text)
    if not found or int(found[2]) > 15 or int(found[3]) > 59:
        raise ValueError("not a UTC offset")
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size


def _unescaped(tzid: str) -> str:
    return tzid.replace("\\,", ",").replace("\\;", ";").strip('"')


def _spellings(tzid: str) -> Iterator[str]:
    """Other ways to write a name that programs are known to change: 'US-Eastern', 'custom_Pacific/Fiji'."""
    yield tzid.strip("/ \"'")
    yield tzid.replace(" and ", " & ")
    yield tzid.replace("-", "/", 1)
    if found := _AREA.search(tzid):
        yield found[0]
