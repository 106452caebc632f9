# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars are caught up before somebody asks for them, in whatever way they came to be behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import text

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.ahead import CatchUpAhead
from scheduling.calendars.calendars import behind
from scheduling.calendars.catch_up import STEP, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings import stored
from scheduling.settings.view import today
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400


def late(database: Database, config: Config, now: int = NOW) -> list[tuple[int, str]]:
    with database.read() as connection:
        return behind(connection, stored.view(connection, config), today(now), 100)


def ahead(database: Database, config: Config, **more: Any) -> CatchUpAhead:
    return CatchUpAhead(database, config, followers=FOLLOWERS, **more)


def person(database: Database, dispatch: Dispatch) -> int:
    user = dispatch.user()
    with database.write() as connection:
        stored.change(connection, "conflicts.enabled", "no", actor=SYSTEM)
        ensure_calendars(connection, user, NOW)
    return user


def shown(database: Database) -> int:
    with database.read() as connection:
        query = "SELECT count(*) FROM calendar_objects WHERE NOT deleted"
        return int(connection.execute(text(query)).scalar_one())


def test_what_the_schedule_the_settings_and_the_time_change_is_caught_up(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    user = person(database, dispatch)
    watch = ahead(database, config)
    assert len(late(database, config)) == 3
    assert not watch.turn(NOW)
    assert late(database, config) == []
    dispatch.job(user)
    dispatch.blocker(user, rrule="FREQ=WEEKLY")
    assert not watch.turn(NOW)
    assert (late(database, config), shown(database)) == ([], 2)
    with database.write() as connection:
        stored.change(connection, "templates.job_summary", "Visit", actor=SYSTEM)
    assert len(late(database, config)) == 3
    assert not watch.turn(NOW)
    assert late(database, config) == []
    assert len(late(database, config, NOW + 40 * DAY)) == 3
    assert not watch.turn(NOW + 40 * DAY)
    assert late(database, config, NOW + 40 * DAY) == []


def test_looking_again_costs_as_little_whatever_the_number_of_calendars(
    database: Database,
    config: Config,
    dispatch: Dispatch,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    for _ in range(5):
        person(database, dispatch)
    watch = ahead(database, config)
    while watch.turn(NOW):
        pass
    assert not watch.turn(NOW), "the state of settings and time is known now"
    with statements(database) as seen:
        assert not watch.turn(NOW)
    assert [it for it in seen if "schedule_changes" in it] == seen[-1:]
    assert not any(it.lstrip().startswith(("UPDATE", "INSERT", "DELETE")) for it in seen)


def test_a_calendar_that_is_far_behind_lets_the_others_go_before_its_next_steps(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    far, near = person(database, dispatch), person(database, dispatch)
    watch = ahead(database, config, patience=0)
    while watch.turn(NOW):
        pass
    for _ in range(3 * STEP):
        dispatch.job(far)
    dispatch.job(near)
    assert watch.turn(NOW), "there is more"
    assert late(database, config) == [(far, "jobs")]
    assert shown(database) == STEP + 1
    turns = 1
    while watch.turn(NOW):
        turns += 1
    assert turns == 3
    assert (late(database, config), shown(database)) == ([], 3 * STEP + 1)


def test_changes_of_people_without_calendars_are_left_to_those_who_need_them(
    database: Database, config: Config, dispatch: Dispatch
) -> None:
    dispatch.job(dispatch.user())
    assert not ahead(database, config).turn(NOW)
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM schedule_changes")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM calendars")).scalar_one() == 0
