# SPDX-License-Identifier: GPL-3.0-or-later
"""Property values of outside calendars, read tolerantly (RFC 5545 sections 3.2, 3.3.4, 3.3.5, 3.3.6, 3.3.9,
3.3.11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from icalendar.parser import Contentline

from importer.errors import Unusable
from importer.understand import quoted_printable, spellings
from importer.understand.notes import Note
from importer.understand.zones import Zones
from scheduling.ical import timezones

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Stored events begin and end within these years."""
MOST_LISTED = 5_000
"""The most values of one property of one event."""
_LONGEST = timedelta(days=366 * 300)
_NAMED = re.compile(r"[A-Za-z0-9-]+\s*[;:]")
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[Tt](\d{2})(\d{2})(\d{2})?)?([Zz])?")
_UNQUOTED_TZID = re.compile(r"(?<=;TZID=)[^\";:]*:[^\";]*?(?=:\d{8})", re.IGNORECASE)
_BARE = re.compile(r";[^=;]*(?:;|$)")
_BARE_NAMES = {
    "QUOTED-PRINTABLE": "ENCODING", "BASE64": "ENCODING", "8BIT": "ENCODING", "7BIT": "ENCODING",
    "DATE": "VALUE", "DATE-TIME": "VALUE", "PERIOD": "VALUE",
}  # fmt: skip
_PARAMETER = re.compile(r";\s*([A-Za-z0-9-]+)=([^;:]*)")
_DATED = frozenset({"DTSTART", "DTEND", "EXDATE", "RDATE", "RECURRENCE-ID"})
_CLOCKED = re.compile(r"\d:\d\d")
_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One content line. `value` is verbatim, parameter names are upper case and their values unquoted. `is_rough` says
    that the line is malformed.
    """

    name: str
    value: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_rough: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A DATE (`local` is a date) or a DATE-TIME (naive wall clock and its IANA zone). `floats` says that the value
    named no zone and was given one.
    """

    local: date
    tzid: str
    floats: bool = False

    @property
    def timed(self) -> bool:
        """Whether it has a time of day."""
        return isinstance(self.local, datetime)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """A DURATION: whole days on the wall clock and exact seconds, with the sign in both (section 3.3.6)."""

    days: int
    seconds: int


def parse_property(line: str) -> Property:
    """Read a content line.

    Raises ValueError for a line that is none.
    """
    if not _NAMED.match(line):
        raise ValueError("not a content line")
    line = _UNQUOTED_TZID.sub(r'"\g<0>"', line)
    if '"' not in line and "\\" not in line and "^" not in line and ";" not in line.partition(":")[0]:
        name, _, value = line.partition(":")
        return Property(name=name.strip().upper(), value=value)
    try:
        content = Contentline.from_ical(_named(line))  # type: ignore[no-untyped-call]  # icalendar is typed in part
        name, parameters, value = content.raw_parts()
        is_rough = False
    except ValueError:
        name, parameters, value = _roughly(line)
        is_rough = True
    flat = {
        key.upper(): item if isinstance(item, str) else ",".join(item) for key, item in parameters.items()
    }
    encoding = flat.get("ENCODING", "").upper()
    if encoding in ("QUOTED-PRINTABLE", "Q") or "QUOTED-PRINTABLE" in flat:
        value = quoted_printable.decoded(value, flat.get("CHARSET", ""))
    return Property(name=name.upper(), value=value, parameters=flat, is_rough=is_rough)


def _named(line: str) -> str:
    """A line whose parameters all have names; in vCalendar 1.0 a value may stand alone."""
    head = line.partition(":")[0]
    if '"' in head or not _BARE.search(head):
        return line
    name, *parameters = head.split(";")
    named = [
        it if "=" in it else f"{_BARE_NAMES[it.strip().upper()]}={it.strip()}"
        for it in parameters
        if "=" in it or it.strip().upper() in _BARE_NAMES
    ]
    return ";".join([name, *named]) + line[len(head) :]


def _roughly(line: str) -> tuple[str, dict[str, str], str]:
    """Name, parameters and value of a line with malformed parameters. Raises ValueError if there is no value."""
    head, colon, value = line.partition(":")
    name = head.partition(";")[0].strip()
    if name.upper() in _DATED:  # a value without a colon, in most spellings
        head, colon, value = line.rpartition(":") if _CLOCKED.search(line) is None else line.partition(":")
    if not colon:
        raise ValueError("not a content line")
    return name, {key.upper(): item.strip() for key, item in _PARAMETER.findall(head.replace('"', ""))}, value


def text(value: str) -> str:
    """The characters of a TEXT value (section 3.3.11)."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value, flags=re.DOTALL)


def texts(value: str) -> list[str]:
    """The items of a comma-separated list of TEXT values, without empty items."""
    return [item for part in re.findall(r"(?:\\.|[^,\\])+", value) if (item := text(part).strip())]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads dates and times of one event. `floating` is the zone of times that name none. Decisions go to `notes`."""

    zones: Zones
    notes: list[Note]
    floating: str

    def beside(self, start: Moment) -> Reader:
        """A reader for the other times of an event that starts at `start`. Times without a zone are in the zone of the
        start.
        """
        return replace(self, floating=start.tzid) if start.timed else self

    def moment(self, value: str, parameters: Mapping[str, str]) -> Moment:
        """Read a DATE or DATE-TIME value. Their form tells them apart, because VALUE is often wrong.

        Raises Unusable for a value that is neither.
        """
        found = _MOMENT.fullmatch(value.strip())
        try:
            if found:
                day = date(int(found[1]), int(found[2]), int(found[3]))
                if found[4] is None:
                    return Moment(local=day, tzid=self.zones.default)
                clock = time(int(found[4]), int(found[5]), min(int(found[6] or 0), 59))
                offset = timedelta() if found[7] else None
                spelt = spellings.Spelt(local=datetime.combine(day, clock), offset=offset)
            else:
                spelt = self._spelt(value)
        except ValueError:
            # For example 20261214T240000: a midnight that the pattern above takes for a time of day.
            spelt = self._spelt(value)
        return self._placed(spelt, parameters)

    def _spelt(self, value: str) -> spellings.Spelt:
        found = spellings.read(value)
        if found is None:
            raise Unusable("time-unreadable", f"'{value.strip()[:40]}' is not a date or a time.")
        self.notes.append(
            Note("time-spelling", "A date or time is written in an unusual way and was read by its meaning.")
        )
        return found

    def _placed(self, spelt: spellings.Spelt, parameters: Mapping[str, str]) -> Moment:
        local = spelt.local
        if not isinstance(local, datetime):
            return Moment(local=local, tzid=self.zones.default)
        if parameters.get("VALUE", "").upper() == "DATE" and local.time() == time():
            return Moment(local=local.date(), tzid=self.zones.default)
        tzid = spelt.zone or parameters.get("TZID", "").strip()
        if spelt.offset is not None:
            return self._at_offset(local, spelt.offset, tzid)
        if not tzid:
            if self.floating == self.zones.floating and (said := self.zones.floats()):
                self.notes.append(said)
            stated = self.zones.stated_floating(local) if self.floating == self.zones.floating else None
            return Moment(local=_as_stated(local, stated, self.floating), tzid=self.floating, floats=True)
        name, note = self.zones.resolve(tzid)
        self.notes.append(note)
        return Moment(local=_as_stated(local, self.zones.stated(tzid, local), name), tzid=name)

    def _at_offset(self, local: datetime, offset: timedelta, tzid: str) -> Moment:
        """A time with its own offset, in a zone that has this offset at that moment. Repetitions then follow the zone's
        clock.
        """
        if not offset:
            return Moment(local=local, tzid="UTC")
        instant = timezones.to_epoch(local - offset, "UTC")
        hours, rest = divmod(int(offset.total_seconds()), 3600)
        named = [self.zones.resolve(tzid)[0]] if tzid else []
        for name in (*named, self.floating, self.zones.default, f"Etc/GMT{-hours:+d}"):
            known = not name.startswith("Etc/") or (not rest and timezones.is_zone(name))
            if known and timezones.from_epoch(instant, name) == local:
                return Moment(local=local, tzid=name)
        return Moment(local=local - offset, tzid="UTC")


def _as_stated(local: datetime, stated: timedelta | None, tzid: str) -> datetime:
    """A wall clock time with the offset that the file states, converted to the clock of `tzid`."""
    return local if stated is None else timezones.from_epoch(timezones.to_epoch(local - stated, "UTC"), tzid)


def duration(value: str) -> Duration | None:
    """Read a DURATION. None if the text is no DURATION or is longer than any event."""
    found = _DURATION.fullmatch(value.strip())
    if not found or not any(found.group(2, 3, 4, 5, 6)):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.group(2, 3, 4, 5, 6))
    sign = -1 if found[1] == "-" else 1
    length = Duration(days=sign * (weeks * 7 + days), seconds=sign * (hours * 3600 + minutes * 60 + seconds))
    if abs(length.days) > _LONGEST.days or abs(length.seconds) > _LONGEST.total_seconds():
        return None
    return length


def after(start: Moment, length: Duration) -> Moment:
    """The end of a duration from `start`, in the form of `start`. After a DATE, hours add another day."""
    if not isinstance(start.local, datetime):
        return replace(start, local=start.local + timedelta(days=length.days + -(-length.seconds // 86400)))
    shifted = replace(start, local=start.local + timedelta(days=length.days))
    if not length.seconds:
        return shifted
    return Moment(local=timezones.from_epoch(epoch(shifted) + length.seconds, "UTC"), tzid="UTC")


def in_zone(value: Moment, tzid: str) -> datetime:
    """The wall clock in `tzid` at a moment. A DATE means its midnight there."""
    if not isinstance(value.local, datetime):
        return datetime.combine(value.local, time())
    if value.tzid == tzid:
        return value.local
    return timezones.from_epoch(timezones.to_epoch(value.local, value.tzid), tzid)


def as_day(value: Moment, tzid: str) -> date:
    """The day that a moment names for an all-day event. Midnight in any form names its own day. Other moments name the
    day in `tzid`, the zone whose days the file counts.
    """
    if not isinstance(value.local, datetime):
        return value.local
    return (value.local if value.local.time() == time() else in_zone(value, tzid)).date()


def like(value: Moment, start: Moment, days: str) -> date:
    """A moment in the form and zone of `start`. A DATE that names an instance of a timed event gets the event's time of
    day. `days` is the zone whose days the file counts.
    """
    if not isinstance(start.local, datetime):
        return as_day(value, days)
    if isinstance(value.local, datetime):
        return in_zone(value, start.tzid)
    return datetime.combine(value.local, start.local.time())


def values(properties: Sequence[Property], limit: int) -> tuple[list[tuple[str, Property]], bool]:
    """The single values of comma-separated properties, at most `limit`, and whether some were left out."""
    found: list[tuple[str, Property]] = []
    for item in properties:
        for value in re.split(r"[,;]", item.value):  # vCalendar 1.0 has semicolons
            if not value.strip():
                continue
            if len(found) >= limit:
                return found, True
            found.append((value.strip(), item))
    return found, False


def epoch(value: Moment) -> int:
    """Seconds since 1970 of a moment; of a DATE, of its midnight."""
    return timezones.to_epoch(in_zone(value, value.tzid), value.tzid)
