# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones by IANA name: messy names made exact, wall clock to instants and back (RFC 5545 section 3.3.5).

Zone rules come from zoneinfo. The VTIMEZONE text of a zone is made in `scheduling.ical.vtimezone`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from scheduling.ical.errors import UnknownTimeZone
from scheduling.ical.vtimezone import render

_MAX_NAME = 255
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
# Files that zone directories hold but that name no place.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})
_UTC_NAMES: Final = frozenset(
    [
        *("utc", "gmt", "uct", "zulu", "universal", "greenwich", "gmt0", "gmt+0", "gmt-0"),
        *("etc/utc", "etc/gmt", "etc/uct", "etc/zulu", "etc/universal", "etc/greenwich"),
        *("etc/gmt0", "etc/gmt+0", "etc/gmt-0", "z", "coordinated universal time", "tzone://microsoft/utc"),
    ]
)
# First item of the Outlook display names whose city is not an IANA one, and common plain-English names.
_DISPLAY_NAMES: Final = {
    "eastern time": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "atlantic time": "America/Halifax",
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "pacific time (us & canada)": "America/Los_Angeles",
    "atlantic time (canada)": "America/Halifax",
    "greenwich mean time : dublin": "Europe/London",
    "greenwich mean time": "Europe/London",
    "central european time": "Europe/Berlin",
    "arizona": "America/Phoenix",
    "indiana (east)": "America/Indiana/Indianapolis",
    "saskatchewan": "America/Regina",
    "newfoundland": "America/St_Johns",
    "hawaii": "Pacific/Honolulu",
    "alaska": "America/Anchorage",
    "baja california": "America/Tijuana",
    "chihuahua": "America/Chihuahua",
    "guadalajara": "America/Mexico_City",
    "central america": "America/Guatemala",
    "bogota": "America/Bogota",
    "georgetown": "America/La_Paz",
    "brasilia": "America/Sao_Paulo",
    "greenland": "America/Nuuk",
    "city of buenos aires": "America/Argentina/Buenos_Aires",
    "cabo verde is.": "Atlantic/Cape_Verde",
    "dublin": "Europe/London",
    "monrovia": "Africa/Monrovia",
    "west central africa": "Africa/Lagos",
    "harare": "Africa/Johannesburg",
    "helsinki": "Europe/Helsinki",
    "kyiv": "Europe/Kyiv",
    "abu dhabi": "Asia/Dubai",
    "chennai": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "islamabad": "Asia/Karachi",
    "sri jayawardenepura": "Asia/Colombo",
    "astana": "Asia/Almaty",
    "beijing": "Asia/Shanghai",
    "osaka": "Asia/Tokyo",
    "canberra": "Australia/Sydney",
    "guam": "Pacific/Port_Moresby",
    "solomon is.": "Pacific/Guadalcanal",
}
_AREAS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
_OFFSET_PREFIX = re.compile(r"^\((?:utc|gmt)(?:[+-]\d{1,2}:?\d{2})?\)\s*", re.ASCII)


@lru_cache(maxsize=256)
def vtimezone(tzid: str, year: int) -> str:
    """Return the VTIMEZONE component of an IANA zone with the rules in force from `year` on.

    Every line ends in CRLF. Raises UnknownTimeZone.
    """
    return render(tzid, zone(tzid), year)


def is_zone(tzid: str) -> bool:
    """Return whether `tzid` is an IANA name known here; any string may be asked about."""
    return tzid in _zone_names()


def zone(tzid: str) -> ZoneInfo:
    """Return the rules of an IANA zone. Raises UnknownTimeZone."""
    if not is_zone(tzid):
        raise UnknownTimeZone(tzid)
    return ZoneInfo(tzid)


def resolve(tzid: str) -> str | None:
    """Return the IANA name meant by the TZID that a calendar program wrote, or None when it cannot be told.

    Understands other letter case, quotes, spaces, Windows and Outlook names, and prefixed names such as
    '/citadel.org/20210210_1/Europe/Berlin'. Every name of UTC becomes 'UTC'.
    """
    if len(tzid) > _MAX_NAME:
        return None
    folded = " ".join(tzid.strip(" \t\r\n\"'").casefold().split())
    return _by_name(folded) or _by_suffix(folded) or _by_display_name(folded)


def to_epoch(local: datetime, tzid: str) -> int:
    """Return the instant, in UTC epoch seconds, of a naive wall clock time in a zone.

    A time that the clock skips counts with the offset before the gap, one that it shows twice is the
    first (RFC 5545 section 3.3.5). Raises UnknownTimeZone.
    """
    aware = local.replace(tzinfo=zone(tzid), fold=0)
    return (aware - _EPOCH) // _SECOND


def from_epoch(epoch: int, tzid: str) -> datetime:
    """Return the naive wall clock time in a zone at an instant of the years 1 to 9999.

    Raises UnknownTimeZone; ValueError or OverflowError outside these years.
    """
    return datetime.fromtimestamp(epoch, zone(tzid)).replace(tzinfo=None, fold=0)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_ZONES


@cache
def _by_folded_name() -> dict[str, str]:
    return {name.casefold(): name for name in _zone_names()}


@cache
def _windows_names() -> dict[str, str]:
    # The table comes with the whole of icalendar, and few zones have such a name.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415

    return {windows.casefold(): iana for windows, iana in WINDOWS_TO_OLSON.items() if is_zone(iana)}


@cache
def _by_city() -> dict[str, str]:
    """Map the last part of 'Area/City' names, in lower case with spaces, to the name."""
    cities = (name for name in sorted(_zone_names()) if name.startswith(_AREAS))
    return {name.rpartition("/")[2].casefold().replace("_", " "): name for name in cities}


def _by_name(folded: str) -> str | None:
    if folded in _UTC_NAMES:
        return "UTC"
    return _by_folded_name().get(folded.replace(" ", "_")) or _windows_names().get(folded)


def _by_suffix(folded: str) -> str | None:
    """Look up the end of '/vendor.example/version/Area/City'."""
    parts = folded.strip("/").split("/")
    candidates = ("/".join(parts[-length:]) for length in (3, 2, 1) if length < len(parts))
    return next((name for name in map(_by_name, candidates) if name), None)


def _by_display_name(folded: str) -> str | None:
    """Look up '(UTC+01:00) Amsterdam, Berlin, ...' by the first city it lists."""
    places = _OFFSET_PREFIX.sub("", folded)
    first = places.partition(",")[0].strip()
    if first in _DISPLAY_NAMES:
        return _DISPLAY_NAMES[first]
    if places == folded and first == folded:
        return None
    return _by_name(places) or _by_city().get(first)
