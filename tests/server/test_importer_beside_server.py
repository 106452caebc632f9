# SPDX-License-Identifier: GPL-3.0-or-later
"""One importer on SQLite beside a busy server, each a process of its own: calendars change with every fetch while the
dispatch application and the API write and apps read. Everybody gets through, and nobody an error.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import icalendar
import pytest
from sqlalchemy import text

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.api.conftest import api_of
from tests.server.outside import BASE, CalendarServer, day, event, feed, server
from tests.server.running import ROOT, Running, Sections, granian

__all__ = ["server"]

database = fixtures.sqlite_alone
SOURCES, EVENTS, CYCLES = 4, 30, 3
SOON = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
PAUSE = 0.02
HALF = timedelta(minutes=30)
SETTINGS: Sections = {
    "importer": {"allow_http": "yes", "allow_hosts": "127.0.0.1", "idle": "1s", "host_rate": "1000"},
    "subscriptions": {"sync_seconds": "0"},
    "server": {"api_requests_per_minute": "100000"},
}


class Changing:
    """Calendars of which every event says how often it was fetched."""

    def __init__(self, server: CalendarServer) -> None:
        self.fetches: Counter[str] = Counter()
        self.paths = [f"/{number}.ics" for number in range(SOURCES)]
        self.urls = [server.url(path) for path in self.paths]
        server.answers |= dict.fromkeys(self.paths, self._answer)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.fetches[handler.path] += 1
        title = f"State {self.fetches[handler.path]}"
        body = feed(*(event(f"{handler.path}-{it}", title, day=it + 1) for it in range(EVENTS)))
        handler.send_response(200)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def importer(running: Running, log: Path) -> Iterator[None]:
    """`daysheet importer`, told to stop at the end."""
    with log.open("wb") as output:
        command = [sys.executable, "-m", "server.cli", "--config", str(running.settings.source), "importer"]
        child = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 (our own command)
    try:
        yield
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()


class Crowd:
    """Everybody beside the importer, each at it until `done` is set."""

    def __init__(self, running: Running, anna: int, secret: str, numbers: list[int]) -> None:
        self.running = running
        self.anna = anna
        self.key = {"Authorization": f"Bearer {secret}"}
        self.numbers = numbers
        self.done = threading.Event()
        self.counts: Counter[str] = Counter()

    def dispatch(self) -> None:
        """Transactions of plain SQL, one after the other."""
        with Dispatch.connect(self.running.database.url) as dispatch:
            while not self.done.wait(PAUSE):
                starts = [SOON + timedelta(hours=5 * self.counts["dispatched"] + it) for it in range(5)]
                with dispatch.transaction():
                    jobs = [dispatch.job(self.anna, starts_at=it, ends_at=it + HALF) for it in starts]
                    dispatch.withdraw(jobs[0], self.anna)
                self.counts["dispatched"] += 1

    def plan(self, client: httpx.Client) -> None:
        """Writes through the API."""
        blocker = {
            "user": "bo",
            "title": "Plan",
            "starts_at": f"{day(4)}T08:00:00Z",
            "ends_at": f"{day(4)}T09:00:00Z",
        }
        while not self.done.wait(PAUSE):
            made = client.post("/api/v1/blockers", headers=self.key, json=blocker)
            assert made.status_code == 201, made.text
            self.counts["planned"] += 1

    def read(self, client: httpx.Client) -> None:
        """Anna's app, which keeps its calendars in step, and availability."""
        tokens = dict.fromkeys(["jobs", *(f"external-{number}" for number in self.numbers)], "")
        login = ("anna", self.running.password("anna"))
        span = f"start={day(0)}T00:00:00Z&end={day(9)}T00:00:00Z"
        while not self.done.wait(PAUSE):
            for calendar, token in tokens.items():
                body = (
                    f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>'
                    "<prop><getetag/></prop></sync-collection>"
                )
                answer = client.request("REPORT", f"/dav/anna/{calendar}/", content=body, auth=login)
                assert answer.status_code == 207, answer.text
                tokens[calendar] = answer.text.split("<sync-token>")[1].split("<")[0]
            asked = client.get(f"/api/v1/users/anna/availability?{span}", headers=self.key)
            assert asked.status_code == 200, asked.text
            self.counts["read"] += 1

    def sync(self, client: httpx.Client, sources: Changing) -> None:
        """Ask for all calendars until each was fetched often enough."""
        while min(sources.fetches[path] for path in sources.paths) < CYCLES:
            for number in self.numbers:
                asked = client.post(f"/api/v1{BASE}/{number}/sync", headers=self.key)
                assert asked.status_code == 202, asked.text
            time.sleep(0.2)


@pytest.mark.timeout(180)
def test_everybody_gets_through(
    configured: Callable[[Sections], Running], people: dict[str, int], server: CalendarServer, tmp_path: Path
) -> None:
    running = configured(SETTINGS)
    sources = Changing(server)
    api = api_of(running)
    numbers = [api.created(BASE, {"url": url, "label": "Private"})["id"] for url in sources.urls]
    crowd = Crowd(running, people["anna"], str(api.secret), numbers)
    log = tmp_path / "importer.log"
    with ExitStack() as stack:
        url = stack.enter_context(granian(running, tmp_path / "server.log"))
        stack.enter_context(importer(running, log))
        clients = [
            stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False)) for _ in range(4)
        ]
        workers = stack.enter_context(ThreadPoolExecutor(4))
        stack.callback(crowd.done.set)
        beside = [
            workers.submit(crowd.dispatch),
            workers.submit(crowd.plan, clients[0]),
            workers.submit(crowd.read, clients[1]),
            workers.submit(crowd.read, clients[2]),
        ]
        crowd.sync(clients[3], sources)
        crowd.done.set()
        for worker in beside:
            worker.result(120)
    assert min(crowd.counts[it] for it in ("dispatched", "planned", "read")) >= CYCLES, crowd.counts
    written = log.read_text(encoding="utf-8")
    assert not re.search("error|warning|failed on|not imported", written, re.IGNORECASE), written
    anna = running.client("anna")
    for number in numbers:
        shown = icalendar.Calendar.from_ical(anna.get(f"/dav/anna/external-{number}/").body).walk("VEVENT")
        assert len(shown) == EVENTS
        assert len({str(it["SUMMARY"]) for it in shown}) == 1, "one state of its source"
    found = api.get(BASE).json["subscriptions"]
    assert {(it["status"], it["reason"]) for it in found} == {("active", None)}
    with running.database.read() as connection:
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
        assert connection.scalar(text("SELECT count(*) FROM subscriptions WHERE lease IS NOT NULL")) == 0
