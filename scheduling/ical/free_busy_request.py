# SPDX-License-Identifier: GPL-3.0-or-later
"""A request for busy time: VFREEBUSY with METHOD:REQUEST (RFC 5546, section 3.3.2; RFC 6638, section 5).

It comes from strangers, so work and memory are linear in the text, nothing is nested beyond what such a request has,
and every value that goes into an answer is short and without controls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scheduling.ical.errors import IsInvitation, NotAFreeBusyRequest, NotICalendar
from scheduling.ical.timezones import resolve, to_epoch

LONGEST_VALUE = 1024
"""Characters of a UID or an address."""
MOST_LINES = 20_000
_DEEPEST = 3
_FOLD = re.compile("\r?\n[ \t]")
_BREAK = re.compile("\r?\n")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]|\r(?!\n)")
_LINE = re.compile(r'([A-Za-z0-9-]+)((?:;(?:[^":]|"[^"]*")*+)?):(.*)', re.DOTALL)
_TZID = re.compile(r';TZID=("?)([^";]{1,255})\1(?:;|$)', re.IGNORECASE)
_MOMENT = re.compile(r"\d{8}T\d{6}Z?", re.ASCII)
_ONCE = ("UID", "ORGANIZER", "DTSTART", "DTEND", "DTSTAMP")
_NEVER = ("DURATION", "FREEBUSY", "REQUEST-STATUS")


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeBusyRequest:
    """Who asks about whom, calendar user addresses both, and about [start, end) in epoch seconds. `attendees` are each
    there once, in the order of the request.
    """

    uid: str
    organizer: str
    attendees: tuple[str, ...]
    start: int
    end: int


def read(octets: bytes) -> FreeBusyRequest:
    """Raises `NotICalendar`, `IsInvitation`, `NotAFreeBusyRequest`."""
    read = _Object(_text(octets))
    if set(read.kinds) <= {"VEVENT", "VTODO", "VJOURNAL"}:
        raise IsInvitation(
            "The object is an invitation or an answer to one; only requests for busy time are taken."
        )
    if read.methods != ["REQUEST"] or read.kinds != ["VFREEBUSY"]:
        raise NotAFreeBusyRequest("The object is not one VFREEBUSY with METHOD:REQUEST.")
    found = read.properties
    for name in _NEVER:
        if name in found:
            raise NotAFreeBusyRequest(f"The request has no {name}.")
    values = {name: _only(name, found.get(name, [])) for name in _ONCE}
    attendees = tuple(dict.fromkeys(_short(value) for _, value in found.get("ATTENDEE", [])))
    start, end = _moment(*values["DTSTART"]), _moment(*values["DTEND"])
    if not attendees or end <= start:
        raise NotAFreeBusyRequest(
            "The request needs at least one ATTENDEE, and a DTEND later than its DTSTART."
        )
    return FreeBusyRequest(
        uid=_short(values["UID"][1]),
        organizer=_short(values["ORGANIZER"][1]),
        attendees=attendees,
        start=start,
        end=end,
    )


def _text(octets: bytes) -> str:
    try:
        text = octets.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise NotICalendar("The object is not UTF-8.") from None
    if _CONTROL.search(text):
        raise NotICalendar("The object has control characters.")
    if text.count("\n") > MOST_LINES:
        raise NotICalendar(f"The object has more than {MOST_LINES} lines.")
    return _FOLD.sub("", text)


def _content_lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Name in upper case, parameters and value of each line."""
    for line in _BREAK.split(text):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise NotICalendar("The object has a line that is not a content line.")
        yield match[1].upper(), match[2], match[3].strip()


class _Object:
    """A VCALENDAR while it is read: the values of METHOD, the kinds of components, and the properties of VFREEBUSY."""

    def __init__(self, text: str) -> None:
        self.methods: list[str] = []
        self.kinds: list[str] = []
        self.properties: dict[str, list[tuple[str, str]]] = {}
        self._open: list[str] = []
        ended = False
        for name, params, value in _content_lines(text):
            if ended:
                raise NotICalendar("Something follows the VCALENDAR.")
            if name == "BEGIN":
                self._begin(value.upper())
            elif name == "END":
                ended = self._end(value.upper())
            else:
                self._property(name, params, value)
        if not ended or not self.kinds:
            raise NotICalendar("The object is not a complete VCALENDAR with a component in it.")

    def _begin(self, kind: str) -> None:
        if (kind == "VCALENDAR") == bool(self._open) or len(self._open) > _DEEPEST:
            raise NotICalendar("The object is not one VCALENDAR.")
        self._open.append(kind)
        if len(self._open) == 2 and kind != "VTIMEZONE":
            self.kinds.append(kind)

    def _end(self, kind: str) -> bool:
        if not self._open or self._open.pop() != kind:
            raise NotICalendar("A component of the object has no END that matches its BEGIN.")
        return not self._open

    def _property(self, name: str, params: str, value: str) -> None:
        if not self._open:
            raise NotICalendar("The object does not begin with BEGIN:VCALENDAR.")
        if self._open == ["VCALENDAR"] and name == "METHOD":
            self.methods.append(value.upper())
        elif self._open == ["VCALENDAR", "VFREEBUSY"]:
            self.properties.setdefault(name, []).append((params, value))


def _only(name: str, values: list[tuple[str, str]]) -> tuple[str, str]:
    if len(values) != 1 or not values[0][1]:
        raise NotAFreeBusyRequest(f"The request must have exactly one {name}.")
    return values[0]


def _short(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        raise NotAFreeBusyRequest(f"An address or UID has more than {LONGEST_VALUE} characters.")
    return value


def _moment(params: str, value: str) -> int:
    """Section 3.6.4 of RFC 5545 wants UTC; some clients write a zone that is known here, and mean it."""
    named = _TZID.search(params)
    zone = "UTC" if value.endswith("Z") else resolve(named[2]) if named else None
    try:
        if zone is None or not _MOMENT.fullmatch(value):
            raise _bad_moment()
        return to_epoch(datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S"), zone)
    except (ValueError, OverflowError):
        raise _bad_moment() from None


def _bad_moment() -> NotAFreeBusyRequest:
    return NotAFreeBusyRequest("DTSTART and DTEND are date-times in UTC, such as 20261120T080000Z.")
