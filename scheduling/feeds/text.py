# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored VEVENTs as a feed shows them (RFC 5545, section 3.6): only their times, or with an alarm.

Works on whole content lines; a line that begins with a space belongs to the one before it (section 3.1).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from scheduling.access.secrets import Keyring
from scheduling.ical import text

_TIMES = frozenset(
    (
        *("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
        *("STATUS", "TRANSP"),
    )
)
_BEGIN, _END = "BEGIN:VEVENT\r\n", "END:VEVENT\r\n"
_CANCELLED, _TRANSPARENT, _TENTATIVE = (
    "STATUS:CANCELLED\r\n",
    "TRANSP:TRANSPARENT\r\n",
    "STATUS:TENTATIVE\r\n",
)


def busy(component: str, key: bytes) -> str:
    """The component with nothing but "Busy", its times, STATUS and TRANSP. Its UID depends on `key`, so that it cannot
    be joined with the same event elsewhere; all its instances share it.
    """
    return "".join(_busy(event, key) for event in _events(component))


def with_alarm(component: str, minutes: int) -> str:
    """The component with an alarm `minutes` before each of its VEVENTs, cancelled ones left out (section 3.6.6)."""
    alarm = (
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\n"
        f"TRIGGER:-PT{minutes}M\r\nEND:VALARM\r\n{_END}"
    )
    return "".join(
        event if f"\r\n{_CANCELLED}" in event else event.removesuffix(_END) + alarm
        for event in _events(component)
    )


def uid_key(keyring: Keyring, feed_id: int) -> bytes:
    """What makes UIDs that only this feed has."""
    return keyring.lookup(f"the UIDs of feed {feed_id}")


def opaque_uid(uid: str, key: bytes) -> str:
    """A UID that says nothing about `uid` to who does not know the key."""
    return f"{hmac.digest(key, uid.encode(), 'sha256')[:16].hex()}@daysheet"


def _busy(event: str, key: bytes) -> str:
    kept = [_BEGIN]
    status = "BUSY"
    for line in _lines(event):
        name = line.partition(":")[0].partition(";")[0]
        if name == "UID":
            kept.append(text.line("UID", opaque_uid(line, key)))
        elif name in _TIMES:
            kept.append(line)
        if line in (_TRANSPARENT, _CANCELLED):
            status = "FREE"
        elif line == _TENTATIVE and status == "BUSY":
            status = "TENTATIVE"
    return "".join((*kept, "SUMMARY:Busy\r\n", f"X-MICROSOFT-CDO-BUSYSTATUS:{status}\r\n", _END))


def _events(component: str) -> list[str]:
    """The VEVENTs of a component. No line inside one can be `BEGIN:VEVENT`."""
    return [_BEGIN + event for event in component.split(_BEGIN)[1:]]


def _lines(event: str) -> Iterator[str]:
    """The lines at the top level of a VEVENT, still folded."""
    depth, line = 0, ""
    for piece in event.splitlines(keepends=True)[1:]:
        if piece.startswith(" "):
            line += piece
            continue
        if line and not depth:
            yield line
        line = ""
        if piece.startswith("BEGIN:"):
            depth += 1
        elif piece.startswith("END:"):
            depth -= 1
        elif not depth:
            line = piece
    if line:
        yield line
