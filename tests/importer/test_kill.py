# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of an importer at any moment, while its sources change: every calendar is one state of its source, no claim
stays stuck, nothing is doubled, and nothing of the killed importer stays behind.

`KILL_ROUNDS=200 make test PYTEST_ARGS=tests/importer/test_kill.py` kills it more often.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars import objects
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import generations, subscriptions
from tests.importer.conftest import CalendarServer

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
SOURCES, EVENTS = 6, 150
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_WORKER = """
import dataclasses, signal, sys, threading
from importer.fetch.addresses import Exemptions
from importer.config import ImporterConfig
from importer.loop import run
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions.store import ImportStore
from scheduling.access.secrets import Keyring
loopback = Exemptions.parse(["127.0.0.1"])
config = dataclasses.replace(
    ImporterConfig(), allow_http=True, allow_hosts=loopback, lease=2, host_rate=1000, host_concurrency=8
)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
store = ImportStore(Database(sys.argv[1]), Config(), Keyring(sys.argv[2]), followers=FOLLOWERS)
print("ready", flush=True)
run(store, config, once=False, stop=stop)
"""


class Sources:
    """Calendars that are in another state after each look: all of a state's events name it, and some come and go."""

    def __init__(self, server: CalendarServer) -> None:
        self._start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
        self.states: Counter[int] = Counter()
        self.frozen = False
        self.urls = [server.url(f"/{number}.ics") for number in range(SOURCES)]
        for number in range(SOURCES):
            server.answers[f"/{number}.ics"] = lambda handler, number=number: self._answer(handler, number)

    def uids(self, number: int, state: int) -> set[str]:
        return {f"{number}-{n}" for n in range(EVENTS) if (n + state) % 7}

    def _answer(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        if not self.frozen:
            self.states[number] += 1
        state = self.states[number]
        body = "".join(self._event(uid, state) for uid in sorted(self.uids(number, state)))
        content = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n".encode()
        handler.send_response(200)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _event(self, uid: str, state: int) -> str:
        begins = self._start + timedelta(days=1, hours=int(uid.partition("-")[2]))
        return (
            f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{begins:%Y%m%dT%H%M%SZ}\r\n"
            f"DURATION:PT30M\r\nSUMMARY:{uid} in state {state}\r\nEND:VEVENT\r\n"
        )


class Imported:
    """What the database says."""

    def __init__(self, database: Database, sources: Sources) -> None:
        self._database = database
        self._sources = sources
        with database.write() as connection:
            user = users.create(connection, username="anna", actor=SYSTEM)
            self._ids = [
                subscriptions.add(connection, Keyring(KEY), user.id, url, "Other", actor=SYSTEM).id
                for url in sources.urls
            ]

    def make_due(self) -> None:
        with self._database.write() as connection:
            connection.execute(text("UPDATE subscriptions SET next_at = 0"))

    def state(self, number: int) -> int:
        """The one state that the calendar of a source shows whole, 0 before the first."""
        slug = f"external-{self._ids[number]}"
        with Snapshot(self._database, Config(), followers=FOLLOWERS) as snapshot:
            shown = snapshot.calendar("anna", slug)
            assert shown is not None
            texts = [it.calendar for it in objects.all_objects(snapshot.connection, shown.id, shown.cutoff)]
            kept = generations.listed(snapshot.connection, self._ids[number])
        found = [re.findall(r"SUMMARY:(\S+) in state (\d+)", it) for it in texts]
        assert all(len(it) == 1 for it in found)
        events = [it[0] for it in found]
        states = {int(state) for _, state in events}
        assert len(states) <= 1, "a mix of states"
        assert Counter(it.state for it in kept)[generations.CURRENT] == len(states)
        if not states:
            return 0
        (state,) = states
        assert sorted(uid for uid, _ in events) == sorted(self._sources.uids(number, state))
        current = next(it for it in kept if it.state == generations.CURRENT)
        assert current.events == len(events)
        return state

    def leases(self) -> int:
        with self._database.read() as connection:
            statement = "SELECT count(*) FROM subscriptions WHERE lease IS NOT NULL"
            return int(connection.scalar(text(statement)) or 0)


@pytest.fixture
def sources(server: CalendarServer) -> Sources:
    return Sources(server)


@contextmanager
def importer(database: Database) -> Iterator[subprocess.Popen[bytes]]:
    """Running; killed at the end with whatever it started."""
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _WORKER, url, KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as worker:  # noqa: S603
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            yield worker
        finally:
            worker.kill()


def assert_gone(group: int) -> None:
    """No process of the group is left within 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("a reader outlived its importer")


@pytest.mark.timeout(60 + 15 * ROUNDS)
def test_a_killed_importer_leaves_whole_states(database: Database, sources: Sources) -> None:
    imported = Imported(database, sources)
    chance = random.Random(11)  # noqa: S311
    before = [0] * SOURCES
    for _ in range(ROUNDS):
        imported.make_due()
        with importer(database) as worker:
            time.sleep(chance.random() * 1.2)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert_gone(worker.pid)
        after = [imported.state(number) for number in range(SOURCES)]
        assert all(new >= old for old, new in zip(before, after, strict=True)), "an older state came back"
        before = after
    sources.frozen = True
    imported.make_due()
    with importer(database) as worker:
        deadline = time.monotonic() + 60
        while [imported.state(number) for number in range(SOURCES)] != [
            sources.states[number] for number in range(SOURCES)
        ]:
            assert time.monotonic() < deadline, "a claim is stuck"
            time.sleep(0.2)
        worker.terminate()
        assert worker.wait(30) == 0
    assert imported.leases() == 0
    assert all(sources.states[number] > 0 for number in range(SOURCES))
