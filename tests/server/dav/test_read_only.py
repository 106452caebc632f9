# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing a client does changes the schedule, and every refusal is one that clients can live with."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Client, D

database = fixtures.sqlite_alone
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:new\r\nDTSTAMP:20270101T000000Z\r\n"
    "DTSTART:20270101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
PATHS = [
    "/",
    "/dav/",
    "/dav/anna/",
    "/dav/anna/new/",
    "/dav/anna/jobs/",
    "/dav/anna/jobs/{object}",
    "/dav/anna/jobs/new.ics",
    "/dav/bo/",
    "/dav/bo/jobs/",
    "/dav/bo/jobs/new.ics",
    "/dav/stranger/",
]
WRITES = ["PUT", "DELETE", "MOVE", "COPY", "MKCALENDAR", "MKCOL"]


@pytest.fixture
def content(database: Database) -> Callable[[], str]:
    """A hash of all the tables but the note of when a password was last used."""

    def hashed() -> str:
        with sqlite3.connect(str(database.path)) as connection:
            connection.execute("UPDATE app_passwords SET last_used_at = NULL")
            dump = "\n".join(connection.iterdump())
        return hashlib.sha256(dump.encode()).hexdigest()

    return hashed


@pytest.fixture
def name(anna: Client, people: dict[str, int], dispatch: Dispatch) -> str:
    """The name of an object in anna's calendar of jobs; everything is rendered."""
    dispatch.job(people["anna"])
    for user in ("anna", "bo"):
        Client(anna.application, anna.authorization).propfind(f"/dav/{user}/", f"{D}displayname", depth="1")
    (href,) = [
        it
        for it in anna.propfind("/dav/anna/jobs/", f"{D}getetag", depth="1").resources
        if it.endswith(".ics")
    ]
    return href.rpartition("/")[2]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("path", PATHS)
def test_writing_is_refused_for_want_of_privileges(
    anna: Client, nobody: Client, name: str, content: Callable[[], str], method: str, path: str
) -> None:
    before = content()
    target = path.format(object=name)
    for headers in ({}, {"If_Match": '"x"'}, {"If_None_Match": "*"}):
        body = EVENT if method == "PUT" else ""
        answer = anna.request(
            method,
            target,
            body,
            Destination="http://127.0.0.1:5232/dav/anna/time-off/x.ics",
            Content_Type="text/calendar",
            **headers,
        )
        assert (answer.status, answer.conditions) == (403, [f"{D}need-privileges"])
    assert nobody.request(method, target, EVENT).status == 401
    assert content() == before


@pytest.mark.parametrize("method", ["POST", "LOCK", "UNLOCK", "PATCH", "ACL", "SEARCH", "TRACE", "NONSENSE"])
@pytest.mark.parametrize(
    "path", ["/dav/", "/dav/anna/", "/dav/anna/jobs/", "/dav/anna/jobs/{object}", "/dav/bo/jobs/"]
)
def test_what_is_not_offered_is_not_allowed(
    anna: Client, name: str, content: Callable[[], str], method: str, path: str
) -> None:
    before = content()
    answer = anna.request(method, path.format(object=name), EVENT)
    assert answer.status == 405
    assert answer.headers["allow"] == "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"
    assert content() == before


def test_a_whole_calendar_cannot_be_put(anna: Client, name: str, content: Callable[[], str]) -> None:
    before = content()
    assert (
        anna.request(
            "PUT", "/dav/anna/jobs/", anna.get("/dav/anna/jobs/").body, Content_Type="text/calendar"
        ).status
        == 403
    )
    assert content() == before


def test_reading_does_not_change_anything_either(anna: Client, name: str, content: Callable[[], str]) -> None:
    before = content()
    anna.get("/dav/anna/jobs/")
    anna.propfind("/dav/anna/", depth="1")
    anna.sync("/dav/anna/jobs/")
    assert content() == before
