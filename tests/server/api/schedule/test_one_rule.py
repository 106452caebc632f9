# SPDX-License-Identifier: GPL-3.0-or-later
"""The same period means the same, or is refused, whichever way it comes in: API, and schedule files of each format."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from importer import loading
from scheduling import load
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.load import Format, LoadFailed
from scheduling.schedule import items
from scheduling.schedule.entries import Kind
from tests.server import fixtures
from tests.server.api.calls import Api

database = fixtures.sqlite_alone
NOW = datetime(2026, 12, 1, tzinfo=UTC)
Period = tuple[str, str]


def columns(period: Period) -> tuple[str, str]:
    return ("starts_at", "ends_at") if "T" in period[0] else ("start_date", "end_date")


def by_api(api: Api, period: Period) -> bool:
    names = columns(period)
    made = api.post(
        "/blockers",
        {"user": "anna", "title": "x", "reference": "api", **dict(zip(names, period, strict=True))},
    )
    assert made.status in (201, 422), made
    return made.status == 201


def by_file(database: Database, content: str, kind: Format) -> bool:
    def calendar(body: bytes, user: str) -> load.Reading:
        return loading.read(body, user, time_zone="Europe/Berlin", now=NOW)

    try:
        reading = load.read(content.encode(), kind, user="anna", calendar=calendar)
        with database.write() as connection:
            load.apply(connection, reading.entries, problems=reading.problems, actor=SYSTEM)
    except LoadFailed:
        return False
    return bool(reading.entries)


def as_csv(period: Period) -> str:
    return f"kind,reference,users,title,{','.join(columns(period))}\nblocker,csv,anna,x,{','.join(period)}\n"


def as_json(period: Period) -> str:
    names = columns(period)
    row = {"reference": "json", "user": "anna", "title": "x", **dict(zip(names, period, strict=True))}
    return json.dumps({"blockers": [row]})


def as_ics(period: Period) -> str:
    def value(given: str) -> str:
        basic = given.replace("-", "").replace(":", "")
        if "T" not in given:
            return f";VALUE=DATE:{basic}"
        return f":{basic}" if given.endswith("Z") else f";TZID=Europe/Berlin:{basic}"

    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:x",
        "BEGIN:VEVENT",
        "UID:ics",
        "DTSTAMP:20260101T000000Z",
    )
    when = (f"DTSTART{value(period[0])}", f"DTEND{value(period[1])}")
    return "\r\n".join((*lines, *when, "SUMMARY:x", "END:VEVENT", "END:VCALENDAR", ""))


def stored(database: Database) -> dict[str, tuple[object, ...]]:
    """What each way has written, by the way's name."""
    with database.read() as connection:
        found = items.by_reference(connection, Kind.BLOCKER, ["api", "csv", "json", "ics"])
    names = ("starts_at", "ends_at", "start_date", "end_date")
    return {way: tuple(it.values[name] for name in names) for way, it in found.items()}


def everywhere(api: Api, database: Database, period: Period) -> dict[str, bool]:
    """Which ways take the period; the API takes local times nowhere, so it is not asked for those."""
    taken = by_files(database, period)
    if "T" not in period[0] or period[0].endswith("Z"):
        taken["api"] = by_api(api, period)
    return taken


@pytest.mark.parametrize(
    "period",
    [
        ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"),
        ("2027-03-01T09:00:00Z", "2027-03-01T09:00:00Z"),
        ("2027-03-01", "2027-03-02"),
        ("2028-02-29", "2028-03-01"),
        # Local times of Europe/Berlin: one that is skipped, one that is there twice.
        ("2027-03-28T02:30:00", "2027-03-28T03:30:00"),
        ("2026-10-25T02:30:00", "2026-10-25T04:00:00"),
    ],
)
def test_a_period_means_the_same_everywhere(api: Api, database: Database, period: Period) -> None:
    taken = everywhere(api, database, period)
    assert all(taken.values()), taken
    found = stored(database)
    assert found.keys() == taken.keys()
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize(
    "period",
    [
        ("2027-03-01T10:00:00Z", "2027-03-01T09:59:59Z"),
        ("2027-03-02", "2027-03-01"),
        ("2027-02-29", "2027-03-01"),
        ("2027-02-28T24:30:00Z", "2027-03-01T01:00:00Z"),
        ("2027-13-01T09:00:00Z", "2027-13-01T10:00:00Z"),
        ("0999-03-01", "0999-03-02"),
        ("3000-03-01T09:00:00Z", "3000-03-01T10:00:00Z"),
    ],
)
def test_what_is_no_period_is_refused_everywhere(api: Api, database: Database, period: Period) -> None:
    names = columns(period)
    refused = api.post("/blockers", {"user": "anna", "title": "x", **dict(zip(names, period, strict=True))})
    assert refused.status in (400, 422)
    assert by_files(database, period) == {"csv": False, "json": False, "ics": False}
    assert stored(database) == {}


def by_files(database: Database, period: Period) -> dict[str, bool]:
    return {
        "csv": by_file(database, as_csv(period), Format.CSV),
        "json": by_file(database, as_json(period), Format.JSON),
        "ics": by_file(database, as_ics(period), Format.ICS),
    }
