# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite file of a running server and worker is removed, replaced and restored: every door says 503 meanwhile, and
everybody goes on with the file that is there then. The steps of restoring are those of docs/restoring.md.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scheduling.database.connection import Database
from scheduling.database.file import INTERVAL
from tests.server import fixtures
from tests.server.api.conftest import api_of
from tests.server.running import KEY, ROOT, Running, Sections
from tests.server.serving import PATIENCE, Served, serving

database = fixtures.sqlite_alone
LISTING = b'<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
Answer = tuple[int, str, dict[str, str]]


@pytest.fixture
def served(
    configured: Callable[[Sections], Running], people: dict[str, int], tmp_path: Path
) -> Iterator[Served]:
    """Two processes, and the worker beside them."""
    running = configured({"importer": {"allow_hosts": "127.0.0.1", "allow_http": "yes", "idle": "1s"}})
    running.password("anna")
    with serving(running, tmp_path, "--workers", "2", "--with-worker") as served:
        yield served


def ask(served: Served, method: str, path: str, *lines: str, body: bytes | None = None) -> Answer:
    headers = dict(line.rstrip().split(": ", 1) for line in lines)
    request = urllib.request.Request(served.url + path, data=body, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 (our own URL)
            return answer.status, answer.read().decode(), _lower(answer.headers.items())
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode(), _lower(answer.headers.items())


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def everywhere(served: Served, token: str, key: str) -> dict[str, Answer]:
    """One request at each door, a write among them."""
    login, bearer = served.login("anna"), f"Authorization: Bearer {key}"
    depth = "Depth: 1"
    blocker = {"user": "anna", "title": "x", "start_date": "2026-12-01", "end_date": "2026-12-02"}
    return {
        "poll": ask(served, "PROPFIND", "/dav/anna/jobs/", login, "Depth: 0", body=LISTING),
        "listing": ask(served, "PROPFIND", "/dav/anna/blockers/", login, depth, body=LISTING),
        "home": ask(served, "PROPFIND", "/dav/anna/", login, depth, body=LISTING),
        "feed": ask(served, "GET", f"/feeds/{token}.ics"),
        "API": ask(served, "GET", "/api/v1/users", bearer),
        "write": ask(
            served,
            "POST",
            "/api/v1/blockers",
            bearer,
            "Content-Type: application/json",
            body=json.dumps(blocker).encode(),
        ),
    }


def soon(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_until(served: Served, status: int) -> None:
    """Until `/readyz` answers so, and every process has looked since."""
    soon(lambda: ask(served, "GET", "/readyz")[0] == status)
    time.sleep(2 * INTERVAL)


def problem(served: Served) -> str:
    status, body, headers = ask(served, "GET", "/readyz")
    assert status == 503
    assert headers["retry-after"].isdecimal()
    return str(json.loads(body)["problem"])


def path_of(served: Served) -> Path:
    path = served.running.database.path
    assert path is not None
    return path


def backup_of(served: Served) -> Path:
    target = path_of(served).with_name("backup.db")
    assert daysheet(served, "db", "backup", str(target)).returncode == 0
    return target


def daysheet(served: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "server.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "DAYSHEET_CONFIG": str(served.running.settings.source)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def logged(served: Served, words: str) -> bool:
    return words in served.log.read_text()


def test_every_door_is_shut_while_the_file_is_gone_and_open_when_it_is_back(served: Served) -> None:
    token, key = served.running.feed("anna")[1], api_of(served.running).secret or ""
    path = path_of(served)
    assert {it[0] for name, it in everywhere(served, token, key).items() if name != "write"} <= {
        200,
        207,
        403,
    }
    served.running.database.dispose()
    path.rename(path.with_name("elsewhere.db"))
    wait_until(served, 503)
    assert problem(served) == "There is no database; `daysheet db upgrade` makes it."
    for _ in range(3):
        for name, (status, text, headers) in everywhere(served, token, key).items():
            assert status == 503, name
            assert headers["retry-after"].isdecimal(), name
            assert str(path) not in text, name
    assert not path.exists(), "nobody makes an empty one"
    assert ask(served, "GET", "/healthz")[0] == 200
    path.with_name("elsewhere.db").rename(path)
    wait_until(served, 200)
    assert {it[0] for name, it in everywhere(served, token, key).items() if name != "write"} <= {
        200,
        207,
        403,
    }
    assert served.child.poll() is None
    assert not logged(served, "Traceback")


@pytest.mark.parametrize("number", ["0001", "9999"])
def test_a_file_of_another_version_is_not_served(served: Served, number: str) -> None:
    token = served.running.feed("anna")[1]
    path, other = path_of(served), backup_of(served)
    spare = path.with_name("spare.db")
    shutil.copyfile(other, spare)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (number,))
        connection.commit()
    other.replace(path)
    wait_until(served, 503)
    assert f"is at revision {number}" in problem(served)
    assert ("daysheet db upgrade" in problem(served)) is (number == "0001")
    assert ask(served, "GET", f"/feeds/{token}.ics")[0] == 503
    spare.replace(path)
    wait_until(served, 200)
    assert ask(served, "GET", f"/feeds/{token}.ics")[0] == 200


def test_a_file_that_is_no_database_is_said_to_be_none(served: Served) -> None:
    path, other = path_of(served), backup_of(served)
    path.unlink()
    path.write_text("not a database " * 100)
    wait_until(served, 503)
    assert problem(served).startswith("The file is not a SQLite database")
    path.unlink()
    other.rename(path)
    wait_until(served, 200)


def test_the_worker_goes_on_with_the_file_that_is_there(served: Served) -> None:
    """Catching up is its work: it happens in the new file."""
    path, other = path_of(served), backup_of(served)
    other.replace(path)
    wait_until(served, 200)
    # Whoever waits for a webhook is told by the worker, and by nobody else.
    made = daysheet(
        served, "subscription", "add", "anna", "http://127.0.0.1:1/a.ics", "--label", "x", "--json"
    )
    assert made.returncode == 0, made.stderr

    def attempted() -> bool:
        shown = daysheet(served, "subscription", "show", "1", "--json")
        return json.loads(shown.stdout)["last_attempt_at"] is not None

    soon(attempted)


def commands_of(document: str) -> list[str]:
    """The command lines of the steps for SQLite, in their order."""
    part = document.partition("## SQLite")[2].partition("\n## ")[0]
    found = [line.strip() for line in part.splitlines() if line.startswith("       ")]
    assert len(found) > 5, "the document has another form now"
    return found


def test_the_steps_of_the_document_restore_a_database(
    served: Served, database: Database, tmp_path: Path
) -> None:
    """They are taken from it and run as they are written, with this test's names and no systemd."""
    path, saved = path_of(served), tmp_path / "saved"
    saved.mkdir()
    assert daysheet(served, "db", "backup", str(saved / "daysheet.db")).returncode == 0
    (saved / "daysheet.key").write_text(KEY)
    assert daysheet(served, "user", "add", "too-late").returncode == 0
    for line in commands_of((ROOT / "docs" / "restoring.md").read_text(encoding="utf-8")):
        if line.startswith("systemctl stop"):
            served.child.send_signal(signal.SIGTERM)
            assert served.child.wait(PATIENCE) == 0
            database.dispose()
        elif line.startswith("daysheet "):
            done = daysheet(served, *line.split()[1:])
            assert done.returncode == 0, (line, done.stdout, done.stderr)
        elif not line.startswith(("systemctl start", "chown")):
            here = line.replace("/var/lib/daysheet", str(path.parent)).replace("/backup", str(saved))
            subprocess.run(["/bin/sh", "-euc", here], check=True)  # noqa: S603
    listed = json.loads(daysheet(served, "user", "list", "--json").stdout)
    assert {it["username"] for it in listed["users"]} == {"anna", "bo", "dora"}
    assert path.stat().st_mode & 0o777 == 0o600
    with serving(served.running, tmp_path) as again:
        wait_until(again, 200)
