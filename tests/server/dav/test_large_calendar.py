# SPDX-License-Identifier: GPL-3.0-or-later
"""A calendar beyond Radicale's default limit of 10,000 works in every request, with fast answers and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scheduling.composition import FOLLOWERS
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Client, D
from tests.server.running import Running

database = fixtures.sqlite_alone
MANY = 12_000
PATH = "/dav/anna/jobs/"
EVENTS = '<C:comp-filter name="VEVENT"/>'
MONTH = 'start="2027-03-01T00:00:00Z" end="2027-04-01T00:00:00Z"'.replace("-", "").replace(":", "")


@pytest.fixture(params=["on", "off"])
def client(
    request: pytest.FixtureRequest,
    configured: Callable[[Any], Running],
    dispatch: Dispatch,
    people: dict[str, int],
) -> Client:
    dispatch.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) INSERT INTO jobs"
        " (reference, job_type, status, starts_at, ends_at) SELECT 'J-' || i, 'Fix', 'confirmed',"
        " datetime('2027-01-01', '+' || i || ' hours'),"
        " datetime('2027-01-01', '+' || i || ' hours', '+30 minutes') FROM n",
        many=MANY,
    )
    dispatch.execute(
        "INSERT INTO job_assignments (job_id, user_id) SELECT id, :anna FROM jobs", anna=people["anna"]
    )
    running = configured({"server": {"fast_answers": request.param}})
    with Snapshot(running.database, running.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.calendars("anna")  # a client would be told to come again
    return running.client("anna")


def test_every_request_works(client: Client) -> None:
    listed = client.propfind(PATH, f"{D}getetag", depth="1").names
    assert len(listed) == MANY + 1
    assert len(client.sync(PATH).names) == MANY
    everything = client.query(PATH, EVENTS)
    assert (everything.status, everything.body.count(b"BEGIN:VEVENT")) == (207, MANY)
    expanded = client.query(PATH, EVENTS, f"<C:calendar-data><C:expand {MONTH}/></C:calendar-data>")
    assert (expanded.status, expanded.body.count(b"BEGIN:VEVENT")) == (207, 31 * 24)
    whole = client.get(PATH)
    assert (whole.status, whole.body.count(b"BEGIN:VEVENT")) == (200, MANY)
    body = f'<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range {MONTH}/></C:free-busy-query>'
    busy = client.report(PATH, body)
    assert (busy.status, busy.body.count(b"FREEBUSY;")) == (200, 31 * 24)
