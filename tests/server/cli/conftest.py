# SPDX-License-Identifier: GPL-3.0-or-later
"""The command, run in this process on a SQLite file of its own."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scheduling.database.connection import Database, connect
from server.cli import main


@dataclass(frozen=True, kw_only=True, slots=True)
class Daysheet:
    """`daysheet` with its own environment; `folder` holds its database and key."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str | None = None, expect: int = 0) -> Result:
        """Run one command and check its exit code."""
        result = CliRunner().invoke(
            main, list(arguments), input=stdin, env={**self.environment}, prog_name="daysheet"
        )
        assert result.exit_code == expect, (result.output, result.exception)
        return result

    def json(self, *arguments: str, stdin: str | None = None, expect: int = 0) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin, expect=expect).stdout)

    def refusal(self, *arguments: str, stdin: str | None = None, expect: int = 1) -> str:
        """The one line that a failing command leaves on standard error."""
        result = self.run(*arguments, stdin=stdin, expect=expect)
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr.strip()

    @property
    def database(self) -> Database:
        """The database it works on."""
        return connect(self.environment["DAYSHEET_DATABASE_URL"])


@dataclass(kw_only=True, slots=True)
class Receiver:
    """Answers with `status` and keeps what came."""

    url: str = ""
    status: int = 204
    events: list[str] = field(default_factory=list)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daysheet]:
    """No database yet."""
    for name in [name for name in os.environ if name.startswith("DAYSHEET_")]:
        monkeypatch.delenv(name)
    url = f"sqlite:///{tmp_path}/daysheet.db"
    yield Daysheet(folder=tmp_path, environment={"DAYSHEET_DATABASE_URL": url})
    connect(url).dispose()


@pytest.fixture
def daysheet(empty: Daysheet, sqlite_template: Path) -> Daysheet:
    """A fresh upgraded database."""
    shutil.copyfile(sqlite_template, empty.folder / "daysheet.db")
    return empty


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of webhooks on loopback, which the daemon is allowed to reach; its address ends in `s3cretpath`."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.events.append(json.loads(body)["type"])
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HTTP", "yes")
    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HOSTS", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}/s3cretpath"
        yield found
        server.shutdown()
        thread.join()
