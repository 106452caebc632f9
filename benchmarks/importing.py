# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.importing`: one importer over many subscriptions, its first import and its later cycles.

Figures are of the whole `daysheet importer --once` process with its readers, less what it takes with nothing due.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import icalendar

from benchmarks import report
from benchmarks.process import free_port
from scheduling import schema, subscriptions, users
from scheduling.database import Database
from scheduling.secrets import Keyring, new_key

_PER_USER = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one cycle took: CPU and wall seconds less the idle ones, and the largest process's peak memory."""

    cpu: float
    wall: float
    peak: int


def calendar(number: int, events: int, stamp: str) -> bytes:
    """A calendar as large providers write them, with single events over the coming months."""
    start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    parts = ["BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Calendar//EN\r\n"]
    for index in range(events):
        begins = start + timedelta(days=index // 4, hours=index % 4 * 2)
        parts.append(
            f"BEGIN:VEVENT\r\nDTSTART:{begins:%Y%m%dT%H%M%SZ}\r\n"
            f"DTEND:{begins + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\nDTSTAMP:{stamp}\r\n"
            f"UID:{number}-{index}@example.com\r\nCREATED:20260101T000000Z\r\n"
            f"DESCRIPTION:What is to be said about meeting {index}\\, in so many words that\r\n  it is folded\r\n"
            f"LAST-MODIFIED:20260101T000000Z\r\nLOCATION:Room {index % 9}\r\nSEQUENCE:0\r\nSTATUS:CONFIRMED\r\n"
            f"SUMMARY:Meeting {index}\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n"
        )
    return ("".join(parts) + "END:VCALENDAR\r\n").encode()


def serve(port: int, events: int, mode: str) -> None:
    """Answer for every calendar: with 304 where asked ('304'), or in full with the 'same' or other ('churn') stamps."""
    made: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = made.setdefault(self.path, calendar(int(self.path[1:]), events, "20260101T000000Z"))
            if mode == "churn" or (mode == "half" and int(self.path[1:]) % 2):
                body = body.replace(b"DTSTAMP:20260101", b"DTSTAMP:20260202")
            tag = hashlib.sha256(body).hexdigest()
            same = mode == "304" and self.headers.get("If-None-Match") == f'"{tag}"'
            self.send_response(304 if same else 200)
            self.send_header("ETag", f'"{tag}"')
            self.send_header("Content-Length", "0" if same else str(len(body)))
            self.end_headers()
            if not same:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer.request_queue_size = 128  # nobody is to be turned away by it
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.request_queue_size = 128
    server.serve_forever()


def measured(environment: dict[str, str], idle: Cost | None = None) -> Cost:
    """One run of the importer."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "importer", "--once"],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(done.stdout.strip(), file=sys.stderr)
    if found := re.search(r", ([1-9]\d*) failed", done.stdout):
        raise SystemExit(f"{found[1]} calendars failed; the figures would be of something else.")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.monotonic() - started
    return Cost(
        cpu=cpu - (idle.cpu if idle else 0),
        wall=wall - (idle.wall if idle else 0),
        peak=after.ru_maxrss * 1024,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=1000)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the table between the markers in there"
    )
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="daysheet-bench-") as folder:
        text = _run(Path(folder), given.subscriptions, given.events)
    print(text)
    if given.markdown:
        report.put(given.markdown, "importing", text)


def _run(folder: Path, count: int, events: int) -> str:
    key, port = new_key(), free_port()
    database = Database(f"sqlite:///{folder / 'daysheet.db'}")
    schema.upgrade(database)
    environment = {
        "DAYSHEET_DATABASE_URL": f"sqlite:///{folder / 'daysheet.db'}",
        "DAYSHEET_SECURITY_KEY": key,
        "DAYSHEET_IMPORTER_ALLOW_HTTP": "yes",
        "DAYSHEET_IMPORTER_ALLOW_HOSTS": "127.0.0.1",
        "DAYSHEET_IMPORTER_HOST_RATE": "1000",
        "DAYSHEET_IMPORTER_HOST_CONCURRENCY": "8",
    }
    idle = measured(environment)
    with database.write() as connection:
        for number in range(count):
            if number % _PER_USER == 0:
                user = users.create(connection, username=f"user-{number}")
            url = f"http://127.0.0.1:{port}/{number}"
            subscriptions.add(connection, Keyring(key), user.id, url, f"Calendar {number}")
    costs: dict[str, Cost] = {}
    for name, mode in (
        ("first import", "same"),
        ("unchanged, 304", "304"),
        ("unchanged, 200 with the same body", "same"),
        ("200, half of them with other DTSTAMPs", "half"),
        ("200, all with other DTSTAMPs", "churn"),
    ):
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(port, events, mode), daemon=True
        )
        server.start()
        _await(port)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE subscriptions SET next_at = 0")
        try:
            costs[name] = measured(environment, idle)
        finally:
            server.terminate()
            server.join()
    database.dispose()
    return _text(costs, count, events, _parsing(events))


def _await(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The calendar server did not start within a minute.")


def _parsing(events: int, rounds: int = 5) -> float:
    """CPU seconds that icalendar takes to parse one of the calendars."""
    body = calendar(1, events, "20260101T000000Z")
    started = time.process_time()
    for _ in range(rounds):
        icalendar.Calendar.from_ical(body)
    return (time.process_time() - started) / rounds


def _text(costs: dict[str, Cost], count: int, events: int, parsing: float) -> str:
    rows = [
        [
            name,
            f"{cost.cpu / count * 1000:.2f}",
            f"{parsing / (cost.cpu / count):.1f}",
            f"{cost.peak / 2**20:.0f}",
        ]
        for name, cost in costs.items()
    ]
    head = ["cycle", "CPU ms per feed", "icalendar parsing / whole cycle", "peak MiB so far"]
    return (
        f"{report.machine()} {count:,} subscriptions of {events} events each, SQLite. "
        f"Parsing one of these feeds with icalendar {icalendar.__version__} takes {parsing * 1000:.1f} ms of CPU.\n\n"
        f"{report.markdown(head, rows)}"
    )


if __name__ == "__main__":
    main()
