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
from scheduling.database import triggers
from scheduling.database.connection import Database
from scheduling.kinds import BLOCKERS
from scheduling.kinds.registry import Registry
from tests.factories import Dispatch
from tests.server.client import APPLE, CS, Answer, C, D
from tests.server.running import Running, free_port, process, start

ROWS = (
    "CREATE TABLE turns_on_call"
    " (id BIGINT PRIMARY KEY, user_id BIGINT, starts_at BIGINT, ends_at BIGINT, region TEXT)"
)
START, END = 1_804_147_200, 1_804_168_800  # 2027-03-04 08:00 to 14:00 UTC
CALENDAR = "/dav/anna/on-call/"
DAY = "start=2027-03-04T00:00:00Z&end=2027-03-05T00:00:00Z"
HOME = ((D, "displayname"), (APPLE, "calendar-color"), (C, "calendar-description"), (CS, "getctag"))
IN_MARCH = (
    '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
    '<C:time-range start="20270301T000000Z" end="20270401T000000Z"/>'
    "</C:comp-filter></C:comp-filter></C:filter>"
)
DATA = "<D:prop><D:getetag/><C:calendar-data/></D:prop>"


def ask(
    client: httpx.Client, method: str, path: str, body: str, depth: str = "0", root: str = "propfind"
) -> Answer:
    """What a PROPFIND or REPORT is answered."""
    names = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
    content = f"<{root} {names}>{body}</{root}>"
    found = client.request(method, path, content=content, headers={"Depth": depth})
    return Answer(status=found.status_code, headers=dict(found.headers), body=found.content)


def propfind(client: httpx.Client, path: str, *names: tuple[str, str], depth: str = "0") -> Answer:
    wanted = "".join(f'<p:{name} xmlns:p="{namespace[1:-1]}"/>' for namespace, name in names)
    return ask(client, "PROPFIND", path, f"<D:prop>{wanted}</D:prop>", depth, "D:propfind")


def report(client: httpx.Client, root: str, body: str, depth: str = "0") -> Answer:
    return ask(client, "REPORT", CALENDAR, body, depth, root)


def summaries(answer: Answer) -> list[str]:
    """The titles of the events in an answer."""
    data = [it.found[f"{C}calendar-data"].text or "" for it in answer.resources.values()]
    return [line for text in data for line in text.splitlines() if line.startswith("SUMMARY")]


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
    for statement in triggers.of_table(database.engine.dialect.name, "turns_on_call", "on-call"):
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
        # Discovery leads from the root to the principal and its home, which lists the calendar in its kind's words.
        root = propfind(client, "/dav/", (D, "current-user-principal")).only
        assert root.hrefs(f"{D}current-user-principal") == ["/dav/anna/"]
        principal = propfind(client, "/dav/anna/", (C, "calendar-home-set")).only
        assert principal.hrefs(f"{C}calendar-home-set") == ["/dav/anna/"]
        home = propfind(client, "/dav/anna/", *HOME, depth="1").resources
        assert {it for it in home if it.endswith("/on-call/")} == {CALENDAR}
        listed = home[CALENDAR]
        assert listed.text(f"{D}displayname") == "On call"
        assert listed.text(f"{APPLE}calendar-color") == "#AA00BBFF"
        assert listed.text(f"{C}calendar-description").endswith(" is on call. Read-only.")
        assert "SUMMARY:On call: North" in client.get(CALENDAR).text

        # The three reports by which clients read a calendar.
        query = report(client, "C:calendar-query", DATA + IN_MARCH, "1")
        assert summaries(query) == ["SUMMARY:On call: North"]
        (href,) = query.resources
        hrefs = f"<D:href>{href}</D:href><D:href>{CALENDAR}missing.ics</D:href>"
        multiget = report(client, "C:calendar-multiget", DATA + hrefs)
        assert multiget.names == {href.rpartition("/")[2]: 200, "missing.ics": 404}
        elsewhere = report(client, "C:calendar-query", DATA + IN_MARCH.replace("2027", "2028"), "1")
        assert elsewhere.resources == {}
        first = synced(client, "")
        assert list(first.resources) == [href]

        made = api.post("/users/anna/feeds", json={"label": "Phone", "kinds": ["on-call"]})
        assert made.status_code == 201, made.text
        feed = client.get(urlsplit(made.json()["link"]["url"]).path)
        assert "SUMMARY:On call: North" in feed.text

        busy = api.get(f"/users/anna/availability?{DAY}").json()
        assert [(it["type"], it["starts_at"], it["ends_at"]) for it in busy["busy"]] == [
            ("BUSY", "2027-03-04T08:00:00Z", "2027-03-04T14:00:00Z")
        ]

        # Changes by plain SQL move it like any other calendar, and a row that is gone leaves it.
        def tag() -> str:
            return propfind(client, CALENDAR, (CS, "getctag")).only.text(f"{CS}getctag")

        before = tag()
        assert tag() == before != ""
        token = first.xml.findtext(f"{D}sync-token", "")
        dispatch.execute("UPDATE turns_on_call SET region = 'South'")
        assert tag() != before
        changed = synced(client, token)
        assert list(changed.resources) == [href]
        assert changed.only.status is None
        assert "SUMMARY:On call: South" in client.get(CALENDAR).text
        dispatch.execute("DELETE FROM turns_on_call")
        gone = synced(client, changed.xml.findtext(f"{D}sync-token", ""))
        assert gone.names == {href.rpartition("/")[2]: 404}
        assert propfind(client, CALENDAR, (D, "getetag"), depth="1").names == {"": 200}


def synced(client: httpx.Client, token: str) -> Answer:
    body = f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    return report(client, "D:sync-collection", body)


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
