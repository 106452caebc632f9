# SPDX-License-Identifier: GPL-3.0-or-later
"""What we serve and another program hands back is not imported again."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.loop import run
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.feeds import feeds, text
from scheduling.feeds.options import FeedOptions
from scheduling.schedule.items import SLUGS
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore
from tests.factories import Dispatch
from tests.importer.conftest import CalendarServer

KEYRING = Keyring("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
CONFIG = dataclasses.replace(
    ImporterConfig(), allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), timeout=20
)
Events = Callable[[str], str]
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


@dataclasses.dataclass
class Installation:
    """One Daysheet; the users' names say who they are."""

    database: Database
    dispatch: Dispatch
    subscribed: dict[str, int] = dataclasses.field(default_factory=dict)

    def user(self, name: str) -> int:
        with self.database.write() as connection:
            return users.create(connection, username=name, time_zone="Europe/Berlin", actor=SYSTEM).id

    def job(self, *assignees: int, hours: int = 0) -> int:
        start = SOON + timedelta(hours=hours)
        return self.dispatch.job(*assignees, starts_at=start, ends_at=start + timedelta(hours=1))

    def subscribe(self, user_id: int, url: str) -> int:
        with self.database.write() as connection:
            return subscriptions.add(connection, KEYRING, user_id, url, "Elsewhere", actor=SYSTEM).id

    def synchronise(self, subscription: int) -> dict[str, int]:
        with self.database.write() as connection:
            subscriptions.request_sync(connection, subscription, actor=SYSTEM)
        store = ImportStore(self.database, Config(), KEYRING, followers=FOLLOWERS)
        assert run(store, CONFIG, once=True, stop=threading.Event(), only=subscription).failed == 0
        with self.database.read() as connection:
            report = subscriptions.get(connection, subscription, actor=SYSTEM).report
        assert report is not None
        return report

    def components(self, name: str, *slugs: str) -> list[str]:
        found: list[str] = []
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            states = [state for slug in slugs if (state := snapshot.calendar(name, slug)) is not None]
        with self.database.read() as connection:
            for state in states:
                found += [it.component for it in objects.all_objects(connection, state.id, state.cutoff)]
        return found

    def exported(self, name: str, *subscribed: int) -> list[str]:
        return self.components(name, *SLUGS.values(), *(f"external-{number}" for number in subscribed))


def passed_on(components: list[str]) -> bytes:
    """As another program exports what it subscribed to: the UIDs stay, X-properties and stamps do not."""
    lines = [
        line
        for component in components
        for line in component.splitlines()
        if not line.startswith(("X-", "DTSTAMP", "LAST-MODIFIED", "CLASS"))
    ]
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Other//EN", *lines, "END:VCALENDAR", ""]
    ).encode()


@pytest.fixture
def ours(database: Database, dispatch: Dispatch) -> Installation:
    return Installation(database, dispatch)


def test_ones_own_job_is_left_out_and_a_colleagues_blocks(ours: Installation, server: CalendarServer) -> None:
    anna, ben = ours.user("anna"), ours.user("ben")
    ours.job(anna)
    ours.job(ben, hours=3)
    ours.dispatch.time_off(
        anna, start_date=SOON.date(), end_date=SOON.date() + timedelta(days=1), status="approved"
    )
    body = passed_on([*ours.exported("anna"), *ours.exported("ben")])
    number = ours.subscribe(anna, server.says("/a.ics", 200, body))
    report = ours.synchronise(number)
    assert (report["fetched"], report["imported"], report["own"]) == (3, 1, 2)
    (imported,) = ours.components("anna", f"external-{number}")
    (of_ben,) = ours.exported("ben")
    assert imported.splitlines()[1] == of_ben.splitlines()[1]
    assert ours.synchronise(number)["own"] == 2
    assert len(ours.components("anna", f"external-{number}")) == 1


def test_a_copy_of_a_job_that_is_gone_does_not_block(ours: Installation, server: CalendarServer) -> None:
    anna = ours.user("anna")
    job = ours.job(anna)
    body = passed_on(ours.exported("anna"))
    ours.dispatch.withdraw(job, anna)
    assert ours.exported("anna") == []
    number = ours.subscribe(anna, server.says("/a.ics", 200, body))
    assert ours.synchronise(number)["own"] == 1
    assert ours.components("anna", f"external-{number}") == []


def test_the_events_of_a_busy_only_feed_are_known_by_its_key(
    ours: Installation, server: CalendarServer
) -> None:
    anna, ben = ours.user("anna"), ours.user("ben")
    ours.job(anna)
    ours.job(ben, hours=3)
    busy = []
    for name, user in (("anna", anna), ("ben", ben)):
        with ours.database.write() as connection:
            feed, _ = feeds.create(
                connection, KEYRING, user, "Busy", FeedOptions(detail="busy"), actor=SYSTEM
            )
        key = text.uid_key(KEYRING, feed.id)
        busy += [text.busy(component, key) for component in ours.exported(name)]
    number = ours.subscribe(anna, server.says("/a.ics", 200, passed_on(busy)))
    report = ours.synchronise(number)
    assert (report["own"], report["imported"]) == (1, 1)


def test_two_installations_that_import_each_other_do_not_grow(
    sqlite_database: Database, postgresql_database: Database, server: CalendarServer
) -> None:
    with (
        Dispatch.connect(sqlite_database.engine.url) as first,
        Dispatch.connect(postgresql_database.engine.url) as second,
    ):
        both = [Installation(sqlite_database, first), Installation(postgresql_database, second)]
        numbers: list[int] = []
        for index, side in enumerate(both):
            anna = side.user("anna")
            for hours in range(3):
                side.job(anna, hours=2 * hours)
            numbers.append(side.subscribe(anna, server.url(f"/from-{1 - index}.ics")))
        counts: set[int] = set()
        for turn in range(20):
            for index, side in enumerate(both):
                server.says(f"/from-{index}.ics", 200, passed_on(side.exported("anna", numbers[index])))
            for index, side in enumerate(both):
                side.synchronise(numbers[index])
            if turn:
                counts |= {
                    len(side.exported("anna", number)) for side, number in zip(both, numbers, strict=True)
                }
        assert counts == {6}
