# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance: calendars are caught up ahead of readers, old removals forgotten, and nothing else is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from scheduling.calendars.catch_up import catch_up, create_calendar, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings.stored import view
from scheduling.upkeep import maintenance
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400
NOTHING = maintenance.Report(
    calendars_caught_up=0,
    objects_changed=0,
    rows_pruned=0,
    orphans_dropped=0,
    login_failures_forgotten=0,
    webhook_deliveries_forgotten=0,
)


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def open_calendars(database: Database, config: Config, user: int, now: int = NOW) -> None:
    with database.write() as connection:
        ensure_calendars(connection, user, now)
        for slug in ("jobs", "blockers", "time-off"):
            catch_up(connection, user, slug, view(connection, config), now, followers=FOLLOWERS)


def test_run_brings_every_calendar_up_to_date_and_then_has_nothing_to_do(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    users = [dispatch.user() for _ in range(40)]
    for user in users:
        open_calendars(database, config, user)
        dispatch.job(user)
        dispatch.blocker(user, rrule="FREQ=WEEKLY")
        dispatch.blocker(user, rrule="broken")
    report = maintenance.run(database, config, at(NOW + 60), followers=FOLLOWERS)
    assert (report.calendars_caught_up, report.objects_changed) == (80, 80)
    assert rows(database, "SELECT count(*) FROM calendar_objects") == [(80,)]
    assert rows(database, "SELECT count(*) FROM schedule_changes") == [(0,)]
    assert maintenance.run(database, config, at(NOW + 120), followers=FOLLOWERS) == NOTHING
    later = maintenance.run(database, config, at(NOW + 40 * DAY), followers=FOLLOWERS)
    assert (later.calendars_caught_up, later.objects_changed) == (120, 0)


def test_outbox_of_users_who_never_look_does_not_grow(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann = dispatch.user()
    job = dispatch.job(ann)
    maintenance.run(database, config, at(NOW), followers=FOLLOWERS)
    assert len(rows(database, "SELECT * FROM schedule_changes")) == 1, "conflicts are still to be looked for"
    maintenance.run(database, config, datetime.now(UTC) + timedelta(hours=2), followers=FOLLOWERS)
    assert rows(database, "SELECT * FROM schedule_changes") == []
    open_calendars(database, config, ann)
    assert rows(database, "SELECT source_id FROM calendar_objects") == [(job,)]


def test_tombstones_are_forgotten_after_their_days(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann = dispatch.user()
    goes, stays = dispatch.blocker(ann), dispatch.blocker(ann)
    open_calendars(database, config, ann)
    dispatch.delete("blockers", goes)
    open_calendars(database, config, ann, NOW + 10)
    dispatch.update("blockers", stays, title="Doctor")
    open_calendars(database, config, ann, NOW + 20)
    with database.write() as connection:
        assert maintenance.prune(connection, 90, NOW + 20 + 90 * DAY) > 0
    assert rows(database, "SELECT source_id FROM calendar_objects") == [(stays,)]
    with database.write() as connection:
        assert maintenance.prune(connection, 90, NOW + 20 + 90 * DAY) == 0
        assert maintenance.prune(connection, 90, NOW + 400 * DAY) > 0
        assert maintenance.prune(connection, 90, NOW + 400 * DAY) == 0
    assert rows(
        database,
        "SELECT r.last = c.revision FROM calendar_revisions r JOIN calendars c ON c.id = r.calendar_id"
        " WHERE c.slug = 'blockers'",
    ) == [(True,)]


def test_young_tombstones_stay(database: Database, config: Config, dispatch: Dispatch) -> None:
    ann = dispatch.user()
    goes = dispatch.blocker(ann)
    open_calendars(database, config, ann)
    dispatch.delete("blockers", goes)
    open_calendars(database, config, ann, NOW + 10)
    before = rows(database, "SELECT * FROM calendar_objects")
    with database.write() as connection:
        maintenance.prune(connection, 90, NOW + 10 + 90 * DAY)
    assert rows(database, "SELECT * FROM calendar_objects") == before


def test_calendars_of_nobody_are_dropped_with_all_they_hold(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    ann, bob = dispatch.user(), dispatch.user()
    subscriptions = [
        dispatch.insert(
            "subscriptions",
            user_id=bob,
            label="Home",
            host="example.com",
            encrypted_url=b"",
            created_at="2026-01-01 00:00:00+00:00",
            next_at=0,
        )
        for _ in range(2)
    ]
    with database.write() as connection:
        for number in subscriptions:
            create_calendar(connection, user_id=bob, slug=f"external-{number}", kind="external", now=NOW)
    for user in (ann, bob):
        dispatch.job(user)
        dispatch.blocker(user, rrule="FREQ=DAILY")
        dispatch.blocker(user, rrule="broken")
        open_calendars(database, config, user)
    dispatch.delete("users", ann)
    dispatch.delete("subscriptions", subscriptions[0])
    report = maintenance.run(database, config, at(NOW + 60), followers=FOLLOWERS)
    assert report.orphans_dropped == 4
    slugs = rows(database, "SELECT user_id, slug FROM calendars ORDER BY id")
    assert {user for user, _ in slugs} == {bob}
    assert {slug for _, slug in slugs} == {"jobs", "blockers", "time-off", f"external-{subscriptions[1]}"}
    for table in ("calendar_objects", "occurrences", "unrendered_sources", "calendar_revisions"):
        stray = f"SELECT count(*) FROM {table} WHERE calendar_id NOT IN (SELECT id FROM calendars)"  # noqa: S608
        assert rows(database, stray) == [(0,)]
    assert rows(database, "SELECT count(*) FROM schedule_changes") == [(0,)]


def test_stale_login_failures_are_forgotten(database: Database, config: Config, dispatch: Dispatch) -> None:
    for moment, key in ((NOW - 400 * DAY, b"old"), (NOW, b"new")):
        dispatch.execute(
            "INSERT INTO login_failures (key, failures, blocked_until, last_at) VALUES (:key, 1, 0, :moment)",
            key=key,
            moment=moment,
        )
    assert maintenance.run(database, config, at(NOW), followers=FOLLOWERS).login_failures_forgotten == 1
    assert [bytes(row[0]) for row in rows(database, "SELECT key FROM login_failures")] == [b"new"]
