# SPDX-License-Identifier: GPL-3.0-or-later
"""schemathesis against a running server: every check, on every operation, without a failure.

A request that has the documented form may be answered 304 (If-None-Match), or refused: for values that do not go
together (422) or an If-Match that is not the present version (412). It must never be refused as badly formed (400).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduling.access import api_keys, roles
from scheduling.access.permissions import EVERYTHING, SYSTEM, Permission
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import ROOT, Running, Sections, granian

pytestmark = pytest.mark.early
database = fixtures.sqlite_alone

OUT_OF_REACH = 9_000_000_000
"""No example revokes a key with this id."""

SETTINGS = """\
hooks = "tests.server.api.schemathesis_hooks"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", 304, 401, 403, 404, 409, 412, 422, 428, 503]

[parameters]
user = "anna"
job_id = 1
blocker_id = 1
time_off_id = 1
event_id = "job-1"
feed_id = 1
app_password_id = 1
subscription_id = 1
generation_id = 1
role = "custom"
name = "calendars.history_months"

[[operations]]
include-method = "DELETE"

[operations.parameters]
user = "bo"
job_id = 3
blocker_id = 3
time_off_id = 3
event_id = "job-2"
feed_id = 2
subscription_id = 2
"""


@pytest.mark.timeout(300)
def test_the_api_is_as_its_document_says(
    configured: Callable[[Sections], Running], people: dict[str, int], dispatch: Dispatch, tmp_path: Path
) -> None:
    running = configured({"server": {"api_requests_per_minute": "0"}})
    for number in range(1, 4):
        dispatch.job(people["anna"], reference=f"J-{number}")
        dispatch.blocker(people["anna"], rrule="FREQ=WEEKLY")
        dispatch.time_off(people["bo"])
    for _ in range(2):
        running.feed("anna")
    running.password("anna")
    with running.database.write() as connection:
        for _ in range(2):
            keyring, url = running.settings.keyring(), "https://calendar.example.com/a.ics"
            subscriptions.add(connection, keyring, people["anna"], url, "Private", actor=SYSTEM)
        roles.add(connection, "custom", [Permission.SCHEDULE_READ_OWN], actor=SYSTEM)
    file = tmp_path / "schemathesis.toml"
    file.write_text(SETTINGS)
    with granian(running, tmp_path / "server.log") as url:
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(file),
            "run",
            f"{url}/api/v1/openapi.json",
        ]
        command += [
            "--url",
            url,
            "--header",
            f"Authorization: Bearer {_key(running, dispatch)}",
            "--checks",
            "all",
        ]
        command += [
            "--max-examples",
            "8",
            "--seed",
            "1",
            "--generation-deterministic",
            "--continue-on-failure",
        ]
        command += ["--suppress-health-check", "all", "--no-color"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(  # noqa: S603
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
    log = (tmp_path / "server.log").read_text(errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr + log
    assert "Traceback" not in log


def _key(running: Running, dispatch: Dispatch) -> str:
    with running.database.write() as connection:
        made, secret = api_keys.create(
            connection,
            running.settings.keyring(),
            user_id=None,
            label="schemathesis",
            permissions=EVERYTHING,
            actor=SYSTEM,
        )
    dispatch.execute("UPDATE api_keys SET id = :new WHERE id = :old", new=OUT_OF_REACH, old=made.id)
    return secret
