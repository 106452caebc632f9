# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes an iCalendar stream apart into its components, without reading a property (RFC 5545 sections 3.1, 3.4, 3.6).

Splitting comes first so that one broken event cannot spoil the others. Work and memory grow linearly with the text, for
every input. Only BEGIN and END lines become Python objects here. Most events of most fetches are unchanged, and finding
that out must be cheap.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from importer.errors import NotACalendar
from importer.understand import free_busy, quoted_printable, vcalendar_zone
from importer.understand.decoding import decode
from scheduling.sentences import a
from scheduling.subscriptions.facts import Skipped

MAX_COMPONENTS = 100_000
MAX_DEPTH = 16
MAX_LINE = 1_000_000
"""Characters kept of one unfolded line. Longer lists exceed other limits anyway."""

_STRUCTURE = re.compile(r"\n((?:[Bb][Ee][Gg][Ii][Nn]|[Ee][Nn][Dd]):[^\n]*)")
_BEGIN = re.compile(r"(?:^|\n)[Bb][Ee][Gg][Ii][Nn]:")
_BLANKS = re.compile(r"\n\n+")
_UID = re.compile(r"\nUID[:;]([^\n]*)", re.IGNORECASE)
_PACKED = (b"\x1f\x8b", b"PK\x03\x04")
"""The first bytes of gzip (RFC 1952, section 2.3.1) and zip. They are checked before decoding, which could hide them.
"""
_CLOSED = ["END:VEVENT"]
_OUTSIDE = ""
"""Stands for the calendar of components that are outside of any calendar."""
_READ_OUTSIDE = frozenset({"VEVENT", "VFREEBUSY", "VTIMEZONE"})
_NOT_READ = frozenset({"VAVAILABILITY"})
"""Components that say when somebody is busy but are not read."""
_SOFT_BREAKS = re.compile(
    r"^[^\n:]*;(?:ENCODING=)?QUOTED-PRINTABLE[^\n:]*:(?:[^\n]*=\n)+", re.IGNORECASE | re.MULTILINE
)
_MOST_LINES = 100
_LEADING = re.compile(r"[ \t\n]+")
_INDENTED = re.compile(r"\n[ \t]+BEGIN:VEVENT[ \t]*(?=\n)", re.IGNORECASE)
_PLAIN = re.compile(r"\nBEGIN:VEVENT", re.IGNORECASE)
_INDENT = re.compile(r"\n[ \t]+(?=(?:[A-Z][A-Z0-9-]*)(?:;[^:\n]*)?:)")
_HEADERS = {
    "X-WR-TIMEZONE": "time_zone",
    "TZID": "tzid",
    "X-WR-CALNAME": "name",
    "NAME": "name",
    "REFRESH-INTERVAL": "refresh",
    "X-PUBLISHED-TTL": "published_ttl",
    "TZ": "standard",
}


class Places:
    """The line numbers of a text's BEGIN lines, computed on first use."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.begins = 0

    def line(self, ordinal: int) -> int:
        """The number, from 1, of the line of BEGIN number `ordinal`, from 0."""
        return self._lines[ordinal]

    @cached_property
    def _lines(self) -> Sequence[int]:
        starts = [found.end() for found in _BEGIN.finditer(self._text)]
        if len(starts) != self.begins:  # one of them is folded
            return [number for number, line in unfolded(self._text) if line[:6].upper() == "BEGIN:"]
        lines: list[int] = []
        number, counted_to = 1, 0
        for start in starts:
            number += self._text.count("\n", counted_to, start)
            counted_to = start
            lines.append(number)
        return lines


@dataclass(slots=True, eq=False)
class Block:
    """One VEVENT without its BEGIN, END and nested components. `text` holds its unfolded lines, each after a LF.
    `ordinal` counts the BEGIN lines before its own.
    """

    text: str = field(repr=False)
    ordinal: int
    places: Places = field(repr=False)

    @property
    def line(self) -> int:
        """The number of its BEGIN line, from 1."""
        return self.places.line(self.ordinal)

    @property
    def lines(self) -> tuple[str, ...]:
        """Its content lines, overlong ones cut."""
        return tuple(line[:MAX_LINE] for line in self.text.split("\n")[1:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """The parts of a calendar. Header values are the raw texts of the first calendar that has them. `methods` are those
    of all calendars. `free_busy` has the lines of the VFREEBUSYs from which events were made.
    """

    name: str | None = None
    time_zone: str | None = None
    tzid: str | None = None
    refresh: str | None = None
    published_ttl: str | None = None
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[Block, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    free_busy: frozenset[int] = frozenset()

    @property
    def method(self) -> str | None:
        """What the first calendar with a METHOD says."""
        return self.methods[0] if self.methods else None

    @property
    def calendar_zone(self) -> str | None:
        """The time zone that the calendar names for itself."""
        return self.time_zone or self.tzid


def opened(body: bytes, charset: str | None) -> Feed:
    """Take the fetched content apart, as `split` does. Also raises NotACalendar 'archive' for packed content."""
    if body.startswith(_PACKED):
        raise NotACalendar("archive", "The answer is an archive; unpack it and publish the .ics file in it.")
    return split(decode(body, charset))


def split(text: str) -> Feed:
    """Take a calendar apart.

    Raises NotACalendar ('not-a-calendar', 'html', 'json', 'no-content', 'truncated', 'nesting',
    'too-many-components').
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _Splitter(_unindented(text)).feed()


def _unindented(text: str) -> str:
    """The text without blanks before the first line, and without indentation if the whole file is indented."""
    if (found := _LEADING.match(text)) is not None:
        text = "\n" * found[0].count("\n") + text[found.end() :]
    if "QUOTED-PRINTABLE" in text or "quoted-printable" in text:
        text = _SOFT_BREAKS.sub(lambda found: found[0].replace("=\n", "\n "), text)
    # The first event decides for most texts, at no cost.
    if "\nBEGIN:VEVENT" not in text and _INDENTED.search(text) and not _PLAIN.search(text):
        text = _INDENT.sub("\n", text)
    return text


def unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Each logical line of a text with LF line ends, and its number, from 1 (RFC 5545 section 3.1). Blank lines are
    left out.
    """
    parts: list[str] = []
    first = number = 1
    length = counted_to = 0
    for match in re.finditer("[^\n]+", text):
        start = match.start()
        if text[start] in " \t" and parts:
            if length < MAX_LINE:
                parts.append(text[start + 1 : match.end()][: MAX_LINE - length])
                length += len(parts[-1])
            continue
        if parts:
            yield first, "".join(parts)
        number += text.count("\n", counted_to, start)
        counted_to = start
        first = number
        parts = [match.group()[:MAX_LINE]]
        length = len(parts[0])
    if parts:
        yield first, "".join(parts)


def uid_of(text: str) -> str | None:
    """The raw UID value in a block's text, or None."""
    at = text.find("\nUID:")
    if at >= 0:
        end = text.find("\n", at + 5)
        return text[at + 5 : end if end >= 0 else None].strip() or None
    found = _UID.search(text)
    return (found[0].partition(":")[2].strip() or None) if found else None


def _flat(text: str) -> str:
    """The logical lines, each after a LF."""
    if "\n\n" in text:
        text = _BLANKS.sub("\n", text)
    text = text.replace("\n ", "")
    if "\t" in text:
        text = text.replace("\n\t", "")
    return f"\n{text}"


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[str] = []
        self._pieces: list[str] = []
        self._begin = 0
        self._headers: dict[str, str] = {}
        self._daylight: list[str] = []
        self._methods: list[str] = []
        self._left_open = 0
        self._free_busy: list[int] = []
        self._zones: dict[str, tuple[str, ...]] = {}
        self._events: list[Block] = []
        self._skipped: list[tuple[int, str | None, str]] = []
        self._others: Counter[str] = Counter()
        self._count = 0
        self._calendars = 0

    def feed(self) -> Feed:
        pieces = _STRUCTURE.split(_flat(self._text))
        places = Places(self._text)
        places.begins = sum(1 for piece in pieces[1::2] if piece[:1] in "Bb")
        position, begun = 1, 0
        while position < len(pieces):
            line, content = pieces[position], pieces[position + 1]
            if (
                line == "BEGIN:VEVENT"
                and len(self._stack) == 1
                and pieces[position + 2 : position + 3] == _CLOSED
            ):
                self._counted(begun, places)
                self._events.append(Block(content, begun, places))
                content = pieces[position + 3]
                begun += 1
                position += 4
            elif line[:1] in "Bb":
                self._open(line[6:].strip().upper(), begun, places)
                begun += 1
                position += 2
            else:
                self._close(line[4:].strip().upper(), begun, places)
                position += 2
            if content:
                self._content(content)
        return self._result(places)

    def _result(self, places: Places) -> Feed:
        if not self._calendars and self._stack in ([], [_OUTSIDE]):
            raise _diagnosis(self._text)
        if self._stack and self._stack[0] == _OUTSIDE:
            self._abandon()
        elif self._stack:
            raise NotACalendar("truncated", "The calendar is cut off: its END:VCALENDAR line is missing.")
        standard = self._headers.pop("standard", None)
        if lines := vcalendar_zone.definition(standard, self._daylight):
            self._zones.setdefault(vcalendar_zone.TZID, lines)
            self._headers.setdefault("tzid", vcalendar_zone.TZID)
        return Feed(
            **self._headers,
            zones=self._zones,
            events=tuple(self._events),
            skipped=tuple(
                Skipped(line=places.line(begin), uid=uid, reason=reason)
                for begin, uid, reason in self._skipped
            ),
            others=dict(self._others),
            methods=tuple(self._methods),
            free_busy=frozenset(map(places.line, self._free_busy)),
        )

    def _counted(self, begun: int, places: Places) -> None:
        self._count += 1
        if self._count > MAX_COMPONENTS:
            raise NotACalendar(
                "too-many-components", f"The calendar has more than {MAX_COMPONENTS} components."
            )
        if len(self._stack) >= MAX_DEPTH:
            raise NotACalendar(
                "nesting",
                f"The calendar nests components deeper than {MAX_DEPTH} (line {places.line(begun)}).",
            )

    def _open(self, name: str, begun: int, places: Places) -> None:
        if not self._stack and name != "VCALENDAR":
            if name not in _READ_OUTSIDE:
                return
            self._stack = [_OUTSIDE]
        if name == "VCALENDAR":
            self._abandon()
            self._stack = [name]
            return
        if name == "VEVENT":
            self._abandon()
        self._counted(begun, places)
        self._stack.append(name)
        if len(self._stack) == 2:
            self._begin = begun
            self._pieces = []
        elif self._stack[1] == "VTIMEZONE":
            self._pieces.append(f"\nBEGIN:{name}")

    def _close(self, name: str, begun: int, places: Places) -> None:
        if name not in self._stack:
            if name == "VEVENT" and self._left_open:
                self._left_open -= 1
            elif name == "VEVENT":
                self._skipped.append((max(begun - 1, 0), None, "An END:VEVENT after it has no BEGIN:VEVENT."))
            return
        if name == "VCALENDAR":
            self._abandon()
            self._stack = []
            self._calendars += 1
            return
        while self._stack[-1] != name:
            self._pop(places)
        self._pop(places)

    def _pop(self, places: Places) -> None:
        name = self._stack.pop()
        if len(self._stack) > 1:
            if self._stack[1] == "VTIMEZONE":
                self._pieces.append(f"\nEND:{name}")
        elif name == "VEVENT":
            self._events.append(Block("".join(self._pieces), self._begin, places))
        elif name == "VTIMEZONE":
            self._zone()
        elif name == "VFREEBUSY":
            self._free_busy.append(self._begin)
            busy = free_busy.events("".join(self._pieces))
            self._events += [Block(text, self._begin, places) for text in busy]
        else:
            if name in _NOT_READ:
                self._skipped.append((self._begin, None, f"It is {a(name)}, which is not read."))
            self._others[name] += 1

    def _abandon(self) -> None:
        """Give up components that are still open inside the calendar. An unclosed event may lack anything, so it is not
        used.
        """
        if len(self._stack) > 1 and self._stack[1] in ("VEVENT", "VFREEBUSY"):
            reason = f"Its END:{self._stack[1]} line is missing."
            self._left_open += self._stack[1] == "VEVENT"
            self._skipped.append((self._begin, uid_of("".join(self._pieces)), reason))
        del self._stack[1:]

    def _zone(self) -> None:
        lines = tuple(line[:MAX_LINE] for line in "".join(self._pieces).split("\n")[1:])
        for line in lines:
            if line[:5].upper() in ("TZID:", "TZID;"):
                self._zones.setdefault(line.partition(":")[2].strip(), lines)
                return

    def _content(self, content: str) -> None:
        if len(self._stack) == 1:
            for line in content.split("\n")[1:]:
                name, _, value = line.partition(":")
                plain = name.partition(";")[0].strip().upper()
                header = _HEADERS.get(plain)
                if header and value.strip():
                    if "QUOTED-PRINTABLE" in name.upper():
                        value = quoted_printable.decoded(value, name)
                    self._headers.setdefault(header, value.strip()[:MAX_LINE])
                elif plain == "METHOD" and len(self._methods) < _MOST_LINES:
                    self._methods.append(value.strip())
                elif plain == "DAYLIGHT" and len(self._daylight) < _MOST_LINES:
                    self._daylight.append(value)
        elif len(self._stack) == 2 or (len(self._stack) > 2 and self._stack[1] == "VTIMEZONE"):
            self._pieces.append(content)


def _diagnosis(text: str) -> NotACalendar:
    start = text[:2000].lstrip().lower()
    if not start:
        return NotACalendar("no-content", "The answer is empty, so it is not a calendar.")
    if start.startswith("<") or "<html" in start:
        message = "The answer is a web page, not a calendar; use the link that ends in .ics or says iCal."
        return NotACalendar("html", message)
    if start[0] in "{[":
        return NotACalendar("json", "The answer is JSON, not an iCalendar file.")
    return NotACalendar("not-a-calendar", "The answer is not a calendar: it has no BEGIN:VCALENDAR line.")
