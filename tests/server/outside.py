# SPDX-License-Identifier: GPL-3.0-or-later
"""Anna's outside calendars: a scripted calendar server on loopback, the REST API, and an importer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from importer.loop import run
from scheduling.access.permissions import Permission
from scheduling.composition import FOLLOWERS
from scheduling.subscriptions.store import ImportStore
from server import background
from tests.importer.conftest import CalendarServer, server
from tests.server.api.calls import Api
from tests.server.api.conftest import api_of
from tests.server.running import Running, Sections

__all__ = ["CalendarServer", "server"]

PATH = "/secret-4711.ics"
BASE = "/users/anna/ical-subscriptions"
NOT_BUSY = "TRANSP:TRANSPARENT\r\n"
MAYBE = "STATUS:TENTATIVE\r\n"
OWN = (Permission.SUBSCRIPTIONS_MANAGE_OWN, Permission.SCHEDULE_READ_OWN)


def day(offset: int) -> str:
    """The date so many days from today in UTC, as YYYY-MM-DD."""
    return f"{datetime.now(UTC) + timedelta(days=offset):%Y-%m-%d}"


def event(uid: str, title: str, extra: str = "", day: int = 3) -> str:
    """A VEVENT from 9 to 10 o'clock UTC, so many days from today."""
    date = f"{datetime.now(UTC) + timedelta(days=day):%Y%m%d}"
    return (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{date}T090000Z\r\n"
        f"DTEND:{date}T100000Z\r\nSUMMARY:{title}\r\n{extra}END:VEVENT\r\n"
    )


def feed(*events: str) -> bytes:
    """A calendar of these components."""
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n"
    return (head + "".join(events) + "END:VCALENDAR\r\n").encode()


FULL = feed(*(event(f"uid-{number}", f"Private {number}", day=number + 1) for number in range(10)))


@dataclass
class Case:
    """The application, anna's own client of its API, and the server that her calendars are on."""

    running: Running
    api: Api
    server: CalendarServer

    def fetch(self) -> None:
        """Do what `daysheet worker --once` does."""
        background.run(self.running.settings, once=True)

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """An importer that works beside the block."""
        settings = self.running.settings
        store = ImportStore(self.running.database, settings.config, settings.keyring(), followers=FOLLOWERS)
        stop = threading.Event()
        wanted = {"once": False, "stop": stop}
        daemon = threading.Thread(target=run, args=(store, settings.importer), kwargs=wanted)
        daemon.start()
        try:
            yield
        finally:
            self.server.released.set()
            stop.set()
            daemon.join()

    def sync(self, number: int) -> Any:
        """Fetch everything now, and return the subscription."""
        with self.running.database.write() as connection:
            connection.execute(text("UPDATE subscriptions SET next_at = 0"))
        self.fetch()
        return self.api.get(f"{BASE}/{number}").json

    def until(self, number: int, condition: Callable[[Any], bool]) -> Any:
        """The subscription as soon as it is as wanted, which takes seconds."""
        deadline = time.monotonic() + 60
        while not condition(found := self.api.get(f"{BASE}/{number}").json):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def events(self) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        span = f"start={now:%Y-%m-%dT00:00:00Z}&end={now + timedelta(days=60):%Y-%m-%dT00:00:00Z}"
        found: list[dict[str, Any]] = self.api.get(f"/users/anna/events?{span}").json["events"]
        return found

    def generations(self, number: int) -> list[tuple[str, int]]:
        found = self.api.get(f"{BASE}/{number}/generations").json["generations"]
        return [(it["state"], it["events"]) for it in found]

    def generation(self, number: int, state: str) -> int:
        found = self.api.get(f"{BASE}/{number}/generations").json["generations"]
        return next(int(it["id"]) for it in found if it["state"] == state)


@pytest.fixture
def case(configured: Callable[[Sections], Running], people: dict[str, int], server: CalendarServer) -> Case:
    importer = {"allow_http": "yes", "allow_hosts": "127.0.0.1", "idle": "1s"}
    running = configured({"importer": importer, "availability": {"longest_wait_seconds": "60"}})
    return Case(running, api_of(running, "anna", OWN), server)


def subscribed(case: Case, body: bytes = FULL, path: str = PATH, **more: Any) -> int:
    """A subscription of anna to this calendar, imported."""
    url = case.server.says(path, 200, body, etag='"1"')
    made = case.api.created(BASE, {"url": url, "label": "Private", **more})
    case.fetch()
    return int(made["id"])
