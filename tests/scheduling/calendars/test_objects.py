# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading stored objects: time ranges against an oracle that knows only the schedule, look-ups, whole
calendars, and how many statements they take.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from scheduling.calendars import objects, sync
from scheduling.calendars.calendars import CalendarState, find_calendar
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import view
from scheduling.settings.view import today
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")
Count = Callable[[Database], AbstractContextManager[list[str]]]


def caught_up(database: Database, config: Config, user: int, username: str, slug: str) -> CalendarState:
    with database.write() as connection:
        ensure_calendars(connection, user, NOW)
        shown = view(connection, config)
        catch_up(connection, user, slug, shown, NOW, followers=FOLLOWERS)
        found = find_calendar(connection, username, slug, shown, today(NOW))
    assert found is not None
    assert found[1] is not None
    return found[1]


def overlapping(database: Database, state: CalendarState, start: int, end: int) -> list[objects.StoredObject]:
    with database.read() as connection:
        return list(objects.overlapping(connection, state.id, state.cutoff, start, end, state.expanded))


def summaries(found: list[objects.StoredObject]) -> list[str]:
    return sorted(str(vobject.readOne(it.calendar).vevent.summary.value) for it in found)


@st.composite
def blockers(draw: st.DrawFn) -> dict[str, Any]:
    """Columns of a blocker around 2026-03-10: short, long, all-day, empty, or recurring."""
    offset = draw(st.integers(-40, 60))
    day = date(2026, 3, 10) + timedelta(days=offset)
    rule = draw(st.sampled_from([None, None, "FREQ=DAILY;COUNT=5", "FREQ=WEEKLY", "FREQ=MONTHLY;INTERVAL=2"]))
    if draw(st.booleans()):
        end = day + timedelta(days=draw(st.sampled_from([1, 2, 30])))
        return {"start_date": day.isoformat(), "end_date": end.isoformat(), "rrule": rule}
    start = datetime(day.year, day.month, day.day, draw(st.integers(0, 23)), 30, tzinfo=UTC)
    end_at = start + draw(
        st.sampled_from([timedelta(0), timedelta(hours=2), timedelta(days=3), timedelta(days=20)])
    )
    return {"starts_at": start.isoformat(" "), "ends_at": end_at.isoformat(" "), "rrule": rule}


def instances(columns: dict[str, Any], zone: ZoneInfo, until: int) -> list[tuple[int, int]]:
    """When a blocker takes place, without any of our code: on the wall clock of the user, by dateutil."""
    all_day = columns.get("start_date") is not None
    if all_day:
        start = datetime.fromisoformat(columns["start_date"])
        end = datetime.fromisoformat(columns["end_date"])
    else:
        start = datetime.fromisoformat(columns["starts_at"]).astimezone(zone).replace(tzinfo=None)
        end = datetime.fromisoformat(columns["ends_at"]).astimezone(zone).replace(tzinfo=None)
    starts = [start]
    if columns["rrule"]:
        last = datetime.fromtimestamp(until, zone).replace(tzinfo=None) + timedelta(days=2)
        starts = list(rrulestr(columns["rrule"], dtstart=start).between(start, last, inc=True))
    found = []
    for moment in starts:
        begin = moment.replace(tzinfo=zone).timestamp()
        if all_day:
            finish = (moment + (end - start)).replace(tzinfo=zone).timestamp()
        else:
            length = datetime.fromisoformat(columns["ends_at"]) - datetime.fromisoformat(columns["starts_at"])
            finish = begin + length.total_seconds()
        found.append((int(begin), max(int(finish), int(begin) + 1)))
    return found


@settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(
    rows=st.lists(blockers(), min_size=1, max_size=8),
    zone=st.sampled_from(ZONES),
    windows=st.lists(
        st.tuples(st.integers(-30 * 24, 50 * 24), st.sampled_from([1, 24, 24 * 7, 24 * 60])),
        min_size=1,
        max_size=6,
    ),
    beyond=st.booleans(),
)
def test_time_range_finds_exactly_what_overlaps(
    sqlite_database: Database,
    config: Config,
    rows: list[dict[str, Any]],
    zone: str,
    windows: list[tuple[int, int]],
    beyond: bool,
) -> None:
    with Dispatch.connect(sqlite_database.url) as dispatch:
        dispatch.execute("DELETE FROM calendars")
        dispatch.execute("DELETE FROM users")
        user = dispatch.user("ann", time_zone=zone)
        for number, columns in enumerate(rows):
            dispatch.blocker(user, title=str(number), **columns)
    state = caught_up(sqlite_database, config, user, "ann", "blockers")
    for offset, hours in windows:
        start = NOW + offset * 3600 + (1000 * DAY if beyond else 0)
        end = start + hours * 3600
        expected = sorted(
            str(number)
            for number, columns in enumerate(rows)
            for spans in [instances(columns, ZoneInfo(zone), max(end, NOW + 365 * DAY))]
            if leaves_on(columns, spans, zone) > state.cutoff
            and any(begin < end and finish > start for begin, finish in spans)
        )
        assert summaries(overlapping(sqlite_database, state, start, end)) == expected


def leaves_on(columns: dict[str, Any], spans: list[tuple[int, int]], zone: str) -> date:
    if columns["rrule"] and "COUNT" not in columns["rrule"]:
        return date.max
    last = max(finish for _, finish in spans)
    if columns.get("start_date") is not None:
        return datetime.fromtimestamp(last, ZoneInfo(zone)).date()
    return datetime.fromtimestamp(last - 1, UTC).date() + timedelta(days=1)


def test_time_ranges_on_both_databases(database: Database, config: Config, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann", time_zone="America/New_York")
    dispatch.blocker(ann, title="short")
    dispatch.blocker(
        ann, title="long", starts_at="2026-03-01 00:00:00+00:00", ends_at="2026-03-20 00:00:00+00:00"
    )
    dispatch.blocker(ann, title="day", start_date="2026-03-10", end_date="2026-03-11")
    dispatch.blocker(ann, title="weekly", rrule="FREQ=WEEKLY")
    dispatch.blocker(ann, title="twice", rrule="FREQ=DAILY;COUNT=2")
    dispatch.blocker(
        ann, title="empty", starts_at="2026-03-10 09:00:00+00:00", ends_at="2026-03-10 09:00:00+00:00"
    )
    state = caught_up(database, config, ann, "ann", "blockers")

    def found(start: str, end: str) -> list[str]:
        moments = [int(datetime.fromisoformat(moment + "+00:00").timestamp()) for moment in (start, end)]
        return summaries(overlapping(database, state, *moments))

    assert found("2026-03-10T09:00", "2026-03-10T10:00") == [
        "day",
        "empty",
        "long",
        "short",
        "twice",
        "weekly",
    ]
    assert found("2026-03-10T11:00", "2026-03-10T12:00") == ["day", "long"]
    assert found("2026-03-11T03:59", "2026-03-11T04:00") == ["day", "long"]
    assert found("2026-03-11T04:00", "2026-03-11T04:01") == ["long"]
    assert found("2026-03-24T08:59", "2026-03-24T09:00") == []
    assert found("2026-03-24T09:00", "2026-03-24T09:01") == ["weekly"]
    assert found("2060-03-24T00:00", "2060-03-31T00:00") == ["weekly"]
    assert found("2060-03-24T00:00", "2060-03-24T00:01") == []
    assert found("1990-01-01T00:00", "2070-01-01T00:00") == [
        "day",
        "empty",
        "long",
        "short",
        "twice",
        "weekly",
    ]


def test_instances_of_a_fortnight_are_found_on_every_day(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann = dispatch.user("ann")
    for rrule, title in (("FREQ=MONTHLY", "monthly"), ("FREQ=YEARLY", "yearly")):
        begins, ends = "2026-03-02 09:00:00+00:00", "2026-03-16 09:00:00+00:00"
        dispatch.blocker(ann, title=title, starts_at=begins, ends_at=ends, rrule=rrule)
    state = caught_up(database, config, ann, "ann", "blockers")

    def found(start: str) -> list[str]:
        moment = int(datetime.fromisoformat(start + "+00:00").timestamp())
        return summaries(overlapping(database, state, moment, moment + 60))

    assert found("2026-03-15T09:00") == found("2026-03-05T09:00") == ["monthly", "yearly"]
    assert found("2026-04-15T09:00") == found("2026-04-05T09:00") == ["monthly"]
    assert found("2026-04-16T09:00") == found("2026-04-02T08:58") == []


def test_names_members_and_uids_agree(database: Database, config: Config, dispatch: Dispatch) -> None:
    ann = dispatch.user("ann")
    for _ in range(3):
        dispatch.blocker(ann)
    dispatch.blocker(ann, start_date="2020-01-01", end_date="2020-01-02")
    state = caught_up(database, config, ann, "ann", "blockers")
    key = (state.id, state.cutoff)
    with database.read() as connection:
        members = list(objects.all_objects(connection, *key))
        names = list(objects.names(connection, *key))
        assert len(members) == 3
        assert names == [it.name for it in members] == sorted(names)
        assert all(objects.has_uid(connection, *key, it.uid) for it in members)
        assert not objects.has_uid(connection, *key, "nobody")
        gone = connection.scalar(text("SELECT name FROM calendar_objects ORDER BY leaves_on LIMIT 1"))
        wanted = [names[2], "absent.ics", names[0], gone, names[2]]
        found = dict(objects.multi(connection, *key, wanted))
        assert list(found) == [names[2], "absent.ics", names[0], gone]
        assert [None if it is None else it.name for it in found.values()] == [names[2], None, names[0], None]
        assert list(objects.multi(connection, *key, [])) == []


@pytest.fixture
def large(database: Database, config: Config, dispatch: Dispatch) -> CalendarState:
    """10,000 objects, one every three hours from the cutoff on, written as rows without rendering."""
    ann = dispatch.user("ann")
    dispatch.blocker(ann, starts_at="2026-03-10 09:00:00+00:00", ends_at="2026-03-10 10:00:00+00:00")
    state = caught_up(database, config, ann, "ann", "blockers")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
    with database.write() as connection:
        connection.execute(
            text(
                f"{numbers} INSERT INTO calendar_objects (calendar_id, name, uid, source_id, revision,"  # noqa: S608
                " sequence,"
                " deleted, fingerprint, etag, component, timezones, series, span, starts_at, ends_at, "
                "leaves_on,"
                " status, transparency, busy, changed_at) SELECT o.calendar_id, 'n' || i, 'u' || i, 1000 +"
                " i, o.revision,"
                " 0, o.deleted, '', o.etag, o.component, '', '', 0, :start + i * 10800, :start + i * 10800"
                " + 3600,"
                " o.leaves_on + 2000, o.status, o.transparency, o.busy, o.changed_at FROM n CROSS JOIN "
                "calendar_objects o"
            ),
            {"start": NOW},
        )
    return state


def test_polling_ten_thousand_objects_takes_two_statements(
    database: Database, config: Config, large: CalendarState, statements: Count
) -> None:
    with statements(database) as seen, database.read() as connection:
        found = find_calendar(connection, "ann", "blockers", view(connection, config), today(NOW))
        assert found is not None
        assert found[1] is not None
        assert list(sync.changes(connection, found[1], str(sync.token_of(large)))) == []
    assert len(seen) == 2


def test_week_of_ten_thousand_objects_reads_that_week_in_one_statement(
    database: Database, large: CalendarState, statements: Count
) -> None:
    with statements(database) as seen:
        found = overlapping(database, large, NOW + 100 * DAY, NOW + 107 * DAY)
    assert len(seen) == 1
    assert len(found) == 7 * 8
    assert all(NOW + 100 * DAY <= it.starts_at < NOW + 107 * DAY for it in found)


def test_listing_ten_thousand_names_takes_one_statement(
    database: Database, large: CalendarState, statements: Count
) -> None:
    with statements(database) as seen, database.read() as connection:
        assert len(list(objects.names(connection, large.id, large.cutoff))) == 10_000
    assert len(seen) == 1


def test_week_is_looked_up_by_the_index_of_extents(sqlite_database: Database) -> None:
    statement = str(objects._SHORT.compile(sqlite_database.engine, compile_kwargs={"literal_binds": False}))
    plan = explained(sqlite_database, statement)
    assert "calendar_objects_extent_index (calendar_id=? AND span=? AND starts_at>? AND starts_at<?)" in plan


def test_instances_are_looked_up_by_their_start_and_objects_by_their_name(sqlite_database: Database) -> None:
    plan = explained(sqlite_database, str(objects._REPEATED.compile(sqlite_database.engine)))
    assert "sqlite_autoindex_calendar_objects_1 (calendar_id=? AND name=?)" in plan
    assert "occurrences_calendar_id_starts_at_index (calendar_id=? AND starts_at>? AND starts_at<?)" in plan
    assert "occurrences_long_index" in plan


def explained(database: Database, statement: str) -> str:
    with database.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?"))
        return "\n".join(str(row[3]) for row in rows)
