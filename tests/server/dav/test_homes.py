# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever writes a name in another case is sent to the right address, and only to one of their own."""

from __future__ import annotations

import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Client, D, basic, calendar_query, propfind, proppatch
from tests.server.running import Running

database = fixtures.sqlite_alone
BODIES = {
    "PROPFIND": propfind(f"{D}displayname"),
    "REPORT": calendar_query(""),
    "PROPPATCH": proppatch((f"{D}displayname", "x")),
    "GET": "",
    "HEAD": "",
    "POST": "",
}


@pytest.mark.parametrize("method", BODIES)
@pytest.mark.parametrize("typed", ["anna", "Anna"])
@pytest.mark.parametrize("rest", ["", "/", "/jobs/", "/jobs/a%20b.ics"])
def test_each_request_is_sent_to_the_name_as_it_is(
    running: Running, people: dict[str, int], method: str, typed: str, rest: str
) -> None:
    client = Client(running.application, basic(typed, running.password("anna")))
    answer = client.request(method, f"/dav/Anna{rest}", BODIES[method], Depth="0")
    assert (answer.status, answer.headers["location"]) == (308, f"/dav/anna{rest}")
    there = client.request(method, answer.headers["location"], BODIES[method], Depth="0")
    assert there.status != 308


def test_nobody_is_sent_to_what_is_anothers(
    running: Running, people: dict[str, int], dispatch: Dispatch, anna: Client, bo: Client
) -> None:
    assert (
        bo.propfind("/dav/Anna/", f"{D}displayname").status
        == bo.propfind("/dav/none/", f"{D}displayname").status
    )
    assert Client(running.application).propfind("/dav/Anna/", f"{D}displayname").status == 401
    dispatch.user("Anna")
    alike = anna.propfind("/dav/Anna/", f"{D}displayname")
    assert alike.status == bo.propfind("/dav/Anna/", f"{D}displayname").status != 308
