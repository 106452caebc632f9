# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.loading`: bringing many jobs in, by the REST API and by `daysheet load`."""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.servers import daysheet
from benchmarks.servers.databases import Kind, both
from benchmarks.tables import report
from scheduling.access import api_keys, users
from scheduling.access.permissions import SYSTEM, Permission
from scheduling.database import schema
from server.settings import Settings, load

USERS = 20
AT_ONCE = 1000
_FIRST = datetime(2026, 1, 1, 8, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """How long loading the jobs took, including the database and a new process for the command."""

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


def loads(kind: Kind, count: int, folder: Path) -> Iterator[Load]:
    """New, changed and unchanged jobs, each way, every way in a database of its own."""
    rounds = (
        ("new", jobs(count, "First bell")),
        ("changed", jobs(count, "Second bell")),
        ("unchanged", jobs(count, "Second bell")),
    )
    for way, opened in (("API", _api), ("daysheet load", _command)):
        with opened(_installed(folder, kind.create())) as bring_in:
            for what, rows in rounds:
                before = time.monotonic()
                bring_in(rows)
                seconds = time.monotonic() - before
                yield Load(database=kind.name, way=f"{way}, {what}", jobs=count, seconds=seconds)


def main(arguments: Sequence[str] | None = None) -> list[Load]:
    """Run on both databases, print the table, and write it where asked."""
    given = report.parsed(_parser(), arguments, ["loading"])
    with both() as (folder, kinds):
        found = [it for kind in kinds for it in loads(kind, given.jobs, folder)]
    rows = [[f"{it.database}: {it.way}", f"{it.seconds:.2f}", f"{it.jobs / it.seconds:,.0f}"] for it in found]
    table = report.markdown(["bringing in", "seconds", "jobs per second"], rows)
    text = f"{report.machine()} {given.jobs:,} jobs.\n\n{table}"
    report.publish(given, {"loading": text}, {"loads": [asdict(it) for it in found]})
    return found


def _installed(folder: Path, url: str) -> Mapping[str, str]:
    """An upgraded database with users; returns the environment that names it."""
    environment = daysheet.environment(folder, url)
    database = load(None, environment).database()
    schema.upgrade(database)
    with database.write() as connection:
        for number in range(USERS):
            users.create(connection, username=f"user{number}", actor=SYSTEM)
    database.dispose()
    return environment


@contextmanager
def _api(environment: Mapping[str, str]) -> Iterator[Callable[[Sequence[Any]], None]]:
    key = _key(load(None, environment))
    output = Path(environment["DAYSHEET_SECURITY_KEY_FILE"]).with_name("output")
    with daysheet.serving(environment, output) as server:

        def bring_in(rows: Sequence[Any]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
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
        whole = {**daysheet.inherited(), **environment}

        def bring_in(rows: Sequence[Any]) -> None:
            file.write_text(json.dumps({"jobs": rows}), encoding="utf-8")
            command = daysheet.command("load", str(file))
            subprocess.run(command, env=whole, check=True, stdout=subprocess.DEVNULL)  # noqa: S603

        yield bring_in


def _key(settings: Settings) -> str:
    database = settings.database()
    with database.write() as connection:
        _, key = api_keys.create(
            connection,
            settings.keyring(),
            user_id=None,
            label="benchmark",
            permissions=[Permission.SCHEDULE_WRITE],
            actor=SYSTEM,
        )
    database.dispose()
    return key


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs brought in (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
