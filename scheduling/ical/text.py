# SPDX-License-Identifier: GPL-3.0-or-later
"""Content lines and the values in them: escaping, folding, date-times (RFC 5545 sections 3.1, 3.2, 3.3)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

MAX_OCTETS = 75

_LINE_BREAK = re.compile("\r\n|[\r\n\u0085\u2028\u2029]")
# Controls, and whatever XML 1.0 cannot carry: CalDAV answers hold this text inside XML.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Some readers strip a value that is not quoted.


def clean(value: str) -> str:
    """Return `value` with every line break as LF and without characters that iCalendar or XML 1.0 forbid."""
    return _FORBIDDEN.sub("", _LINE_BREAK.sub("\n", value))


def escape(value: str) -> str:
    """Return `value` as a TEXT value (RFC 5545 section 3.3.11), cleaned first."""
    value = clean(value).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return value.replace("\n", "\\n")


def fold(line: str) -> str:
    """Return one content line folded at 75 octets, never inside a UTF-8 character, ending in CRLF.

    Raises ValueError when `line` holds a line break: that would begin a new property (RFC 5545 section 3.1).
    """
    if "\n" in line or "\r" in line:
        raise ValueError("A content line cannot hold a line break; escape the value first")
    if len(line) <= MAX_OCTETS and line.isascii():
        return line + "\r\n"
    octets = line.encode()
    pieces: list[bytes] = []
    begin, room = 0, MAX_OCTETS
    while len(octets) - begin > room:
        end = begin + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[begin:end])
        begin, room = end, MAX_OCTETS - 1  # the leading space of a continuation counts
    pieces.append(octets[begin:])
    return b"\r\n ".join(pieces).decode() + "\r\n"


def line(name: str, value: str, *, params: str = "") -> str:
    """Return the folded line of a property whose `value` is already escaped; `params` begins with ';'."""
    return fold(f"{name}{params}:{value}")


def utc(epoch_seconds: int) -> str:
    """Return the UTC DATE-TIME form of an instant: 20261120T221500Z."""
    return local(datetime.fromtimestamp(epoch_seconds, UTC)) + "Z"


def local(moment: datetime) -> str:
    """Return the wall clock DATE-TIME form: 20261120T231500."""
    return f"{day(moment)}T{moment.hour:02d}{moment.minute:02d}{moment.second:02d}"


def day(value: date) -> str:
    """Return the DATE form: 20261120."""
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"
