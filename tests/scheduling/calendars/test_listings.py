# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings and whole calendars that the database writes: complete, in bounded pieces, stable bytes."""

from __future__ import annotations

import icalendar
import pytest
from sqlalchemy import text

from scheduling.calendars import listings, objects
from scheduling.calendars.calendars import CalendarState, find_calendar
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Connection, Database
from scheduling.settings.stored import view
from scheduling.settings.view import today
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
SHOWN = {"name": "Ann, blocked; a\\b", "color": "#7F7F7FFF", "tzid": "Europe/Berlin"}


@pytest.fixture
def state(database: Database, config: Config, dispatch: Dispatch) -> CalendarState:
    """Two recurring objects in one zone, eight others, one that has left the window, and one that was deleted."""
    ann = dispatch.user("ann", time_zone="Europe/Berlin")
    dispatch.blocker(ann, rrule="FREQ=WEEKLY", title="one")
    dispatch.blocker(ann, rrule="FREQ=DAILY", title="two")
    for number in range(8):
        dispatch.blocker(ann, title=f"Grüße {number}")
    dispatch.blocker(ann, start_date="2020-01-01", end_date="2020-01-02")
    gone = dispatch.blocker(ann, title="gone")
    found = _caught_up(database, config, ann)
    dispatch.execute("DELETE FROM blockers WHERE id = :gone", gone=gone)
    assert found is not None
    return _caught_up(database, config, ann)


def _caught_up(database: Database, config: Config, user: int) -> CalendarState:
    with database.write() as connection:
        ensure_calendars(connection, user, NOW)
        shown = view(connection, config)
        catch_up(connection, user, "blockers", shown, NOW, followers=FOLLOWERS)
        found = find_calendar(connection, "ann", "blockers", shown, today(NOW))
    assert found is not None
    assert found[1] is not None
    return found[1]


def _whole(connection: Connection, state: CalendarState) -> list[bytes]:
    return list(listings.whole_calendar(connection, state.id, state.cutoff, **SHOWN))


def test_whole_calendar_is_one_valid_stream_with_each_zone_once(
    database: Database, state: CalendarState
) -> None:
    with database.read() as connection:
        whole, again = (b"".join(_whole(connection, state)) for _ in range(2))
        octets, _ = listings.lengths(connection, state.id, state.cutoff, **SHOWN)
    assert whole == again
    assert octets == len(whole)
    parsed = icalendar.Calendar.from_ical(whole)
    assert [str(it["SUMMARY"]) for it in parsed.walk("VEVENT")].count("one") == 1
    assert len(parsed.walk("VEVENT")) == 10
    assert len(parsed.walk("VTIMEZONE")) == 1
    whole_text = whole.decode()
    assert "X-WR-CALNAME:Ann\\, blocked\\; a\\\\b\r\n" in whole_text
    assert "X-APPLE-CALENDAR-COLOR:#7F7F7F\r\n" in whole_text


@pytest.mark.parametrize("in_one", [1, 2, 3, 9, 10, 4000])
def test_pieces_of_any_size_are_the_same_text(
    database: Database, state: CalendarState, monkeypatch: pytest.MonkeyPatch, in_one: int
) -> None:
    with database.read() as connection:
        expected = b"".join(_whole(connection, state))
        members = list(objects.all_objects(connection, state.id, state.cutoff))
        monkeypatch.setattr(
            listings,
            "_BY_PLACE",
            listings.Prepared(
                text(
                    "SELECT leaves_on, name FROM calendar_objects WHERE calendar_id = :c AND (leaves_on, name) >"  # noqa: S608
                    f" (:day, :name) ORDER BY leaves_on, name LIMIT 1 OFFSET {in_one}"
                )
            ),
        )
        monkeypatch.setattr(
            listings,
            "_BY_SOURCE",
            listings.Prepared(
                text(
                    "SELECT source_id FROM calendar_objects WHERE calendar_id = :c AND source_id > :after"  # noqa: S608
                    f" ORDER BY source_id LIMIT 1 OFFSET {in_one}"
                )
            ),
        )
        pieces = _whole(connection, state)
        key = (connection, state.id, state.cutoff)
        etags = list(listings.listing(*key, "<", " ", ">"))
        names = list(listings.listing(*key, "", ",", None))
    assert b"".join(pieces) == expected
    assert all(it.count(b"BEGIN:VEVENT") <= in_one + 1 for it in pieces)
    assert set(b"".join(etags).decode().strip("<>").split("><")) == {f"{it.name} {it.etag}" for it in members}
    assert sorted(b"".join(names).decode().split(",")[:-1]) == [it.name for it in members]
    assert len(members) == 10


def test_a_calendar_without_objects_has_nothing_to_list(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    empty = _caught_up(database, config, dispatch.user("ann"))
    with database.read() as connection:
        assert list(listings.listing(connection, empty.id, empty.cutoff, "<", " ", ">")) == []
        assert icalendar.Calendar.from_ical(b"".join(_whole(connection, empty))).walk("VEVENT") == []


def test_kept_connections_see_every_commit_and_are_replaced_when_closed(database: Database) -> None:
    sql = "SELECT count(*) FROM users"
    assert database.rows(sql, ()) == [(0,)]
    with database.write() as connection:
        connection.execute(text("INSERT INTO users (username, time_zone) VALUES ('ann', 'UTC')"))
    assert database.rows(sql, ()) == [(1,)]
    database.dispose()
    assert database.rows(sql, ()) == [(1,)]


def test_kept_connection_that_the_server_ended_is_replaced(postgresql_database: Database) -> None:
    ((before,),) = postgresql_database.rows("SELECT pg_backend_pid()", ())
    with postgresql_database.read() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    ((after,),) = postgresql_database.rows("SELECT pg_backend_pid()", ())
    assert after != before
