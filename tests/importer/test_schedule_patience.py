# SPDX-License-Identifier: GPL-3.0-or-later
"""When a calendar is fetched next, from a server's answer to the database: what servers and feeds ask for as floors,
the back-off, giving up, and under which name the importer comes.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import text

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.loop import Summary, run
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.record import Subscription
from scheduling.subscriptions.store import ImportStore

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
CONFIG = ImporterConfig(allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), interval=300)
SOON = datetime.now(UTC) + timedelta(days=3)
DAY = 86_400


def feed(head: str = "") -> bytes:
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{head}BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART:{SOON:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


class Subscribed:
    """A subscription to one address."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        with database.write() as connection:
            user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
            self._id = subscriptions.add(connection, KEYRING, user.id, url, "Other", actor=SYSTEM).id

    def cycle(self, config: ImporterConfig = CONFIG) -> Summary:
        """Let its time come."""
        self.set("next_at = 0")
        store = ImportStore(self._database, Config(), KEYRING, followers=FOLLOWERS)
        return run(store, config, once=True, stop=threading.Event())

    def set(self, change: str) -> None:
        with self._database.write() as connection:
            connection.execute(text(f"UPDATE subscriptions SET {change}"))  # noqa: S608 (our own)

    @property
    def now(self) -> Subscription:
        with self._database.read() as connection:
            return subscriptions.get(connection, self._id, actor=SYSTEM)

    @property
    def wait(self) -> int:
        """Seconds until the next fetch."""
        return self.now.next_at - int(time.time())

    def shown(self) -> list[str]:
        with Snapshot(self._database, Config(), followers=FOLLOWERS) as snapshot:
            state = snapshot.calendar("anna", f"external-{self._id}")
            assert state is not None
            return [it.calendar for it in objects.all_objects(snapshot.connection, state.id, state.cutoff)]


def date_in(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("seconds", "least"), [(7200, 7200), (999_999_999_999, DAY), (10 * DAY, DAY), (1, 300)]
)
@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_is_left_alone_as_long_as_it_asked(
    sqlite_database: Database, server: Any, *, status: int, seconds: int, least: int, as_date: bool
) -> None:
    value = date_in(min(seconds, 10 * DAY)) if as_date else str(seconds)
    it = Subscribed(sqlite_database, server.says("/a", status, retry_after=value))
    assert it.cycle() == Summary(failed=1)
    assert least - 5 <= it.wait <= min(max(least, 7200), DAY) * 1.1


@pytest.mark.parametrize(
    "head",
    [
        "REFRESH-INTERVAL;VALUE=DURATION:PT4H\r\n",
        "X-PUBLISHED-TTL:PT4H\r\n",
        "X-PUBLISHED-TTL:PT1H\r\nREFRESH-INTERVAL;VALUE=DURATION:PT4H\r\n",
    ],
)
def test_what_a_feed_asks_for_is_a_floor_also_while_it_does_not_change(
    database: Database, server: Any, head: str
) -> None:
    it = Subscribed(database, server.says("/a", 200, feed(head), etag='"1"'))
    for expected in (Summary(applied=1), Summary(unchanged=1)):
        assert it.cycle() == expected
        assert 4 * 3600 - 5 <= it.wait <= 4 * 3600 * 1.1
    server.says("/a", 304)
    assert it.cycle() == Summary(unchanged=1)
    assert 4 * 3600 - 5 <= it.wait <= 4 * 3600 * 1.1
    server.says("/a", 200, feed("X-PUBLISHED-TTL:PT1S\r\n"))
    assert it.cycle() == Summary(applied=1)
    assert 295 <= it.wait <= 330


def test_failures_wait_twice_as_long_each_time_and_a_success_ends_that(
    database: Database, server: Any
) -> None:
    it = Subscribed(database, server.says("/a", 500))
    for failures in range(4):
        assert it.cycle() == Summary(failed=1)
        assert (300 << failures) - 5 <= it.wait <= (300 << failures) * 1.1
    server.says("/a", 200, feed())
    assert it.cycle() == Summary(applied=1)
    assert (it.now.status, it.wait <= 330) == ("active", True)
    server.says("/a", 500)
    it.cycle()
    assert it.wait <= 330


def test_what_fails_for_too_long_is_paused_noted_and_told_and_blocks_on(
    database: Database, server: Any
) -> None:
    it = Subscribed(database, server.says("/a?key=S3CRET", 200, feed()))
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO webhooks (label, host, encrypted_url, encrypted_secret, events, within_hours, created_at)"
                " VALUES ('x', 'h', :empty, :empty, 'subscription.paused', 1, '2026-01-01 00:00:00+00:00')"
            ),
            {"empty": b""},
        )
    config = dataclasses.replace(CONFIG, give_up=3600)
    it.cycle(config)
    server.says("/a?key=S3CRET", 500)
    it.cycle(config)
    assert it.now.status == "error"
    it.set("failing_since = failing_since - 3601")
    it.cycle(config)
    assert (it.now.status, it.now.reason) == ("paused", "http-5xx")
    assert it.cycle(config) == Summary()
    with database.read() as connection:
        noted = connection.execute(
            text("SELECT actor_kind, subject, facts FROM audit_log WHERE action = 'subscription.pause'")
        ).all()
        told = connection.execute(text("SELECT * FROM webhook_deliveries")).mappings().all()
    assert [(row.actor_kind, row.subject) for row in noted] == [("system", "subscription:1")]
    assert [row["event_type"] for row in told] == ["subscription.paused"]
    assert "S3CRET" not in str(noted) + str(told)
    (shown,) = it.shown()
    assert "TRANSP:OPAQUE" in shown
    with database.write() as connection:
        subscriptions.resume(connection, it.now.id, actor=SYSTEM)
    server.says("/a?key=S3CRET", 200, feed())
    assert it.cycle(config).processed == 1
    assert it.now.status == "active"


def test_what_is_gone_is_paused_at_once_and_what_wants_credentials_is_not(
    sqlite_database: Database, server: Any
) -> None:
    it = Subscribed(sqlite_database, server.says("/a", 401))
    it.cycle()
    assert (it.now.status, it.now.reason) == ("error", "reconnect")
    assert DAY - 5 <= it.wait <= DAY * 1.1
    server.says("/a", 410)
    it.cycle()
    assert (it.now.status, it.now.reason) == ("paused", "http-410")


@pytest.mark.usefixtures("resolver")
def test_each_host_is_told_its_own_name(sqlite_database: Database, server: Any) -> None:
    config = dataclasses.replace(
        CONFIG, user_agent="Plain/1", user_agents=(("office.test", "Mozilla/5.0 (X11)"),)
    )
    server.says("/a", 302, location=f"http://office.test:{server.port}/b")
    server.says("/b", 200, feed())
    Subscribed(sqlite_database, f"http://first.test:{server.port}/a").cycle(config)
    assert [(path, headers["user-agent"]) for path, headers in server.requests] == [
        ("/a", "Plain/1"), ("/b", "Mozilla/5.0 (X11)"),
    ]  # fmt: skip


def test_calendars_that_are_due_together_do_not_stay_together(sqlite_database: Database, server: Any) -> None:
    """Up to a tenth later by chance."""
    with sqlite_database.write() as connection:
        user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
        for number in range(40):
            subscriptions.add(
                connection,
                KEYRING,
                user.id,
                server.says(f"/{number}", 200, feed()),
                f"Other {number}",
                actor=SYSTEM,
            )
    config = dataclasses.replace(CONFIG, interval=9000, host_rate=1000.0, host_concurrency=8)
    store = ImportStore(sqlite_database, Config(), KEYRING, followers=FOLLOWERS)
    before = int(time.time())
    assert run(store, config, once=True, stop=threading.Event()) == Summary(applied=40)
    with sqlite_database.read() as connection:
        waits = [it.next_at - before for it in subscriptions.list_subscriptions(connection, actor=SYSTEM)]
    assert min(waits) >= 9000
    assert len(set(waits)) > 20
