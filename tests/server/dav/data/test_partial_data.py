# SPDX-License-Identifier: GPL-3.0-or-later
"""calendar-data in part: certain components and properties, and only overrides that matter (RFC 4791, section 9.6)."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from scheduling.calendars.expansion import limited
from scheduling.calendars.objects import StoredObject
from scheduling.ical import series_json
from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Override, Series
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client

database = fixtures.sqlite_alone
_NS = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
_PATH = "/dav/anna/blockers/"


def _data(client: Client, wanted: str) -> list[str]:
    body = (
        f"<C:calendar-query {_NS}><prop><C:calendar-data>{wanted}</C:calendar-data></prop><C:filter>"
        '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>'
    )
    return client.report(_PATH, body).only.text(f"{C}calendar-data").splitlines()


@pytest.fixture
def blocker(dispatch: Dispatch, people: dict[str, int]) -> int:
    return dispatch.blocker(
        people["anna"], title="Team " + "meeting " * 12, rrule="FREQ=WEEKLY", starts_at="2027-03-01 08:00:00+00:00",
        ends_at="2027-03-01 09:00:00+00:00", notes="Bring cake")  # fmt: skip


def test_only_named_properties_come_back(anna: Client, blocker: int) -> None:
    wanted = (
        '<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="UID"/>'
        '<C:prop name="SUMMARY"/></C:comp></C:comp>'
    )
    lines = _data(anna, wanted)
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == [
        *("BEGIN", "VERSION", "BEGIN", "UID", "SUMMARY", "END", "END")]  # fmt: skip
    assert "".join(line.lstrip(" ") for line in lines).count("meeting") >= 11


def test_all_properties_and_components_on_request(anna: Client, blocker: int) -> None:
    full = _data(anna, "")
    assert _data(anna, '<C:comp name="VCALENDAR"><C:allprop/><C:allcomp/></C:comp>') == full
    assert _data(anna, '<C:comp name="VCALENDAR"/>') == full
    without_zones = _data(
        anna, '<C:comp name="VCALENDAR"><C:allprop/><C:comp name="VEVENT"><C:allprop/></C:comp></C:comp>'
    )
    assert "BEGIN:VTIMEZONE" in full
    assert "BEGIN:VTIMEZONE" not in without_zones
    assert without_zones[-2:] == ["END:VEVENT", "END:VCALENDAR"]


def test_overrides_are_limited_to_those_that_matter() -> None:
    def event(summary: str, day: int, replaced: int | None = None) -> str:
        lines = [f"DTSTART;TZID=Europe/Berlin:202703{day:02}T090000", f"SUMMARY:{summary}"]
        if replaced is not None:
            lines.insert(0, f"RECURRENCE-ID;TZID=Europe/Berlin:202703{replaced:02}T090000")
        return "".join(f"{line}\r\n" for line in ("BEGIN:VEVENT", "UID:x", *lines, "END:VEVENT"))

    def at(day: int) -> datetime:
        return datetime(2027, 3, day, 9)  # noqa: DTZ001

    series = Series(
        start=at(1), end=at(1).replace(hour=10), tzid="Europe/Berlin", rule=parse_rule("FREQ=WEEKLY"),
        rdates=(), exdates=(),
        overrides={at(8): Override(start=at(9), end=at(9).replace(hour=10), busy="BUSY"),
                   at(15): Override(start=at(29), end=at(29).replace(hour=10), busy="BUSY")}, busy="BUSY")  # fmt: skip
    component = event("master", 1) + event("moved a day", 9, 8) + event("moved far", 29, 15)
    stored = StoredObject(name="x", uid="x", etag="", component=component, timezones="Europe/Berlin@2027", starts_at=0,
                          ends_at=1, changed_at=0, series=series_json.dumps(series))  # fmt: skip
    assert json.loads(stored.series)["rule"] == "FREQ=WEEKLY"

    def summaries(start: str, end: str) -> list[str]:
        span = (
            int(datetime.fromisoformat(it).timestamp())
            for it in (f"{start}T00:00:00+00:00", f"{end}T00:00:00+00:00")
        )
        return [line[8:] for line in limited(stored, *span).splitlines() if line.startswith("SUMMARY:")]

    assert summaries("2027-03-01", "2027-03-05") == ["master"]
    assert summaries("2027-03-09", "2027-03-10") == ["master", "moved a day"]
    assert summaries("2027-03-08", "2027-03-09") == ["master", "moved a day"]
    assert summaries("2027-03-15", "2027-03-16") == ["master", "moved far"]
    assert summaries("2027-03-29", "2027-03-30") == ["master", "moved far"]


def test_a_multiget_may_be_limited_too(anna: Client, blocker: int) -> None:
    [name] = [it for it in anna.propfind(_PATH, "{DAV:}getetag", depth="1").names if it]
    body = (
        f'<C:calendar-multiget {_NS}><prop><C:calendar-data><C:limit-recurrence-set start="20270301T000000Z"'
        f' end="20270401T000000Z"/></C:calendar-data></prop><href>{_PATH}{name}</href></C:calendar-multiget>'
    )
    assert "RRULE:FREQ=WEEKLY" in anna.report(_PATH, body).only.text(f"{C}calendar-data")
