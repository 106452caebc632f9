# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain Radicale with nothing but an ini file that names the plugins serves a user's calendars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories import Dispatch
from tests.server.client import C, D, calendar_query, containing, during, propfind
from tests.server.running import Running, free_port, process

INI = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = auth_plugin
delay = 0
daysheet_config = {daysheet}
[rights]
type = auth_plugin
[storage]
type = storage_plugin
daysheet_config = {daysheet}
"""


@pytest.fixture
def radicale(
    running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path
) -> Iterator[httpx.Client]:
    """Radicale's own server with the plugins, and anna as its client."""
    dispatch.job(
        people["anna"],
        organisation="Öl & Co",
        starts_at="2027-03-10 09:00:00+00:00",
        ends_at="2027-03-10 11:00:00+00:00",
    )
    dispatch.job(people["anna"], starts_at="2027-04-10 09:00:00+00:00", ends_at="2027-04-10 11:00:00+00:00")
    port, file = free_port(), tmp_path / "radicale.ini"
    file.write_text(INI.format(port=port, daysheet=running.settings.source), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    with (
        process(["-m", "radicale", "--config", str(file)], f"{url}/.web/", tmp_path / "radicale.log"),
        httpx.Client(base_url=url, auth=("anna", running.password("anna")), timeout=30) as client,
    ):
        yield client


def test_radicale_serves_the_calendars_and_lets_nobody_write(
    radicale: httpx.Client, dispatch: Dispatch
) -> None:
    listing = radicale.request(
        "PROPFIND", "/anna/", content=propfind(f"{D}displayname"), headers={"Depth": "1"}
    )
    assert listing.status_code == 207
    assert [f"/anna/{slug}/" in listing.text for slug in ("jobs", "blockers", "time-off")] == [True] * 3
    assert "/anna/outbox/" not in listing.text
    found = radicale.request(
        "REPORT", "/anna/jobs/", content=calendar_query(during("20270301T000000Z", "20270401T000000Z"))
    )
    assert (
        found.status_code,
        found.text.count("BEGIN:VEVENT"),
        "Öl & Co".replace("&", "&amp;") in found.text,
    ) == (207, 1, True)
    expand = '<C:calendar-data><C:expand start="20270301T000000Z" end="20270401T000000Z"/></C:calendar-data>'
    assert (
        radicale.request(
            "REPORT",
            "/anna/jobs/",
            content=calendar_query(during("20270301T000000Z", "20270401T000000Z"), expand),
        ).text.count("BEGIN:VEVENT")
        == 1
    )
    assert (
        radicale.request(
            "REPORT", "/anna/jobs/", content=calendar_query(containing("SUMMARY", "öl"))
        ).text.count("BEGIN:VEVENT")
        == 1
    )
    got = radicale.get("/anna/jobs/")
    assert (got.status_code, got.text.count("BEGIN:VEVENT")) == (200, 2)
    name = next(line for line in found.text.split("href>") if line.startswith("/anna/jobs/")).removesuffix(
        "</"
    )
    assert radicale.get(name).text.count("BEGIN:VEVENT") == 1
    for method, path in (
        ("PUT", name),
        ("PUT", "/anna/jobs/new.ics"),
        ("DELETE", name),
        ("DELETE", "/anna/jobs/"),
        ("DELETE", "/anna/"),
        ("MKCALENDAR", "/anna/new/"),
        ("MKCOL", "/anna/new/"),
        ("PROPPATCH", "/anna/jobs/"),
        ("MOVE", name),
    ):
        refused = radicale.request(
            method,
            path,
            content=got.content if method == "PUT" else b"",
            headers={"Destination": f"{radicale.base_url}/anna/jobs/x.ics"},
        )
        assert refused.status_code in (400, 403, 405), (method, path)
    assert radicale.get("/anna/jobs/").text == got.text
    assert radicale.get("/bo/jobs/").status_code == 403
    assert radicale.get("/anna/jobs/", auth=("anna", "wrong")).status_code == 401
    dispatch.update("jobs", 1, status="offered")
    assert radicale.get("/anna/jobs/").text.count("BEGIN:VEVENT") == 1
    home = radicale.request(
        "PROPFIND", "/", content=propfind(f"{D}current-user-principal", f"{C}calendar-home-set")
    )
    assert "/anna/" in home.text
