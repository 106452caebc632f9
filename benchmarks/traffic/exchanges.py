# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that are measured, as clients send them, and what is read of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.schedules.schedule import Ranges
from benchmarks.traffic import bodies, facts
from benchmarks.traffic.bodies import NAMESPACES, XML

_TOGETHER = 50
"""Objects that a client asks for together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request; `read` gives the facts of its answer.

    `status` is that of a right answer. `instead` is another accepted status, for an answer that does the same at a
    higher cost, and a note about it. `validates` names the exchange whose entity tag the request gives. `polled` ones
    are sent by many clients at once.
    """

    name: str
    method: str
    path: str
    read: facts.Reader
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    status: int = 207
    instead: tuple[int, str] | None = None
    validates: str | None = None
    polled: bool = False

    def validating(self, etag: str) -> Exchange:
        """The request with the entity tag it is about (RFC 9110, section 13.1.2)."""
        return replace(self, headers={**self.headers, "If-None-Match": etag})


def initial_sync(collection: str) -> Exchange:
    """A client's first sync-collection; its answer has the names and the token for `exchanges`."""
    return _report("initial sync", collection, bodies.sync(""), facts.names)


def exchanges(home: str, collection: str, names: Sequence[str], token: str, ranges: Ranges) -> list[Exchange]:
    """Every request to the calendar at `collection`, whose objects are called `names`. The most expensive come last."""
    middle = f"{collection}{names[len(names) // 2]}" if names else collection
    return [
        _poll("CTag poll", collection, bodies.CTAG),
        _poll("CTag and token poll", collection, f"{bodies.CTAG}<sync-token/>"),
        _propfind("home listing", home, "1", bodies.HOME, facts.calendars, polled=True),
        _report("unchanged sync", collection, bodies.sync(token), facts.names_and_token, polled=True),
        _get("GET of an object", middle, polled=True),
        _report(
            "multiget of 50", collection, bodies.multiget(collection, _spread(names)), facts.uids, polled=True
        ),
        _report("week query", collection, _query("<C:calendar-data/>", ranges.week), facts.uids),
        _propfind("etag listing", collection, "1", "<getetag/>", facts.names),
        initial_sync(collection),
        _get("whole .ics", collection),
        Exchange(
            name="304 of the whole .ics",
            method="GET",
            path=collection,
            headers={"Accept": "text/calendar"},
            status=304,
            instead=(200, "sends the calendar again"),
            read=facts.nothing,
            validates="whole .ics",
            polled=True,
        ),
        _report("free-busy of a month", collection, _free_busy(ranges), facts.busy, status=200),
        _report(
            "month query with expand", collection, _query(_expand(ranges), ranges.month), facts.instances
        ),
    ]


def _poll(name: str, path: str, properties: str) -> Exchange:
    return _propfind(name, path, "0", properties, facts.has_ctag, polled=True)


def _propfind(
    name: str, path: str, depth: str, properties: str, read: facts.Reader, *, polled: bool = False
) -> Exchange:
    return Exchange(
        name=name,
        method="PROPFIND",
        path=path,
        headers={"Depth": depth, **XML},
        body=bodies.propfind(properties),
        read=read,
        polled=polled,
    )


def _report(
    name: str, path: str, body: str, read: facts.Reader, *, status: int = 207, polled: bool = False
) -> Exchange:
    headers = {"Depth": "1", **XML}
    return Exchange(
        name=name,
        method="REPORT",
        path=path,
        headers=headers,
        body=body,
        read=read,
        status=status,
        polled=polled,
    )


def _get(name: str, path: str, *, polled: bool = False) -> Exchange:
    headers = {"Accept": "text/calendar"}
    return Exchange(
        name=name, method="GET", path=path, headers=headers, status=200, read=facts.uids, polled=polled
    )


def _spread(names: Sequence[str]) -> Sequence[str]:
    return names[:: max(1, len(names) // _TOGETHER)][:_TOGETHER]


def _query(data: str, span: tuple[str, str]) -> str:
    events = f'<C:comp-filter name="VEVENT">{_range(span)}</C:comp-filter>'
    calendars = f'<C:filter><C:comp-filter name="VCALENDAR">{events}</C:comp-filter></C:filter>'
    return f"<C:calendar-query {NAMESPACES}><prop><getetag/>{data}</prop>{calendars}</C:calendar-query>"


def _expand(ranges: Ranges) -> str:
    start, end = ranges.month
    return f'<C:calendar-data><C:expand start="{start}" end="{end}"/></C:calendar-data>'


def _free_busy(ranges: Ranges) -> str:
    return f"<C:free-busy-query {NAMESPACES}>{_range(ranges.month)}</C:free-busy-query>"


def _range(span: tuple[str, str]) -> str:
    return f'<C:time-range start="{span[0]}" end="{span[1]}"/>'
