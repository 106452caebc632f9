# SPDX-License-Identifier: GPL-3.0-or-later
"""One importer, many subscriptions: equal sources are fetched once, slow hosts and bad calendars hold up nobody."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from importer.config import ImporterConfig
from importer.confined.limits import Limits
from importer.confined.pool import Readers
from importer.errors import NotACalendar, Overtaxing
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, fetch
from importer.fetch.hosts import Hosts, Visit, host_of
from importer.fetch.policy import FetchPolicy
from importer.loop import Summary, run
from importer.store import Due, Standing
from importer.understand.body import Job, Reader, Stream, read
from importer.work import Work, tasks_of
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.credentials import Credentials
from scheduling.subscriptions.store import ImportStore

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CONFIG = dataclasses.replace(
    ImporterConfig(), allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]), host_rate=1000.0
)
FEED = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n"
    b"DTSTART:20261201T090000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def job(body: bytes = FEED, **stored: str) -> Job:
    reader = Reader(time_zone="Europe/Berlin", stored=stored)
    return Job(content=Stream(body=body), max_events=1000, readers=(reader,), now=datetime.now(UTC))


def due(number: int, url: str = "https://example.com/", key: bytes = b"", **facts: Any) -> Due:
    return Due(
        id=number, user_id=1, url=url, etag=None, last_modified=None, time_zone="UTC", lease="lease",
        source_key=key, **{"failures": 0, **facts},
    )  # fmt: skip


def subscribe(database: Database, url: str, count: int) -> ImportStore:
    with database.write() as connection:
        for number in range(count):
            user = users.create(connection, username=f"user-{number}", actor=SYSTEM)
            subscriptions.add(connection, Keyring(KEY), user.id, url, "Shared", actor=SYSTEM)
    return ImportStore(database, Config(), Keyring(KEY), followers=FOLLOWERS)


def test_one_request_serves_two_hundred_users(sqlite_database: Database, server: Any) -> None:
    store = subscribe(sqlite_database, server.says("/a", 200, FEED, etag='"1"'), 200)
    assert run(store, CONFIG, once=True, stop=threading.Event()) == Summary(applied=200)
    assert len(server.requests) == 1
    with sqlite_database.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM external_events").scalar() == 200
        # One of them asks for it: all others come along, before their own time.
        connection.exec_driver_sql("UPDATE subscriptions SET next_at = 0 WHERE id = 7")
    server.says("/a", 304)
    assert run(store, CONFIG, once=True, stop=threading.Event()) == Summary(unchanged=200)
    assert len(server.requests) == 2
    assert server.requests[1][1]["if-none-match"] == '"1"'


def test_several_importers_fetch_a_source_once(postgresql_database: Database, server: Any) -> None:
    subscribe(postgresql_database, server.says("/a", 200, FEED), 30)
    store = ImportStore(postgresql_database, Config(), Keyring(KEY), followers=FOLLOWERS)
    found: list[Summary] = []
    importers = [
        threading.Thread(target=lambda: found.append(run(store, CONFIG, once=True, stop=threading.Event())))
        for _ in range(3)
    ]
    for importer in importers:
        importer.start()
    for importer in importers:
        importer.join()
    assert sum(summary.applied for summary in found) == 30
    assert len(server.requests) == 1


def test_what_differs_in_noise_only_is_not_read_again(sqlite_database: Database, server: Any) -> None:
    store = subscribe(sqlite_database, server.says("/a", 200, FEED), 1)
    run(store, CONFIG, once=True, stop=threading.Event())
    server.says("/a", 200, FEED.replace(b"DTSTAMP:2026", b"DTSTAMP:2027"))
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("UPDATE subscriptions SET next_at = 0")
    assert run(store, CONFIG, once=True, stop=threading.Event()) == Summary(unchanged=1)


def test_only_noise_leaves_the_digest_alone() -> None:
    known = Stream(body=FEED).digest("UTC")
    assert Stream(body=FEED.replace(b"20260101T000000Z", b"20270101T000000Z")).digest("UTC") == known
    folded = FEED.replace(b"SUMMARY:x\r\n", b"SUMMARY:x\r\nDTSTAMP:1\r\n y\r\n")
    joined = FEED.replace(b"SUMMARY:x\r\n", b"SUMMARY:x\r\n y\r\n")
    assert len({known, Stream(body=folded).digest("UTC"), Stream(body=joined).digest("UTC")}) == 3
    assert Stream(body=FEED).digest("Europe/Berlin") != known
    assert Stream(body=FEED, charset="utf-16").digest("UTC") != known


def test_credentials_go_to_their_own_origin_only(server: Any) -> None:
    policy = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1", "127.0.0.2"]), deadline=10)
    server.says("/there", 302, location=f"http://127.0.0.1:{server.port}/back")
    server.says("/back", 302, location=f"http://localhost.test:{server.port}/")
    header = Credentials(kind="bearer", secret="S3CRET").header()
    with pytest.raises(Exception, match=r"localhost\.test"):
        fetch(FetchRequest(url=server.url("/there"), credentials=header), policy)
    assert [headers.get("authorization") for _, headers in server.requests] == ["Bearer S3CRET"] * 2


@pytest.mark.usefixtures("resolver")
def test_another_host_gets_neither_the_credentials_nor_the_same_name(server: Any) -> None:
    policy = FetchPolicy(
        allow_http=True,
        allow=Exemptions.parse(["127.0.0.1"]),
        deadline=10,
        user_agent="Plain",
        user_agents={"other.test": "Special"},
    )
    server.says("/a", 302, location=f"http://other.test:{server.port}/b")
    server.says("/b", 200, FEED)
    header = Credentials(kind="header", name="X-Key", secret="S3CRET").header()
    fetch(FetchRequest(url=f"http://first.test:{server.port}/a", credentials=header), policy)
    seen = [(headers.get("x-key"), headers["user-agent"]) for _, headers in server.requests]
    assert seen == [("S3CRET", "Plain"), (None, "Special")]


def test_a_host_gets_few_visits_at_a_time_and_per_second() -> None:
    hosts = Hosts(2, 1000.0)
    first = hosts.enter("a")
    time.sleep(0.002)
    second = hosts.enter("a")
    assert isinstance(first, Visit)
    assert isinstance(second, Visit)
    assert hosts.enter("a") == 1.0
    assert isinstance(other := hosts.enter("b"), Visit)
    assert not other.move("a", 0.01)
    first.leave()
    first.leave()
    assert hosts.enter_within("a", 5) is not None
    assert isinstance(Hosts(9, 0.1).enter("a"), Visit)
    slow = Hosts(9, 0.1)
    slow.enter("a")
    wait = slow.enter("a")
    assert not isinstance(wait, Visit)
    assert 9 < wait <= 10
    assert (host_of(" https://Example.com:8443/x "), host_of("http://[::1"), host_of("x")) == (
        "example.com",
        "",
        "",
    )


def test_failing_sources_and_full_hosts_leave_room_for_others() -> None:
    work = Work(Hosts(1, 1000.0), 2)
    failing = [due(n, f"https://bad-{n}.example/", failures=1) for n in range(3)]
    prompt = [due(n, "https://a.example/", prompt=True) for n in (8, 9)]
    work.add(tasks_of([*failing, *prompt]))
    first, second = work.take(), work.take()
    assert first is not None
    assert second is not None
    assert [task.sharing[0].id for task, _ in (first, second)] == [0, 8]
    assert work.least is Standing.UNPROVEN
    assert work.has_room
    assert work.full_hosts() == ()
    work.finish(first[0])
    third = work.take()
    assert third is not None
    assert third[0].sharing[0].id == 1
    work.close()
    assert work.take() is None
    assert [task.sharing[0].id for task in work.take_back()] == [2, 9]


def test_new_and_slow_sources_leave_room_for_prompt_ones_and_failing_ones_for_both() -> None:
    work = Work(Hosts(9, 1000.0), 8)
    standings = [{"failures": 1}, {}, {"prompt": True}]
    found = [
        due(10 * kind + n, f"https://{kind}-{n}.example/", **facts)
        for kind, facts in enumerate(standings)
        for n in range(9)
    ]
    work.add(tasks_of(found))
    assert work.least is Standing.PROMPT
    taken = [work.take() for _ in range(8)]
    assert [task.sharing[0].id for task, _ in filter(None, taken)] == [0, 1, 2, 3, 10, 11, 20, 21]
    assert work.least is Standing.FAILING
    work.wait_for_room(5, below=Standing.PROMPT)
    shared = [due(1, key=b"x", failures=1), due(2, key=b"x"), due(3, key=b"x", prompt=True)]
    assert [task.standing for task in tasks_of(shared)] == [Standing.PROMPT]


def test_new_calendars_that_never_answer_hold_up_no_other(sqlite_database: Database, server: Any) -> None:
    store = subscribe(sqlite_database, server.says("/good", 200, FEED), 1)
    anywhere_here = Exemptions.parse(["127.0.0.0/8"])
    config = dataclasses.replace(
        CONFIG, idle=1, concurrency=4, batch=4, timeout=30, allow_hosts=anywhere_here
    )
    assert run(store, config, once=True, stop=threading.Event()) == Summary(applied=1)
    stop = threading.Event()
    with ExitStack() as silent:
        with sqlite_database.write() as connection:
            for number in range(12):
                door = silent.enter_context(socket.create_server((f"127.0.0.{number + 2}", 0)))
                user = users.create(connection, username=f"slow-{number}", actor=SYSTEM)
                url = "http://{}:{}/".format(*door.getsockname())
                subscriptions.add(connection, Keyring(KEY), user.id, url, "Slow", actor=SYSTEM)
            connection.execute(text("UPDATE subscriptions SET next_at = (id = 1)"))
        running = threading.Thread(target=run, args=(store, config), kwargs={"once": False, "stop": stop})
        running.start()
        deadline = time.monotonic() + 20
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        with sqlite_database.read() as connection:
            tried = connection.scalar(text("SELECT count(last_attempt_at) FROM subscriptions WHERE id > 1"))
        stop.set()
    running.join()
    assert (len(server.requests), tried) == (2, 0)


def test_what_shares_a_source_is_one_task() -> None:
    found = tasks_of([due(1, key=b"k"), due(2, key=b"l"), due(3, key=b"k"), due(4), due(5)])
    assert [[it.id for it in task.sharing] for task in found] == [[1, 3], [2], [4], [5]]


@pytest.fixture(scope="module")
def readers() -> Any:
    made = Readers(Limits(readers=1, seconds=1, memory=700_000_000))
    yield made
    made.close()


def test_a_reader_answers_like_the_function_and_is_used_again(readers: Readers) -> None:
    assert readers.read(job()) == read(job())
    with pytest.raises(NotACalendar, match="web page"):
        readers.read(job(b"<html></html>"))
    assert len(readers._processes) == 1


def test_a_reader_that_is_killed_or_takes_too_long_harms_only_its_calendar(readers: Readers) -> None:
    readers.read(job())
    [process] = readers._processes
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(Overtaxing) as crashed:
        readers.read(job())
    assert crashed.value.reason == "crashed"
    assert readers.read(job()) == read(job())
    events = b"".join(
        b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:20261201T090000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\n" % n
        for n in range(20_000)
    )
    heavy = dataclasses.replace(
        job(b"BEGIN:VCALENDAR\r\n" + events + b"END:VCALENDAR\r\n"), max_events=50_000
    )
    with pytest.raises(Overtaxing) as slow:
        readers.read(heavy)
    assert slow.value.reason == "too-expensive"
    assert readers.read(job()) == read(job())
