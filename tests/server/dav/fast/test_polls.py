# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dispatcher answers itself, and that it looks nothing up for what the pool answers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import create_environ

from server import wsgi
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import Running
from tests.watching import watched

database = fixtures.sqlite_alone
CTAG = '<propfind xmlns="DAV:"><prop><getctag xmlns="http://calendarserver.org/ns/"/></prop></propfind>'
ETAGS = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
WEEK = (
    '<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><C:filter>'
    '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
    '<C:time-range start="20270301T000000Z" end="20270308T000000Z"/></C:comp-filter></C:comp-filter></C:filter>'
    "</C:calendar-query>"
)


@pytest.fixture
def running(configured: Callable[[Any], Running], dispatch: Dispatch, people: dict[str, int]) -> Running:
    dispatch.job(people["anna"], starts_at="2027-03-02 08:00:00+00:00", ends_at="2027-03-02 09:00:00+00:00")
    return configured({})


def _environ(running: Running, method: str, body: str, depth: str) -> dict[str, Any]:
    login = base64.b64encode(f"anna:{running.password('anna')}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Depth": depth}
    return create_environ("/dav/anna/jobs/", method=method, headers=headers, data=body)


@pytest.mark.parametrize(
    ("method", "body", "depth", "statements"),
    [("PROPFIND", CTAG, "0", 1), ("PROPFIND", ETAGS, "1", 0), ("REPORT", WEEK, "1", 0), ("GET", "", "0", 0)],
)
def test_a_transaction_is_not_begun_where_nobody_may_wait(
    running: Running, method: str, body: str, depth: str, statements: int
) -> None:
    server, asked = wsgi.create(running.settings), []
    environ = _environ(running, method, body, depth)
    with watched(running.settings.database(), lambda sql, _: asked.append(sql)):
        server(_environ(running, method, body, depth), lambda *_: None)  # brought up to date
        asked.clear()
        answer = server.at_once(environ)
    assert len(asked) == statements
    assert (answer is not None) == bool(statements)
