# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of calendar is one file and its registration: everything else asks the registry.

A process of its own serves a Daysheet with one kind more (on_call.py), whose rows come by plain SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from scheduling import kinds
from scheduling.access import api_keys
from scheduling.access.permissions import EVERYTHING, SYSTEM
from scheduling.database.connection import Database
from scheduling.kinds import BLOCKERS
from scheduling.kinds.registry import Registry
from tests.factories import Dispatch
from tests.server.running import Running, free_port, process, start

ROWS = (
    "CREATE TABLE turns_on_call"
    " (id BIGINT PRIMARY KEY, user_id BIGINT, starts_at BIGINT, ends_at BIGINT, region TEXT)"
)
_CHANGED = (
    "INSERT INTO schedule_changes (user_id, slug, source_id, changed_at)"
    " VALUES (NEW.user_id, 'on-call', NEW.id, 0)"
)
TRIGGERS = {
    True: [
        f"CREATE TRIGGER turns_{event} AFTER {event} ON turns_on_call BEGIN {_CHANGED}; END"
        for event in ("INSERT", "UPDATE")
    ],
    False: [
        "CREATE FUNCTION turns() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {_CHANGED}; RETURN NULL; END $$",
        "CREATE TRIGGER turns AFTER INSERT OR UPDATE ON turns_on_call FOR EACH ROW EXECUTE FUNCTION turns()",
    ],
}
START, END = 1_804_147_200, 1_804_168_800  # 2027-03-04 08:00 to 14:00 UTC
DAY = "start=2027-03-04T00:00:00Z&end=2027-03-05T00:00:00Z"
PROPERTIES = (
    '<propfind xmlns="DAV:" xmlns:A="http://apple.com/ns/ical/" xmlns:C="urn:ietf:params:xml:ns:caldav"'
    ' xmlns:S="http://calendarserver.org/ns/"><prop><displayname/><A:calendar-color/><C:calendar-description/>'
    "<S:getctag/><C:calendar-home-set/></prop></propfind>"
)


@contextmanager
def served(running: Running, folder: Path) -> Iterator[str]:
    port = free_port()
    command = ["-m", "granian", "--interface", "wsgi", "--factory", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    application = "tests.scheduling.kinds.served_on_call:from_environment"
    settings = {"DAYSHEET_CONFIG": str(running.settings.source)}
    with process([*command, application], f"{url}/healthz", folder / "log", settings):
        yield url


def test_one_more_kind_is_found_listed_fed_and_busy(
    database: Database, dispatch: Dispatch, tmp_path: Path
) -> None:
    anna = dispatch.user("anna")
    dispatch.execute(ROWS)
    for statement in TRIGGERS[database.is_sqlite]:
        dispatch.execute(statement)
    dispatch.execute(
        "INSERT INTO turns_on_call VALUES (1, :user, :start, :end, 'North')", user=anna, start=START, end=END
    )
    running = start(tmp_path, database)
    with database.write() as connection:
        _, secret = api_keys.create(
            connection,
            running.settings.keyring(),
            user_id=None,
            label="Test",
            permissions=EVERYTHING,
            actor=SYSTEM,
        )
    password = running.password("anna")
    with (
        served(running, tmp_path) as url,
        httpx.Client(base_url=url, auth=("anna", password), trust_env=False, timeout=60) as client,
        httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {secret}"},
            trust_env=False,
            timeout=60,
        ) as api,
    ):
        # Discovery leads to the home, and the home lists the calendar with the words of its kind.
        principal = client.request("PROPFIND", "/dav/anna/", content=PROPERTIES, headers={"Depth": "0"}).text
        assert "<href>/dav/anna/</href>" in principal
        home = client.request("PROPFIND", "/dav/anna/", content=PROPERTIES, headers={"Depth": "1"}).text
        for text in ("/dav/anna/on-call/", "On call", "#AA00BBFF", "is on call. Read-only."):
            assert text in home, home
        assert "SUMMARY:On call: North" in client.get("/dav/anna/on-call/").text

        made = api.post("/users/anna/feeds", json={"label": "Phone", "kinds": ["on-call"]})
        assert made.status_code == 201, made.text
        feed = client.get(urlsplit(made.json()["link"]["url"]).path)
        assert "SUMMARY:On call: North" in feed.text

        busy = api.get(f"/users/anna/availability?{DAY}").json()
        assert [(it["type"], it["starts_at"], it["ends_at"]) for it in busy["busy"]] == [
            ("BUSY", "2027-03-04T08:00:00Z", "2027-03-04T14:00:00Z")
        ]

        # A change by plain SQL moves it like any other calendar.
        def tag() -> str:
            listed = client.request(
                "PROPFIND", "/dav/anna/on-call/", content=PROPERTIES, headers={"Depth": "0"}
            )
            return listed.text.partition("getctag>")[2].partition("<")[0]

        before = tag()
        assert before
        assert tag() == before
        dispatch.execute("UPDATE turns_on_call SET region = 'South'")
        assert tag() != before
        assert "SUMMARY:On call: South" in client.get("/dav/anna/on-call/").text


def test_a_kind_that_comes_too_late_or_twice_is_refused() -> None:
    registry = Registry()
    registry.register(BLOCKERS)
    with pytest.raises(ValueError, match="'blockers' already"):
        registry.register(BLOCKERS)
    assert registry.every() == (BLOCKERS,)
    with pytest.raises(RuntimeError, match="comes too late"):
        registry.register(kinds.JOBS)
    assert registry.of_calendar("blockers") is BLOCKERS
    assert registry.of_calendar("blockers-1") is None
