# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts with events of several imported calendars."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import create_calendar
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.conflicts.watch import Watch
from scheduling.database.connection import Database
from scheduling.ical import series_json
from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Series
from scheduling.subscriptions import subscriptions
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


def weekly(
    dispatch: Dispatch, subscription: int, user: int, uid: str = "choir@example.com", hours: int = 0
) -> int:
    """A weekly hour from `hours` after `START` on."""
    begin = START.replace(tzinfo=None) + timedelta(hours=hours)
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


def others(database: Database) -> list[int]:
    """The imported events that are in conflict."""
    return sorted(it.other_id for it in open_ones(database))


@pytest.mark.parametrize("first", [START, FAR])
def test_an_event_that_two_calendars_have_counts_once(
    database: Database, dispatch: Dispatch, first: datetime
) -> None:
    user = dispatch.user()
    older, newer = outside(database, user), outside(database, user)
    dispatch.job(user, starts_at=str(first), ends_at=str(first + timedelta(hours=3)))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    copy = weekly(dispatch, newer, user)
    watch.turn(NOW)
    assert others(database) == [copy]
    event = weekly(dispatch, older, user)
    other = weekly(dispatch, newer, user, "band@example.com")
    watch.turn(NOW)
    assert others(database) == sorted([event, other])
    for number in range(2):
        for it in (event, copy):
            text = f"BEGIN:VEVENT\r\nSUMMARY:Choir {number}\r\nEND:VEVENT\r\n"
            dispatch.update("external_events", it, template=text)
            watch.turn(NOW)
            assert others(database) == sorted([event, other])
    assert {it.version for it in open_ones(database)} == {1}
    dispatch.delete("external_events", event)
    watch.turn(NOW)
    assert others(database) == sorted([copy, other])


def test_an_event_that_is_at_another_time_in_each_calendar_counts_in_both(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    events = [weekly(dispatch, outside(database, user), user, hours=hours) for hours in (0, 1)]
    dispatch.job(user, starts_at=str(START), ends_at=str(START + timedelta(hours=3)))
    Watch(database, Config(), followers=FOLLOWERS).turn(NOW)
    assert others(database) == events


def test_when_a_calendar_goes_the_other_one_that_has_its_event_counts(
    database: Database, dispatch: Dispatch
) -> None:
    user = dispatch.user()
    calendars = [outside(database, user), outside(database, user)]
    events = [weekly(dispatch, it, user) for it in calendars]
    dispatch.job(user, starts_at=str(START), ends_at=str(START + timedelta(hours=3)))
    watch = Watch(database, Config(), followers=FOLLOWERS)
    watch.turn(NOW)
    assert others(database) == events[:1]
    with database.write() as connection:
        subscriptions.remove(connection, calendars[0], events="delete", actor=SYSTEM)
    watch.turn(NOW)
    assert others(database) == events[1:]
