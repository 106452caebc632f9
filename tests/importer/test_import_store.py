# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer on the real databases: from a feed on a local server to a calendar, its sync token and its status."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from importer.config import ImporterConfig
from importer.fetch.addresses import Exemptions
from importer.loop import Summary, run
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars import objects, sync
from scheduling.calendars.calendars import CalendarState
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.facts import Applied, Due, Facts, Failure
from scheduling.subscriptions.store import ImportStore
from scheduling.subscriptions.subscriptions import Subscription
from tests.importer.conftest import CalendarServer

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET = "private-4711"
CONFIG = dataclasses.replace(
    ImporterConfig(), allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), timeout=20
)


def _day(offset: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=offset):%Y%m%d}"


def _event(uid: str, summary: str, *lines: str, day: int = 3, stamp: str = "20260101T000000Z") -> str:
    times = lines or (f"DTSTART:{_day(day)}T090000Z", f"DTEND:{_day(day)}T100000Z")
    return "\r\n".join(
        ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{stamp}", *times, f"SUMMARY:{summary}", "END:VEVENT", ""]
    )


def _feed(*events: str) -> bytes:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n"
    return (head + "".join(events) + "END:VCALENDAR\r\n").encode()


@dataclass
class Case:
    """One user with one subscription."""

    database: Database
    store: ImportStore
    user_id: int
    subscription_id: int

    def synchronise(self) -> Summary:
        with self.database.write() as connection:
            if subscriptions.get(connection, self.subscription_id, actor=SYSTEM).status != "paused":
                subscriptions.request_sync(connection, self.subscription_id, actor=SYSTEM)
        return run(self.store, CONFIG, once=True, stop=threading.Event(), only=self.subscription_id)

    def subscription(self) -> Subscription:
        with self.database.read() as connection:
            return subscriptions.get(connection, self.subscription_id, actor=SYSTEM)

    def calendar(self) -> CalendarState:
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            found = snapshot.calendar("anna", f"external-{self.subscription_id}")
        assert found is not None
        return found

    def texts(self) -> dict[str, str]:
        state = self.calendar()
        with self.database.read() as connection:
            return {it.name: it.calendar for it in objects.all_objects(connection, state.id, state.cutoff)}

    def token(self) -> str:
        return str(sync.token_of(self.calendar()))


@pytest.fixture
def case(database: Database, server: CalendarServer) -> Case:
    keyring = Keyring(KEY)
    with database.write() as connection:
        user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
        added = subscriptions.add(
            connection, keyring, user.id, server.url(f"/{SECRET}.ics"), "Private", actor=SYSTEM
        )
    return Case(database, ImportStore(database, Config(), keyring, followers=FOLLOWERS), user.id, added.id)


def test_a_feed_becomes_a_calendar(case: Case, server: CalendarServer) -> None:
    weekly = (
        f"DTSTART;TZID=W. Europe Standard Time:{_day(1)}T090000",
        f"DTEND;TZID=W. Europe Standard Time:{_day(1)}T100000",
        "RRULE:FREQ=DAILY;COUNT=5",
        f"EXDATE;TZID=W. Europe Standard Time:{_day(2)}T090000",
    )
    moved = (
        f"RECURRENCE-ID;TZID=W. Europe Standard Time:{_day(3)}T090000",
        f"DTSTART;TZID=W. Europe Standard Time:{_day(3)}T150000",
        f"DTEND;TZID=W. Europe Standard Time:{_day(3)}T160000",
    )
    whole_day = (f"DTSTART;VALUE=DATE:{_day(5)}", f"DTEND;VALUE=DATE:{_day(6)}")
    server.says(
        f"/{SECRET}.ics",
        200,
        _feed(
            _event("a", "Gym", *weekly),
            _event("a", "Gym, later", *moved),
            _event("b", "Holiday", *whole_day),
            "BEGIN:VEVENT\r\nUID:c\r\nEND:VEVENT\r\n",
        ),
    )
    assert case.synchronise() == Summary(applied=1)
    texts = "".join(case.texts().values())
    assert len(case.texts()) == 2
    assert "DTSTART;TZID=Europe/Berlin" in texts
    assert "TZID:Europe/Berlin" in texts
    assert "SUMMARY:Gym\\, later" in texts
    assert "SUMMARY:Holiday" in texts
    found = case.subscription()
    assert (found.status, found.reason) == ("active", None)
    assert found.report is not None
    assert (found.report["fetched"], len(found.report["skipped"])) == (4, 1)


def test_an_unchanged_feed_moves_no_token(case: Case, server: CalendarServer) -> None:
    path = f"/{SECRET}.ics"
    server.says(path, 200, _feed(_event("a", "Gym"), _event("b", "Choir")), etag='"1"')
    case.synchronise()
    token, texts = case.token(), case.texts()
    server.says(path, 304)
    assert case.synchronise() == Summary(unchanged=1)
    assert server.requests[-1][1]["if-none-match"] == '"1"'
    server.says(
        path,
        200,
        _feed(_event("b", "Choir", stamp="20261119T120000Z"), _event("a", "Gym", stamp="20261119T120000Z")),
    )
    assert case.synchronise() == Summary(applied=1)
    assert (case.token(), case.texts()) == (token, texts)
    assert case.subscription().status == "active"


def test_only_what_changed_moves(case: Case, server: CalendarServer) -> None:
    path = f"/{SECRET}.ics"
    server.says(path, 200, _feed(*(_event(uid, f"Event {uid}") for uid in "abc")))
    case.synchronise()
    token, before = case.token(), case.texts()
    server.says(path, 200, _feed(_event("a", "Event a"), _event("b", "Moved", day=9), _event("d", "New")))
    case.synchronise()
    state = case.calendar()
    with case.database.read() as connection:
        changed = set(sync.changes(connection, state, token))
    after = case.texts()
    assert changed == {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert len(changed) == 3
    assert sorted(
        line for text in after.values() for line in text.splitlines() if line.startswith("SUMMARY")
    ) == ["SUMMARY:Event a", "SUMMARY:Moved", "SUMMARY:New"]


def _html(server: CalendarServer) -> None:
    server.says(f"/{SECRET}.ics", 200, b"<html><body>Please sign in</body></html>", content_type="text/html")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (_html, "html"),
        (lambda server: server.says(f"/{SECRET}.ics", 503), "http-5xx"),
        (lambda server: server.says(f"/{SECRET}.ics", 404), "http-404"),
        (lambda server: server.says(f"/{SECRET}.ics", 200, b""), "no-content"),
        (lambda server: server.says(f"/{SECRET}.ics", 200, _feed()), "empty"),
        (lambda server: server.says(f"/{SECRET}.ics", 200, _feed(_event("a", "Gym"))[:-20]), "truncated"),
    ],
)
def test_a_failed_fetch_keeps_what_was_there(
    case: Case, server: CalendarServer, fault: Callable[[CalendarServer], object], reason: str
) -> None:
    server.says(f"/{SECRET}.ics", 200, _feed(_event("a", "Gym"), _event("b", "Choir")))
    case.synchronise()
    token, texts = case.token(), case.texts()
    fault(server)
    assert case.synchronise() == Summary(failed=1)
    found = case.subscription()
    assert (found.status, found.reason) == ("error", reason)
    assert found.message
    assert SECRET not in found.message
    assert found.next_at > time.time()
    assert (case.token(), case.texts()) == (token, texts)
    server.says(f"/{SECRET}.ics", 200, _feed(_event("a", "Gym")))
    case.synchronise()
    assert case.subscription().status == "active"
    assert len(case.texts()) == 1


def test_paused_subscriptions_are_left_alone_and_removed_ones_take_their_events(
    case: Case, server: CalendarServer
) -> None:
    server.says(f"/{SECRET}.ics", 200, _feed(_event("a", "Gym")))
    case.synchronise()
    with case.database.write() as connection:
        subscriptions.pause(connection, case.subscription_id, actor=SYSTEM)
    assert case.store.claim(int(time.time()) + 10**6, 60, 10) == []
    assert len(case.texts()) == 1
    with case.database.write() as connection:
        subscriptions.resume(connection, case.subscription_id, actor=SYSTEM)
    assert [due.id for due in case.store.claim(int(time.time()), 60, 10)] == [case.subscription_id]
    with case.database.write() as connection:
        subscriptions.remove(connection, case.subscription_id, events="delete", actor=SYSTEM)
    with Snapshot(case.database, Config(), followers=FOLLOWERS) as snapshot:
        assert snapshot.calendar("anna", f"external-{case.subscription_id}") is None


def test_the_address_is_kept_encrypted_and_shown_as_a_host(case: Case, server: CalendarServer) -> None:
    assert case.subscription().host == "127.0.0.1"
    [due] = case.store.claim(int(time.time()), 60, 10)
    assert due.url == server.url(f"/{SECRET}.ics")
    assert SECRET not in repr(due)
    with case.database.read() as connection:
        row = connection.exec_driver_sql("SELECT * FROM subscriptions").one()
    assert SECRET not in repr(tuple(row))


def test_a_claim_belongs_to_one_importer_and_a_lost_one_writes_nothing(case: Case) -> None:
    now = int(time.time())
    [lost] = case.store.claim(now, 60, 10)
    assert case.store.claim(now, 60, 10) == []
    assert case.store.claim(now, 60, 10, only=case.subscription_id) == []
    [held] = case.store.claim(now + 61, 60, 10)
    case.store.apply(lost, Applied(seen={}, upserts=(), facts=_facts("lost")))
    case.store.failed(lost, Failure(reason="late", message="Too late.", next_at=0))
    assert case.subscription().status == "active"
    assert case.subscription().last_success_at is None
    case.store.unchanged(held, _facts("held"))
    assert case.subscription().last_success_at is not None
    [again] = case.store.claim(now + 10**6, 60, 10)
    assert again.etag == "held"


def _facts(etag: str) -> Facts:
    return Facts(etag=etag, last_modified=None, next_at=0)


def test_importers_beside_each_other_never_claim_the_same(database: Database) -> None:
    keyring = Keyring(KEY)
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        for number in range(40):
            subscriptions.add(
                connection,
                keyring,
                user.id,
                f"https://example.com/{number}.ics",
                f"Calendar {number}",
                actor=SYSTEM,
            )
    claimed: list[Due] = []

    def work() -> None:
        store = ImportStore(database, Config(), keyring, followers=FOLLOWERS)
        while found := store.claim(int(time.time()), 600, 3):
            claimed.extend(found)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while found := ImportStore(database, Config(), keyring, followers=FOLLOWERS).claim(
        int(time.time()), 600, 10
    ):
        claimed.extend(found)
    assert len(claimed) == len({due.id for due in claimed}) == 40
