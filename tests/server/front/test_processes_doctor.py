# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet doctor` beside a server and a worker that run, and after they ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.server.running import ROOT, Running, Sections
from tests.server.serving import PATIENCE, serving


def findings(running: Running) -> dict[str, tuple[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, "DAYSHEET_CONFIG": str(running.settings.source)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return {it["check"]: (it["level"], it["text"]) for it in json.loads(done.stdout)["findings"]}


def test_doctor_says_what_runs_and_what_ended(
    configured: Callable[[Sections], Running], people: dict[str, int], tmp_path: Path
) -> None:
    running = configured({})
    before = findings(running)
    assert before["server"] == ("ok", "No server was started on this machine.")
    assert before["worker"] == ("ok", "No worker has run yet, and nothing needs one.")
    with serving(running, tmp_path, "--with-worker") as served:
        deadline = time.monotonic() + 2 * PATIENCE
        while (found := findings(running))["worker"][1].startswith("No worker"):
            assert time.monotonic() < deadline
        place = f"127.0.0.1:{served.port}"
        assert found["server"][0] == "ok"
        assert found["server"][1].startswith(f"At {place} answers the server that was started ")
        assert found["worker"][0] == "ok"
        assert "seconds ago" in found["worker"][1] or "1 second ago" in found["worker"][1]
    after = findings(running)
    assert after["server"][0] == "warning"
    assert after["server"][1].startswith(f"No server answers at {place}, where one was started ")
    assert after["server"][1].endswith("; `daysheet serve` starts one.")
    with running.database.write() as connection:
        connection.exec_driver_sql("UPDATE processes SET told_at = told_at - 7300, due_at = due_at - 7300")
    assert findings(running)["worker"][0] == "warning"
    assert "No worker is running; `daysheet worker` starts one." in findings(running)["worker"][1]
