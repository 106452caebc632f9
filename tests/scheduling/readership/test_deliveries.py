# SPDX-License-Identifier: GPL-3.0-or-later
"""The delivery ledger: what is gathered, stored, and said about who is up to date."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scheduling.access import credentials
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring, new_key
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import NotFound
from scheduling.feeds import feeds
from scheduling.feeds.feeds import FeedOptions
from scheduling.readership import deliveries
from scheduling.readership import ledger as delivery_ledger
from scheduling.readership.ledger import Ledger, Seen, ledger_of
from scheduling.settings.stored import view
from scheduling.upkeep import maintenance
from tests.factories import Dispatch

KEYRING = Keyring(new_key())
Statements = Callable[[Database], AbstractContextManager[list[str]]]
NOW = int(datetime.now(UTC).timestamp())


class Ann:
    """A user with a feed and an app password, whose calendars are caught up when asked."""

    def __init__(self, database: Database, dispatch: Dispatch, ledger: Ledger) -> None:
        self.database, self.dispatch, self.ledger = database, dispatch, ledger
        self.id = dispatch.user("ann")
        with database.write() as connection:
            ensure_calendars(connection, self.id, NOW - 1000)
            feed, _ = feeds.create(
                connection, KEYRING, self.id, "Phone", FeedOptions(kinds=("jobs", "time-off")), actor=SYSTEM
            )
            password, _ = credentials.create_app_password(
                connection, KEYRING, self.id, "Laptop", actor=SYSTEM
            )
        self.feed, self.password = feed.id, password.id
        self.job = dispatch.job(self.id)
        self.catch_up(NOW - 900)

    def catch_up(self, now: int = NOW) -> None:
        with self.database.write() as connection:
            for slug in ("jobs", "blockers", "time-off"):
                catch_up(connection, self.id, slug, view(connection, Config()), now, followers=FOLLOWERS)

    def revisions(self, *slugs: str) -> dict[int, int]:
        with self.database.read() as connection:
            rows = connection.execute(
                text("SELECT id, slug, revision FROM calendars WHERE user_id = :user"), {"user": self.id}
            ).all()
        return {row.id: row.revision for row in rows if row.slug in slugs}

    def fetch(self, client: str = "ios", at: int = NOW, **changed: Any) -> None:
        with self.database.read() as connection:
            scope = connection.scalar(text("SELECT changed_at FROM feeds"))
        values: dict[str, Any] = {"source": "feed", "source_id": self.feed, "scope": scope}
        revisions = self.revisions("jobs", "time-off")
        values |= {
            "user_id": self.id,
            "client": client,
            "revisions": revisions,
            "at": at,
            "address": "192.0.2.1",
        }
        self.ledger.record(Seen(**{**values, **changed}))
        self.ledger.flush()

    def fetch_by_caldav(self, slug: str = "jobs", **changed: Any) -> None:
        values = {"source": "app-password", "source_id": self.password, "scope": 0, "client": "davx5"}
        self.fetch(**{**values, "revisions": self.revisions(slug), **changed})

    def delivered(self) -> list[deliveries.Delivery]:
        with self.database.read() as connection:
            return deliveries.of_user(connection, self.id)

    def seen(self) -> deliveries.AssigneeDelivery:
        with self.database.read() as connection:
            [found] = deliveries.seen_job(connection, self.job)
        return found


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, address_days=30, interval=3600)


@pytest.fixture
def ann(database: Database, dispatch: Dispatch, ledger: Ledger) -> Ann:
    return Ann(database, dispatch, ledger)


def moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def test_a_subscriber_that_fetched_everything_is_up_to_date(ann: Ann) -> None:
    ann.fetch(at=NOW - 60)
    ann.fetch(at=NOW)
    [found] = ann.delivered()
    assert (found.source, found.source_id, found.label, found.client) == ("feed", ann.feed, "Phone", "ios")
    assert (found.up_to_date, found.stale_since, found.requests) == (True, None, 2)
    assert (found.first_at, found.last_at) == (moment(NOW - 60), moment(NOW))
    assert (found.fetched_at, found.address) == (moment(NOW - 60), "192.0.2.1")
    with ann.database.read() as connection:
        assert feeds.get(connection, ann.feed, actor=SYSTEM).last_fetched_at == moment(NOW)


def test_it_is_stale_since_the_first_change_it_has_not_fetched(ann: Ann) -> None:
    ann.fetch(at=NOW - 800)
    for minute, notes in ((600, "one"), (300, "two")):
        ann.dispatch.time_off(ann.id, notes=notes)
        ann.dispatch.execute("UPDATE schedule_changes SET changed_at = :at", at=NOW - minute)
        ann.catch_up(NOW - minute)
    assert ann.delivered()[0].stale_since == moment(NOW - 600)
    ann.fetch()
    assert ann.delivered()[0].up_to_date


def test_calendars_it_does_not_show_do_not_matter(ann: Ann) -> None:
    ann.fetch()
    ann.dispatch.blocker(ann.id)
    ann.catch_up()
    assert ann.delivered()[0].up_to_date


def test_a_changed_feed_makes_its_subscribers_stale(ann: Ann) -> None:
    ann.fetch()
    with ann.database.write() as connection:
        feeds.update(connection, ann.feed, options=FeedOptions(kinds=("jobs",)), actor=SYSTEM)
        changed_at = connection.scalar(text("SELECT changed_at FROM feeds"))
    [found] = ann.delivered()
    assert found.stale_since is not None
    assert found.stale_since == moment(changed_at)
    ann.fetch(revisions=ann.revisions("jobs"))
    assert ann.delivered()[0].up_to_date


def test_every_client_family_is_told_apart(ann: Ann) -> None:
    ann.fetch("google", at=NOW - 850)
    ann.dispatch.update("jobs", ann.job, notes="new")
    ann.catch_up()
    ann.fetch("ios")
    ann.fetch_by_caldav()
    assert [(it.source, it.client, it.up_to_date) for it in ann.delivered()] == [
        ("app-password", "davx5", True),
        ("feed", "google", False),
        ("feed", "ios", True),
    ]


def test_asking_whether_something_changed_is_not_fetching(ann: Ann) -> None:
    [calendar] = ann.revisions("jobs")
    ann.fetch_by_caldav(revisions={calendar: 0}, at=NOW - 100)
    [asked] = ann.delivered()
    assert (asked.fetched_at, asked.stale_since) == (None, moment(NOW - 100))
    ann.fetch_by_caldav(at=NOW - 50)
    ann.fetch_by_caldav(revisions={calendar: 0})
    [found] = ann.delivered()
    assert (found.up_to_date, found.fetched_at, found.last_at) == (True, moment(NOW - 50), moment(NOW))


def test_a_late_batch_takes_nothing_back(ann: Ann) -> None:
    old = ann.revisions("jobs", "time-off")
    ann.dispatch.update("jobs", ann.job, notes="new")
    ann.catch_up()
    ann.fetch(at=NOW)
    ann.fetch(at=NOW - 500, revisions=old, address="192.0.2.9")
    [found] = ann.delivered()
    assert (found.up_to_date, found.last_at, found.address) == (True, moment(NOW), "192.0.2.1")


def test_who_has_seen_a_job(ann: Ann) -> None:
    ann.fetch("google")
    ann.fetch_by_caldav()
    found = ann.seen()
    assert (found.username, found.seen, [it.seen for it in found.readers]) == ("ann", True, [True, True])
    ann.dispatch.update("jobs", ann.job, notes="new")
    assert not ann.seen().seen, "a change that waits to be worked off has reached nobody"
    ann.catch_up()
    assert not ann.seen().seen
    ann.fetch_by_caldav()
    assert {it.client: it.seen for it in ann.seen().readers} == {"davx5": True, "google": False}
    assert ann.seen().seen


def test_other_changes_do_not_unsee_a_job(ann: Ann) -> None:
    ann.fetch()
    ann.dispatch.job(ann.id)
    ann.catch_up()
    assert ann.seen().seen
    assert not ann.delivered()[0].up_to_date


def test_a_removal_has_to_be_fetched_too(ann: Ann) -> None:
    ann.fetch()
    ann.dispatch.update("jobs", ann.job, status="cancelled")
    ann.catch_up()
    gone = ann.seen()
    assert (gone.changed_at, gone.seen) == (None, False)
    ann.fetch()
    assert ann.seen().seen


def test_every_assignee_is_told_and_nobody_reads_for_another(ann: Ann) -> None:
    bo = ann.dispatch.user("bo")
    ann.dispatch.assign(ann.job, bo)
    ann.catch_up()
    ann.fetch()
    with ann.database.read() as connection:
        found = deliveries.seen_job(connection, ann.job)
    assert [(it.username, it.seen, it.readers == ()) for it in found] == [
        ("ann", True, False),
        ("bo", False, True),
    ]


@pytest.mark.parametrize("job", [99, 2**70, -(2**70)])
def test_a_job_that_does_not_exist_is_told(ann: Ann, job: int) -> None:
    with ann.database.read() as connection, pytest.raises(NotFound, match="There is no job"):
        deliveries.seen_job(connection, job)


def test_revoked_links_and_passwords_are_no_subscribers(ann: Ann) -> None:
    ann.fetch()
    ann.fetch_by_caldav()
    with ann.database.write() as connection:
        feeds.revoke(connection, ann.feed, actor=SYSTEM)
        credentials.revoke_app_password(connection, ann.id, ann.password, actor=SYSTEM)
    assert ann.delivered() == []
    assert ann.seen().readers == ()


@pytest.mark.parametrize("days", [0, 30])
def test_addresses_are_kept_as_long_as_configured(ann: Ann, days: int) -> None:
    ann.ledger = Ledger(ann.database, address_days=days, interval=3600)
    ann.fetch("google", at=NOW - 31 * 86400)
    ann.fetch("ios", address="2001:db8::" + "1" * 100)
    kept = {it.client: it.address for it in ann.delivered()}
    assert kept == {"google": None, "ios": None if not days else ("2001:db8::" + "1" * 100)[:64]}


def test_maintenance_forgets_addresses_and_what_belongs_to_nobody(ann: Ann) -> None:
    ann.fetch()
    ann.fetch_by_caldav()
    with ann.database.write() as connection:
        assert delivery_ledger.forget_addresses(connection, 30, NOW) == 0
    maintenance.run(ann.database, Config(), moment(NOW) + timedelta(days=31), followers=FOLLOWERS)
    assert [it.address for it in ann.delivered()] == [None, None]
    ann.dispatch.delete("users", ann.id)
    maintenance.run(ann.database, Config(), moment(NOW), followers=FOLLOWERS)
    assert ann.dispatch.execute("SELECT * FROM deliveries") == []


def test_recording_touches_no_database_and_a_batch_is_one_transaction(ann: Ann, statements: Any) -> None:
    with statements(ann.database) as seen:
        for number in range(300):
            ann.ledger.record(
                Seen(
                    user_id=ann.id,
                    source="feed",
                    source_id=ann.feed,
                    client=f"client{number % 3}",
                    revisions={1: number},
                    scope=0,
                    at=NOW,
                    address=None,
                )
            )
        assert seen == []
        ann.ledger.flush()
    assert len([it for it in seen if it.startswith("INSERT")]) == 1
    rows = ann.dispatch.execute("SELECT client, revision, requests FROM deliveries ORDER BY client")
    assert [tuple(row) for row in rows] == [
        ("client0", 297, 100),
        ("client1", 298, 100),
        ("client2", 299, 100),
    ]


def test_a_thread_stores_by_itself(database: Database, ann: Ann) -> None:
    ann.ledger = Ledger(database, address_days=30, interval=0.01)
    ann.ledger.record(
        Seen(
            user_id=ann.id,
            source="feed",
            source_id=ann.feed,
            client="ios",
            revisions={1: 1},
            at=NOW,
            address=None,
        )
    )
    for thread in threading.enumerate():
        if thread is ann.ledger._thread:
            thread.join(10)
    assert ann.delivered()[0].client == "ios"


def test_what_could_not_be_stored_is_kept(ann: Ann, caplog: pytest.LogCaptureFixture) -> None:
    ann.dispatch.execute("ALTER TABLE deliveries RENAME TO elsewhere")
    with pytest.raises(DBAPIError):
        ann.fetch()
    with caplog.at_level(logging.INFO):
        ann.ledger.try_flush(logging.INFO)
    assert "could not store" in caplog.text
    ann.dispatch.execute("ALTER TABLE elsewhere RENAME TO deliveries")
    ann.ledger.flush()
    assert ann.delivered()[0].requests == 1


def test_processes_that_store_the_same_rows_add_up(ann: Ann) -> None:
    ledgers = [Ledger(ann.database, address_days=30, interval=3600) for _ in range(4)]

    def work(ledger: Ledger) -> None:
        for _ in range(10):
            for client in ("ios", "google", "davx5"):
                ledger.record(
                    Seen(
                        user_id=ann.id,
                        source="feed",
                        source_id=ann.feed,
                        client=client,
                        revisions=dict.fromkeys(range(1, 4), 5),
                        at=NOW,
                        address=None,
                    )
                )
            ledger.flush()

    threads = [threading.Thread(target=work, args=(it,)) for it in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row[0] for row in ann.dispatch.execute("SELECT requests FROM deliveries")} == {40}


def test_it_costs_the_same_however_many_subscribers_are_stale(ann: Ann, statements: Statements) -> None:
    """One that has everything, some that have an old state, and some that never fetched one of the calendars."""
    counts = []
    for number in range(1, 6):
        ann.fetch(client=f"old-{number}", at=NOW - 800)
        ann.fetch(client=f"half-{number}", revisions=ann.revisions("jobs"), at=NOW - 800)
        ann.fetch_by_caldav(client=f"dav-{number}", at=NOW - 800)
        ann.dispatch.time_off(ann.id)
        ann.dispatch.job(ann.id)
        ann.catch_up()
        with statements(ann.database) as seen:
            found = ann.delivered()
        assert [it.up_to_date for it in found] == [False] * (3 * number)
        counts.append(len(seen))
    assert counts == [4] * 5


def test_a_database_has_one_ledger(database: Database) -> None:
    assert ledger_of(database, address_days=30) is ledger_of(database, address_days=30)
