# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer says, in a form in which servers that write differently can be compared."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
_UID = re.compile(r"^UID:(.+?)\r?$", re.MULTILINE)
_STARTS = re.compile(r"^DTSTART(?:;[^:\r\n]*)?:(\S+)", re.MULTILINE)
_EVENTS = re.compile(r"^BEGIN:VEVENT.*?^END:VEVENT", re.MULTILINE | re.DOTALL)
_BUSY = re.compile(r"^FREEBUSY[^:\r\n]*:(\S+)", re.MULTILINE)

Facts = frozenset[str]
Reader = Callable[[bytes], Facts]


def token(answer: bytes) -> str:
    """The sync token in the answer to a sync-collection."""
    return ET.fromstring(answer).findtext(f"{D}sync-token") or ""  # noqa: S314


def has_ctag(answer: bytes) -> Facts:
    """Whether there is a CTag."""
    return frozenset({"a CTag"} if ET.fromstring(answer).findtext(f".//{CS}getctag") else ())  # noqa: S314


def calendars(answer: bytes) -> Facts:
    """The calendars that a CTag is given for, by name."""
    return frozenset(
        (response.findtext(f"{D}href") or "").rstrip("/").rpartition("/")[2]
        for response in ET.fromstring(answer).findall(f"{D}response")  # noqa: S314
        if response.find(f".//{D}resourcetype/{C}calendar") is not None
        and response.findtext(f".//{CS}getctag")
    )


def names(answer: bytes) -> Facts:
    """The objects that an entity tag is given for, by name; the calendar itself has none."""
    responses = ET.fromstring(answer).findall(f"{D}response")  # noqa: S314
    hrefs = (
        response.findtext(f"{D}href") or "" for response in responses if response.findtext(f".//{D}getetag")
    )
    return frozenset(href.rpartition("/")[2] for href in hrefs if not href.endswith("/"))


def names_and_token(answer: bytes) -> Facts:
    """As `names`, and whether there is a sync token."""
    return names(answer) | ({"a token"} if token(answer) else frozenset())


def uids(answer: bytes) -> Facts:
    """The UIDs of the events."""
    return frozenset(_UID.findall(_text(answer)))


def instances(answer: bytes) -> Facts:
    """UID and start of every instance."""
    events = _EVENTS.findall(_text(answer))
    return frozenset(f"{_UID.findall(event)[0]} {_STARTS.findall(event)[0]}" for event in events)


def busy(answer: bytes) -> Facts:
    """The busy time, merged: servers may cut it differently (RFC 4791, section 7.10)."""
    merged: list[tuple[str, str]] = []
    for start, end in sorted(
        _period(text) for value in _BUSY.findall(_text(answer)) for text in value.split(",")
    ):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return frozenset(f"{start}/{end}" for start, end in merged)


def nothing(answer: bytes) -> Facts:
    """That there is no body (RFC 9110, section 15.4.5)."""
    return frozenset({"nothing" if not answer else "a body"})


def _text(answer: bytes) -> str:
    """The iCalendar text in the answer, unfolded."""
    text = answer.decode()
    if text.startswith("<"):
        text = "\n".join(data.text or "" for data in ET.fromstring(answer).iter(f"{C}calendar-data"))  # noqa: S314
    return text.replace("\r\n", "\n").replace("\n ", "")


def _period(text: str) -> tuple[str, str]:
    start, _, end = text.partition("/")
    return start, end
