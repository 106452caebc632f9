# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts with events of several imported calendars."""

from __future__ import annotations

from datetime import timedelta

from scheduling.catch_up import create_calendar
from scheduling.config import Config
from scheduling.conflicts.watch import Watch
from scheduling.database import Database
from scheduling.ical import series_json
from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Series
from tests.factories import Dispatch
from tests.scheduling.availability.asking import NOW, subscribe
from tests.scheduling.conflicts.test_check import START, open_ones

FAR = START + timedelta(weeks=130)
"""Beyond the horizon of calendars."""


def outside(database: Database, user: int) -> int:
    """An imported calendar without events; its subscription."""
    added = subscribe(database, user, read_at=NOW)
    with database.write() as connection:
        create_calendar(connection, user_id=user, slug=f"external-{added}", kind="external", now=NOW)
    return added


def weekly(dispatch: Dispatch, subscription: int, user: int, uid: str) -> int:
    """A weekly hour from `START` on."""
    begin = START.replace(tzinfo=None)
    series = Series(
        start=begin,
        end=begin + timedelta(hours=1),
        tzid="UTC",
        rule=parse_rule("FREQ=WEEKLY"),
        rdates=(),
        exdates=(),
        overrides={},
        busy="BUSY",
    )
    return dispatch.insert(
        "external_events",
        subscription_id=subscription,
        user_id=user,
        uid=uid,
        content_hash="1",
        template=f"BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:Choir\r\nEND:VEVENT\r\n",
        series=series_json.dumps(series),
        status="CONFIRMED",
        transparency="OPAQUE",
    )


def test_a_series_beyond_the_horizon_that_two_calendars_have_changes_in_one(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    calendars = [outside(database, user), outside(database, user)]
    events = [weekly(dispatch, it, user, "choir@example.com") for it in calendars]
    dispatch.job(user, starts_at=str(FAR), ends_at=str(FAR + timedelta(hours=1)))
    watch = Watch(database, Config())
    watch.turn(NOW)
    before = {it.other_id: it.id for it in open_ones(database)}
    assert before.keys() == set(events)
    for number, event in enumerate(events):
        text = f"BEGIN:VEVENT\r\nSUMMARY:Choir {number}\r\nEND:VEVENT\r\n"
        dispatch.update("external_events", event, template=text)
        watch.turn(NOW)
        found = open_ones(database)
        assert {it.other_id: it.id for it in found} == before
        assert {it.version for it in found} == {1}
    dispatch.delete("external_events", events[0])
    watch.turn(NOW)
    assert [it.other_id for it in open_ones(database)] == events[1:]
