# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's view of the database: far-behind calendars, and what an error inside it means."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from scheduling.calendars.calendars import CalendarState
from scheduling.calendars.catch_up import STEP
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import DatabaseUnavailable, StillCatchingUp
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch


def test_a_reader_of_a_calendar_far_behind_is_told_to_come_again_and_what_was_done_stays(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user("anna")
    dispatch.execute_many(
        "INSERT INTO blockers (user_id, title, starts_at, ends_at)"
        " VALUES (:user, 'Training', '2026-03-11 08:00:00+00:00', '2026-03-11 09:00:00+00:00')",
        [{"user": user}] * (2 * STEP + 10),
    )

    def read() -> CalendarState | None:
        with Snapshot(database, Config(), lambda: 1_773_100_800, patience=0, followers=FOLLOWERS) as snapshot:
            return snapshot.calendar("anna", "blockers")

    for steps in (1, 2):
        with pytest.raises(StillCatchingUp) as refused:
            read()
        assert refused.value.retry_after == 5
        with database.read() as connection:
            done = connection.exec_driver_sql("SELECT count(*) FROM calendar_objects").scalar()
        assert done == steps * STEP
    state = read()
    assert state is not None
    assert not state.behind


def test_an_error_of_the_driver_inside_a_snapshot_is_a_database_that_is_away(database: Database) -> None:
    def read() -> None:
        with Snapshot(database, Config(), followers=FOLLOWERS) as snapshot:
            assert snapshot.connection is not None
            raise OperationalError("SELECT 1", {}, Exception("canceling statement due to lock timeout"))

    with pytest.raises(DatabaseUnavailable, match="lock timeout"):
        read()
