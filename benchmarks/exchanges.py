# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that are measured, as clients send them, and what an answer says, in a comparable form
(RFC 4791, RFC 6578, and the CTag of calendarserver.org).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.schedule import Ranges

_D, _C, _CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
_NAMESPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'
_UID = re.compile(r"^UID:(.+?)\r?$", re.MULTILINE)
_STARTS = re.compile(r"^DTSTART(?:;[^:\r\n]*)?:(\S+)", re.MULTILINE)
_EVENTS = re.compile(r"^BEGIN:VEVENT.*?^END:VEVENT", re.MULTILINE | re.DOTALL)
_BUSY = re.compile(r"^FREEBUSY[^:\r\n]*:(\S+)", re.MULTILINE)

Facts = frozenset[str]
Reader = Callable[[bytes], Facts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request; `read` gives the facts of its answer. `status` is what a right answer has."""

    name: str
    method: str
    depth: str
    body: str
    status: int
    read: Reader

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers but Authorization."""
        return {"Depth": self.depth, "Content-Type": "application/xml; charset=utf-8"} if self.body else {}


def initial_sync() -> Exchange:
    """A client's first sync-collection; its answer holds the token for `exchanges`."""
    return _report("initial sync", _sync(""), _names)


def token(answer: bytes) -> str:
    """The sync token in the answer to a sync-collection."""
    return ET.fromstring(answer).findtext(f"{_D}sync-token") or ""  # noqa: S314


def exchanges(collection: str, names: Sequence[str], sync_token: str, ranges: Ranges) -> list[Exchange]:
    """Every request to the calendar at `collection`, whose objects are called `names`."""
    listing = f"<propfind {_NAMESPACES}><prop><getetag/></prop></propfind>"
    ctag = f"<propfind {_NAMESPACES}><prop><CS:getctag/></prop></propfind>"
    state = f"<propfind {_NAMESPACES}><prop><CS:getctag/><sync-token/></prop></propfind>"
    expand = (
        f'<C:calendar-data><C:expand start="{ranges.month[0]}" end="{ranges.month[1]}"/></C:calendar-data>'
    )
    hrefs = "".join(f"<href>{collection}{name}</href>" for name in names[:: max(1, len(names) // 50)][:50])
    wanted = f"<prop><getetag/><C:calendar-data/></prop>{hrefs}"
    multiget = f"<C:calendar-multiget {_NAMESPACES}>{wanted}</C:calendar-multiget>"
    free_busy = f"<C:free-busy-query {_NAMESPACES}>{_range(ranges.month)}</C:free-busy-query>"
    return [
        Exchange(name="CTag poll", method="PROPFIND", depth="0", body=ctag, status=207, read=_has_ctag),
        Exchange(
            name="CTag and token poll", method="PROPFIND", depth="0", body=state, status=207, read=_has_ctag
        ),
        Exchange(name="etag listing", method="PROPFIND", depth="1", body=listing, status=207, read=_names),
        initial_sync(),
        _report("unchanged sync", _sync(sync_token), _names_and_token),
        _report("week query", _query("<C:calendar-data/>", ranges.week), _uids),
        _report("month query with expand", _query(expand, ranges.month), _instances),
        _report("multiget of 50", multiget, _uids),
        Exchange(name="whole .ics", method="GET", depth="0", body="", status=200, read=_uids),
        _report("free-busy of a month", free_busy, _busy, status=200),
    ]


def _report(name: str, body: str, read: Reader, status: int = 207) -> Exchange:
    return Exchange(name=name, method="REPORT", depth="1", body=body, status=status, read=read)


def _sync(sync_token: str) -> str:
    return (
        f"<sync-collection {_NAMESPACES}><sync-token>{sync_token}</sync-token><sync-level>1</sync-level>"
        "<prop><getetag/></prop></sync-collection>"
    )


def _query(data: str, span: tuple[str, str]) -> str:
    events = f'<C:comp-filter name="VEVENT">{_range(span)}</C:comp-filter>'
    calendars = f'<C:filter><C:comp-filter name="VCALENDAR">{events}</C:comp-filter></C:filter>'
    return f"<C:calendar-query {_NAMESPACES}><prop><getetag/>{data}</prop>{calendars}</C:calendar-query>"


def _range(span: tuple[str, str]) -> str:
    return f'<C:time-range start="{span[0]}" end="{span[1]}"/>'


def _has_ctag(answer: bytes) -> Facts:
    return frozenset({"a CTag"} if ET.fromstring(answer).findtext(f".//{_CS}getctag") else ())  # noqa: S314


def _names(answer: bytes) -> Facts:
    """The objects that an entity tag is given for, by name; the calendar itself has none."""
    responses = ET.fromstring(answer).findall(f"{_D}response")  # noqa: S314
    hrefs = (
        response.findtext(f"{_D}href") or "" for response in responses if response.findtext(f".//{_D}getetag")
    )
    return frozenset(href.rpartition("/")[2] for href in hrefs if not href.endswith("/"))


def _names_and_token(answer: bytes) -> Facts:
    return _names(answer) | ({"a token"} if token(answer) else frozenset())


def _text(answer: bytes) -> str:
    """The iCalendar text in the answer, unfolded."""
    text = answer.decode()
    if text.startswith("<"):
        text = "\n".join(data.text or "" for data in ET.fromstring(answer).iter(f"{_C}calendar-data"))  # noqa: S314
    return text.replace("\r\n", "\n").replace("\n ", "")


def _uids(answer: bytes) -> Facts:
    return frozenset(_UID.findall(_text(answer)))


def _instances(answer: bytes) -> Facts:
    """UID and start of every instance."""
    events = _EVENTS.findall(_text(answer))
    return frozenset(f"{_UID.findall(event)[0]} {_STARTS.findall(event)[0]}" for event in events)


def _busy(answer: bytes) -> Facts:
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


def _period(text: str) -> tuple[str, str]:
    start, _, end = text.partition("/")
    return start, end
