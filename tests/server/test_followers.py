# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever catches up a calendar tells all followers: no process may forget one, or conflicts and events are missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from scheduling.access.permissions import SYSTEM
from scheduling.webhooks import endpoints
from server.cli import main
from tests.factories import Dispatch
from tests.server.api.conftest import api_of
from tests.server.client import D, propfind
from tests.server.fixtures import sqlite_alone
from tests.server.running import Running, free_port, process
from tests.storage_plugin.test_plain_radicale import INI

database = sqlite_alone
START = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
END = START + timedelta(hours=2)
DAY = f"start={START:%Y-%m-%dT%H:%M:%SZ}&end={END:%Y-%m-%dT%H:%M:%SZ}"


def caldav(running: Running, _folder: Path) -> None:
    answer = running.client("anna").request("PROPFIND", "/dav/anna/jobs/", propfind(f"{D}getetag"), Depth="1")
    assert answer.status == 207


def feed(running: Running, _folder: Path) -> None:
    _, token = running.feed("anna")
    assert running.client().request("GET", f"/feeds/{token}.ics").status == 200


def availability(running: Running, _folder: Path) -> None:
    assert api_of(running).get(f"/users/anna/availability?{DAY}").status == 200


def claim(running: Running, _folder: Path) -> None:
    later = {
        "starts_at": f"{END:%Y-%m-%dT%H:%M:%SZ}",
        "ends_at": f"{END + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    body = {"users": ["anna"], "job": {"reference": "C-1"}, **later}
    made = api_of(running).post("/claims", body, If_Match="*")
    assert made.status == 201, made


def radicale(running: Running, folder: Path) -> None:
    port, file = free_port(), folder / "radicale.ini"
    file.write_text(INI.format(port=port, daysheet=running.settings.source), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    with (
        process(["-m", "radicale", "--config", str(file)], f"{url}/.web/", folder / "radicale.log"),
        httpx.Client(base_url=url, auth=("anna", running.password("anna")), timeout=30) as client,
    ):
        answer = client.request(
            "PROPFIND", "/anna/jobs/", content=propfind(f"{D}getetag"), headers={"Depth": "1"}
        )
        assert answer.status_code == 207


def command(*words: str) -> Callable[[Running, Path], None]:
    def run(running: Running, _folder: Path) -> None:
        found = CliRunner().invoke(main, ["--config", str(running.settings.source), *words])
        assert found.exit_code == 0, found.output

    return run


READERS = {
    "CalDAV": caldav,
    "feed": feed,
    "REST availability": availability,
    "REST claim": claim,
    "plain Radicale": radicale,
    "worker": command("worker", "--once"),
    "worker by its old name": command("importer", "--once"),
    "maintenance": command("db", "maintain"),
    "availability command": command(
        "availability",
        "show",
        "anna",
        "--start",
        f"{START:%Y-%m-%dT%H:%MZ}",
        "--end",
        f"{END:%Y-%m-%dT%H:%MZ}",
    ),
    "conflict command": command("conflict", "list"),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_every_process_that_catches_up_tells_all_followers(
    running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path, reader: Callable[..., None]
) -> None:
    caldav(running, tmp_path)  # the calendars are there
    with running.database.write() as connection:
        endpoints.add(connection, running.settings.keyring(), "https://hooks.example.com/", actor=SYSTEM)
    dispatch.execute("DELETE FROM conflict_checks")
    period = {"starts_at": f"{START:%Y-%m-%d %H:%M:%S}+00:00", "ends_at": f"{END:%Y-%m-%d %H:%M:%S}+00:00"}
    dispatch.blocker(people["anna"], **period)
    dispatch.job(people["anna"], reference="J-1", **period)
    reader(running, tmp_path)
    ((events,),) = dispatch.execute(
        "SELECT count(*) FROM webhook_deliveries WHERE event_type = 'job.changed' AND body LIKE '%J-1%'"
    )
    ((waiting,),) = dispatch.execute("SELECT count(*) FROM conflict_checks")
    ((found,),) = dispatch.execute("SELECT count(*) FROM conflicts")
    assert events == 1
    assert waiting or found
