# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored VEVENTs (RFC 5545, section 3.6.1) read as text, and what is left of them where only busy time may be known.

A component is one VEVENT, or a master and its overrides one after the other, as `scheduling.ical.event` and the
importer write them: lines end in CRLF and are folded (section 3.1), names are in capitals, and stamps may still be
markers. What may be shown of an event to those who may only know that time is taken is decided here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from scheduling.ical import text
from scheduling.ical.event import BUSY_STATUS_FREE, DECLINED

BEGIN, END = "BEGIN:VEVENT\r\n", "END:VEVENT\r\n"
_CANCELLED, _TENTATIVE = "STATUS:CANCELLED\r\n", "STATUS:TENTATIVE\r\n"
_TRANSPARENT = "TRANSP:TRANSPARENT\r\n"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OF_BUSY_TIME = frozenset(
    (
        *("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
        *("STATUS", "TRANSP"),
    )
)


def events(component: str) -> list[str]:
    """The VEVENTs, each from its BEGIN to its END. No line inside one can be `BEGIN:VEVENT`."""
    return [BEGIN + event for event in component.split(BEGIN)[1:]]


def content_lines(event: str) -> Iterator[str]:
    """The lines of one VEVENT between its BEGIN and its END, each still folded. Those of its alarms are left out."""
    depth, line = 0, ""
    for piece in event.removeprefix(BEGIN).removesuffix(END).split("\r\n")[:-1]:
        if piece.startswith((" ", "\t")):
            if line:
                line += f"{piece}\r\n"
            continue
        if line:
            yield line
        line = ""
        if piece.startswith("BEGIN:"):
            depth += 1
        elif piece.startswith("END:"):
            depth -= 1
        elif not depth:
            line = f"{piece}\r\n"
    if line:
        yield line


def name_of(line: str) -> str:
    """The property's name in a content line."""
    return line.partition(":")[0].partition(";")[0]


def unfolded(lines: str) -> str:
    """The text without its folds."""
    return lines.replace("\r\n ", "")


def is_cancelled(event: str) -> bool:
    """Whether one VEVENT does not take place."""
    return f"\r\n{_CANCELLED}" in event


def properties_of(component: str) -> dict[str, tuple[str, str]]:
    """Name to parameters and text value (section 3.3.11) of the first VEVENT; of each name the first."""
    found: dict[str, tuple[str, str]] = {}
    for line in content_lines(next(iter(events(component)), "")):
        head, value = _split(unfolded(line).removesuffix("\r\n"))
        name, _, parameters = head.partition(";")
        found.setdefault(name, (parameters, _ESCAPED.sub(_unescaped, value)))
    return found


def busy_time(component: str, uid: Callable[[str], str], *, outlook: bool) -> str:
    """The component with nothing but "Busy", its times, STATUS and TRANSP.

    `uid` makes another UID from the content line of the event's own, which may tell whose event it is; overrides have
    the UID of their master (section 3.8.4.4). With `outlook` every VEVENT says once more, for Outlook, what STATUS and
    TRANSP say; without it one does that says there that it is free.
    """
    return "".join(_busy_time(event, uid, outlook=outlook) for event in events(component))


def _busy_time(event: str, uid: Callable[[str], str], *, outlook: bool) -> str:
    kept = [BEGIN]
    status = "BUSY"
    for line in content_lines(event):
        name = name_of(line)
        if name == "UID":
            kept.append(text.line("UID", uid(line)))
        elif (
            name in _OF_BUSY_TIME
            or line.startswith("\x01")
            or (line in (BUSY_STATUS_FREE, DECLINED) and not outlook)
        ):
            kept.append(line)
        if line in (_TRANSPARENT, _CANCELLED):
            status = "FREE"
        elif line == _TENTATIVE and status == "BUSY":
            status = "TENTATIVE"
    kept.append("SUMMARY:Busy\r\n")
    if outlook:
        kept.append(f"X-MICROSOFT-CDO-BUSYSTATUS:{status}\r\n")
    return "".join((*kept, END))


def _split(line: str) -> tuple[str, str]:
    """A content line before and behind its colon, which is the first outside quotes (section 3.1)."""
    quoted = False
    for index, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            return line[:index], line[index + 1 :]
    return line, ""


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] in "nN" else found[1]
