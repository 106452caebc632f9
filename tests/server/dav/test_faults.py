# SPDX-License-Identifier: GPL-3.0-or-later
"""A broken row does not take its calendar down, and a database that is away is never an empty calendar."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.away import away
from tests.server.client import APPLE, Answer, C, Client, D, containing, during, having, multiget, proppatch
from tests.server.running import Running, Sections

JOBS = "/dav/anna/jobs/"
DATA = f"{C}calendar-data"
BROKEN = [
    "",
    "nonsense",
    "BEGIN:VEVENT\r\n",
    "BEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\n",
    "BEGIN:VEVENT\r\nDTSTART:x\r\nEND:VEVENT\r\n",
    "BEGIN:VEVENT\r\nSUMMARY:\x01]]>&<\r\nEND:VEVENT\r\n",
    "BEGIN:VEVENT\r\n" * 3000,
]


@pytest.mark.parametrize("component", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("series", ["", "{"])
def test_a_broken_object_does_not_take_its_calendar_down(
    anna: Client,
    dispatch: Dispatch,
    people: dict[str, int],
    component: str,
    series: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("Bad", "Good"):
        dispatch.job(people["anna"], organisation=name)
    hrefs = [*anna.query(JOBS, "").resources]
    bad = next(href for href in hrefs if "Bad" in anna.get(href).text)
    dispatch.execute(
        "UPDATE calendar_objects SET component = :component, series = :series WHERE name = :name",
        component=component,
        series=series,
        name=bad.rpartition("/")[2],
    )
    (good,) = set(hrefs) - {bad}
    assert set(anna.propfind(JOBS, f"{D}getetag", depth="1").resources) == {JOBS, good, bad}
    assert len(anna.sync(JOBS).names) == 2
    for filters, data in (
        (
            having("SUMMARY"),
            "<C:calendar-data/>",
        ),
        (
            containing("SUMMARY", "good"),
            "",
        ),
    ):
        assert set(anna.query(JOBS, filters, data).resources) in ({good}, {good, bad})
    assert good in anna.query(JOBS, during("20260301T000000Z", "20260401T000000Z")).resources
    expand = '<C:calendar-data><C:expand start="20260301T000000Z" end="20260401T000000Z"/></C:calendar-data>'
    assert "Good" in anna.query(JOBS, "", expand).resources[good].text(DATA)
    assert anna.report(JOBS, multiget(good, bad)).resources[good].status is None
    assert "Good" in anna.get(JOBS).text
    assert all("SUMMARY" not in record.getMessage() for record in caplog.records)


REQUESTS: dict[str, Callable[[Client, str], Answer]] = {
    "GET calendar": lambda client, _: client.get(JOBS),
    "GET object": lambda client, name: client.get(name),
    "GET known": lambda client, _: client.get(JOBS, If_None_Match='"x"'),
    "PROPFIND": lambda client, _: client.propfind(JOBS, f"{D}getetag", depth="1"),
    "PROPFIND home": lambda client, _: client.propfind("/dav/anna/", f"{D}displayname", depth="1"),
    "PROPFIND other": lambda client, _: client.propfind("/dav/bo/", f"{D}displayname"),
    "sync": lambda client, _: client.sync(JOBS),
    "query": lambda client, _: client.query(JOBS, during("20260301T000000Z", "20260401T000000Z")),
    "multiget": lambda client, name: client.report(JOBS, multiget(name)),
    "PROPPATCH": lambda client, _: client.request(
        "PROPPATCH", JOBS, proppatch((f"{APPLE}calendar-color", "#FF0000FF"))
    ),
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_database_that_is_away_is_503_and_comes_back(
    configured: Callable[[Sections], Running],
    database: Database,
    dispatch: Dispatch,
    people: dict[str, int],
    request_: str,
) -> None:
    running = configured({"database": {"busy_timeout": "1s"}})
    anna = running.client("anna")
    dispatch.job(people["anna"])
    (name,) = anna.query(JOBS, "").resources
    dispatch.connection.close()
    running.database.dispose()
    with away(database):
        answer = REQUESTS[request_](anna, name)
        assert (answer.status, answer.headers["retry-after"].isdecimal()) == (503, True)
        assert "schedule is not available" in answer.text
    assert REQUESTS[request_](anna, name).status in (200, 207, 403)
