# SPDX-License-Identifier: GPL-3.0-or-later
"""An iCalendar stream taken apart into its components, without reading a property (RFC 5545 sections 3.1,
3.4, 3.6).

Splitting comes first so that one broken event cannot take the others with it. Work and memory grow linearly
with the text whatever it holds.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from importer.errors import NotACalendar
from scheduling.imports import Skipped

MAX_COMPONENTS = 100_000
MAX_DEPTH = 16
MAX_LINE = 1_000_000
"""Characters kept of one unfolded line; what it lists beyond that is over other limits anyway."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPLIT_CHARACTER = re.compile(rb"([\xc2-\xf4][\x80-\xbf]{0,2})(\r?\n[ \t])([\x80-\xbf]{1,3})")
_DECLARED_FIRST = re.compile(r"utf-?(16|32)([bl]e)?|iso-2022-(jp|kr)")
_DECLARED = re.compile(
    r"iso-?8859-\d+|windows-\d+|cp\d+|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc-(jp|kr)|us-ascii|mac-?roman"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEADERS = {
    "X-WR-TIMEZONE": "time_zone",
    "X-WR-CALNAME": "name",
    "NAME": "name",
    "REFRESH-INTERVAL": "refresh",
    "X-PUBLISHED-TTL": "refresh",
    "METHOD": "method",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One VEVENT: its unfolded lines without BEGIN, END and nested components; `line` is that of its BEGIN,
    from 1.
    """

    line: int
    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """The parts of a calendar. Header values are the raw texts of the first calendar that has them."""

    name: str | None = None
    time_zone: str | None = None
    refresh: str | None = None
    method: str | None = None
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[Block, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)


def decode(body: bytes, charset: str | None) -> str:
    """The text of a calendar, whatever its encoding, without controls, BOMs and what XML 1.0 forbids.

    UTF-8 wins over a declared 8-bit charset when the bytes are valid UTF-8; bytes that fit nothing are
    replaced. Never raises.
    """
    return _FORBIDDEN.sub("", _characters(body, (charset or "").lower())).replace("\ufeff", "")


def _characters(body: bytes, charset: str) -> str:
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace")
    if body[:4] in (b"B\0E\0", b"b\0e\0"):
        return body.decode("utf-16-le", "replace")
    if body[:4] in (b"\0B\0E", b"\0b\0e"):
        return body.decode("utf-16-be", "replace")
    if _DECLARED_FIRST.fullmatch(charset):
        return body.decode(charset, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return _not_quite_utf8(body, charset)


def _not_quite_utf8(body: bytes, charset: str) -> str:
    body = _SPLIT_CHARACTER.sub(rb"\1\3\2", body)
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad < sum(len(run) for run in re.findall("[^\x00-\x7f\ufffd]+", text)) or not bad:
        return text
    if _DECLARED.fullmatch(charset):
        try:
            return body.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def split(text: str) -> Feed:
    """Take a calendar apart.

    Raises NotACalendar ('not-a-calendar', 'html', 'json', 'archive', 'no-content', 'truncated', 'nesting',
    'too-many-components').
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _Splitter(text).feed()


def unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Each logical line of a text with LF line ends and its number, from 1 (RFC 5545 section 3.1); blanks
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


def uid_of(lines: tuple[str, ...] | list[str]) -> str | None:
    """The raw UID value among unfolded lines, or None."""
    for line in lines:
        if line[:4].upper() in ("UID:", "UID;"):
            return line.partition(":")[2].strip() or None
    return None


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[str] = []
        self._lines: list[str] = []
        self._begin = 0
        self._headers: dict[str, str] = {}
        self._zones: dict[str, tuple[str, ...]] = {}
        self._events: list[Block] = []
        self._skipped: list[Skipped] = []
        self._others: Counter[str] = Counter()
        self._count = 0
        self._calendars = 0

    def feed(self) -> Feed:
        for number, line in unfolded(self._text):
            keyword = line[:6].upper()
            if keyword == "BEGIN:":
                self._open(line[6:].strip().upper(), number)
            elif keyword.startswith("END:"):
                self._close(line[4:].strip().upper())
            else:
                self._property(line)
        if not self._calendars and not self._stack:
            raise _diagnosis(self._text)
        if self._stack:
            raise NotACalendar("truncated", "The calendar is cut off: its END:VCALENDAR line is missing.")
        return Feed(
            **self._headers,
            zones=self._zones,
            events=tuple(self._events),
            skipped=tuple(self._skipped),
            others=dict(self._others),
        )

    def _open(self, name: str, number: int) -> None:
        if not self._stack and name != "VCALENDAR":
            return
        if name == "VCALENDAR":
            self._abandon()
            self._stack = [name]
            return
        if name == "VEVENT":
            self._abandon()
        self._count += 1
        if self._count > MAX_COMPONENTS:
            raise NotACalendar(
                "too-many-components", f"The calendar has more than {MAX_COMPONENTS} components."
            )
        if len(self._stack) >= MAX_DEPTH:
            raise NotACalendar(
                "nesting", f"The calendar nests components deeper than {MAX_DEPTH} (line {number})."
            )
        self._stack.append(name)
        if len(self._stack) == 2:
            self._begin = number
            self._lines = []
        elif self._stack[1] == "VTIMEZONE":
            self._lines.append(f"BEGIN:{name}")

    def _close(self, name: str) -> None:
        if name not in self._stack:
            return
        if name == "VCALENDAR":
            self._abandon()
            self._stack = []
            self._calendars += 1
            return
        while self._stack[-1] != name:
            self._pop()
        self._pop()

    def _pop(self) -> None:
        name = self._stack.pop()
        if len(self._stack) > 1:
            if self._stack[1] == "VTIMEZONE":
                self._lines.append(f"END:{name}")
        elif name == "VEVENT":
            self._events.append(Block(line=self._begin, lines=tuple(self._lines)))
        elif name == "VTIMEZONE":
            self._zone()
        else:
            self._others[name] += 1

    def _abandon(self) -> None:
        """Give up what is still open inside the calendar; an unclosed event may lack anything, so it is not
        used.
        """
        if len(self._stack) > 1 and self._stack[1] == "VEVENT":
            uid = uid_of(self._lines)
            self._skipped.append(Skipped(line=self._begin, uid=uid, reason="Its END:VEVENT line is missing."))
        del self._stack[1:]

    def _zone(self) -> None:
        for line in self._lines:
            if line[:5].upper() in ("TZID:", "TZID;"):
                self._zones.setdefault(line.partition(":")[2].strip(), tuple(self._lines))
                return

    def _property(self, line: str) -> None:
        if len(self._stack) == 1:
            name, _, value = line.partition(":")
            header = _HEADERS.get(name.partition(";")[0].strip().upper())
            if header and value.strip():
                self._headers.setdefault(header, value.strip())
        elif len(self._stack) == 2 or (len(self._stack) > 2 and self._stack[1] == "VTIMEZONE"):
            self._lines.append(line)


def _diagnosis(text: str) -> NotACalendar:
    start = text[:2000].lstrip().lower()
    if not start:
        return NotACalendar("no-content", "The answer is empty, so it is not a calendar.")
    if start.startswith("<") or "<html" in start:
        message = "The answer is a web page, not a calendar; use the link that ends in .ics or says iCal."
        return NotACalendar("html", message)
    if start[0] in "{[":
        return NotACalendar("json", "The answer is JSON, not an iCalendar file.")
    if start.startswith("pk"):
        return NotACalendar("archive", "The answer is an archive; unpack it and publish the .ics file in it.")
    return NotACalendar("not-a-calendar", "The answer is not a calendar: it has no BEGIN:VCALENDAR line.")
