# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.loading`: bringing many jobs in, by the REST API and by `daysheet load`."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import postgresql, process, report
from scheduling import api_keys, schema, users
from scheduling.database import Database
from scheduling.permissions import SYSTEM, Permission
from server.settings import Settings, load

USERS = 20
AT_ONCE = 1000
_FIRST = datetime(2026, 1, 1, 8, tzinfo=UTC)
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """How long it took to bring the jobs in, the database and a new process for the command included."""

    database: str
    way: str
    jobs: int
    seconds: float


def jobs(count: int, notes: str) -> list[dict[str, Any]]:
    """Jobs of one assignee each."""
    return [
        {
            "reference": f"J-{number}",
            "users": [f"user{number % USERS}"],
            "job_type": "Repair",
            "organisation": "Bakery",
            "status": "confirmed",
            "starts_at": _text(_FIRST + timedelta(hours=number)),
            "ends_at": _text(_FIRST + timedelta(hours=number + 2)),
            "address": "Hauptstraße 5, Berlin",
            "notes": notes,
        }
        for number in range(count)
    ]


def loads(name: str, fresh: Callable[[], str], count: int, folder: Path) -> Iterator[Load]:
    """New, changed and unchanged jobs, each way, every way in a database of its own."""
    rounds = (
        ("new", jobs(count, "First bell")),
        ("changed", jobs(count, "Second bell")),
        ("unchanged", jobs(count, "Second bell")),
    )
    for way, opened in (("API", _api), ("daysheet load", _command)):
        with opened(_installed(folder, fresh())) as bring_in:
            for what, rows in rounds:
                before = time.monotonic()
                bring_in(rows)
                seconds = time.monotonic() - before
                yield Load(database=name, way=f"{way}, {what}", jobs=count, seconds=seconds)


def main(arguments: Sequence[str] | None = None) -> list[Load]:
    """Run on both databases, print the table, and write it where asked."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as name, postgresql.running() as server:
        folder = Path(name)

        def file() -> str:
            return f"sqlite:///{tempfile.mkdtemp(dir=folder)}/daysheet.db"

        found = [
            *loads("SQLite", file, given.jobs, folder),
            *loads("PostgreSQL", server.create, given.jobs, folder),
        ]
    rows = [[f"{it.database}: {it.way}", f"{it.seconds:.2f}", f"{it.jobs / it.seconds:,.0f}"] for it in found]
    table = report.markdown(["bringing in", "seconds", "jobs per second"], rows)
    text = f"{report.machine()} {given.jobs:,} jobs.\n\n{table}"
    print(text)
    if given.json:
        given.json.write_text(json.dumps([asdict(it) for it in found], indent=2) + "\n", encoding="utf-8")
    if given.markdown:
        report.put(given.markdown, "loading", text)
    return found


def _installed(folder: Path, url: str) -> Mapping[str, str]:
    """An upgraded database with users; returns the environment that names it."""
    environment = {
        "DAYSHEET_DATABASE_URL": url,
        "DAYSHEET_SECURITY_KEY_FILE": str(folder / "daysheet.key"),
        "DAYSHEET_SERVER_LOG_LEVEL": "warning",
        "DAYSHEET_SERVER_PORT": str(process.free_port()),
    }
    database = Database(load(None, environment).config.database.url)
    schema.upgrade(database)
    with database.write() as connection:
        for number in range(USERS):
            users.create(connection, username=f"user{number}")
    database.dispose()
    return environment


@contextmanager
def _api(environment: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], None]]:
    settings = load(None, environment)
    key = _key(settings)
    output = Path(environment["DAYSHEET_SECURITY_KEY_FILE"]).with_name("output")
    command = (sys.executable, "-m", "server.cli", "serve")
    port = settings.server.port
    with process.Server(command, port=port, environment=_whole(environment), output=output):

        def bring_in(rows: Sequence[Any]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            for start in range(0, len(rows), AT_ONCE):
                body = json.dumps({"items": rows[start : start + AT_ONCE]})
                headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
                connection.request("POST", "/api/v1/jobs/bulk", body, headers)
                response = connection.getresponse()
                answer = response.read()
                if response.status != 200:
                    raise RuntimeError(f"The API answered {response.status}: {answer[:500]!r}")
            connection.close()

        yield bring_in


@contextmanager
def _command(environment: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], None]]:
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder:
        file = Path(folder, "jobs.json")
        command = (sys.executable, "-m", "server.cli", "load", str(file))

        def bring_in(rows: Sequence[Any]) -> None:
            file.write_text(json.dumps({"jobs": rows}), encoding="utf-8")
            subprocess.run(command, env=_whole(environment), check=True, stdout=subprocess.DEVNULL)  # noqa: S603

        yield bring_in


def _key(settings: Settings) -> str:
    database = settings.database()
    with database.write() as connection:
        _, key = api_keys.create(
            connection,
            settings.keyring(),
            SYSTEM,
            user_id=None,
            label="benchmark",
            permissions=[Permission.SCHEDULE_WRITE],
        )
    database.dispose()
    return key


def _whole(environment: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DAYSHEET_")}
    return {**inherited, **environment, "PYTHONPATH": str(_ROOT)}


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs brought in (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the table between the markers in there"
    )
    return parser


if __name__ == "__main__":
    main()
