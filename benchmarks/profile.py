# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.profile`: where the CPU time of a request goes, by part, on both databases.

The whole is the CPU time of `daysheet serve` with one client, as in the comparison. The application's share is measured
by calling it in this process and is divided among the parts as cProfile reports. The rest of the server's time is the
WSGI server, the kernel's network code and waking threads.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.schedules.schedule import SLUG, USER, Ranges, blockers
from benchmarks.servers import daysheet
from benchmarks.servers.databases import Kind, both
from benchmarks.tables import report
from benchmarks.traffic import crowd
from benchmarks.traffic.client import WrongAnswer
from benchmarks.traffic.exchanges import Exchange, exchanges
from scheduling.calendars import objects, sync
from scheduling.composition import FOLLOWERS
from scheduling.snapshot import Snapshot
from server import wsgi
from server.settings import Settings, load

UNREACHED = ("CTag poll", "GET of an object", "multiget of 50", "free-busy of a month")
"""Requests whose goals are not reached on one of the databases (docs/performance.md)."""
HTTP, DATABASE_SERVER = "WSGI server, kernel, waking up", "PostgreSQL's process"
PARTS: Mapping[str, Sequence[str]] = {
    "SQLite": ("sqlite3.",),
    "psycopg, its socket included": ("/psycopg", "psycopg."),
    "SQLAlchemy": ("/sqlalchemy/", "sqlalchemy."),
    "login: Base64, keyed hash": (
        "/base64.py",
        "/hmac.py",
        "/auth_plugin/",
        "binascii.",
        "_hashlib",
        "secrets.py",
    ),
    "XML of the request": (
        "/ElementTree.py",
        "/server/dav/xml.py",
        "/server/dav/reports.py",
        "pyexpat",
        "XMLParser",
    ),
    "schedule (scheduling/, storage_plugin/)": ("/scheduling/", "/storage_plugin/"),
    "answer (server/)": ("/server/",),
}
"""Texts in the names of files and built-in functions that belong to each part. The first match counts. Functions
without a match count for their caller.
"""
REST = "Python otherwise"
_LEAST = 5e-7
"""The seconds to show."""
_CLIENTS = 16
_HOME = f"/dav/{USER}/"
_COLLECTION = f"{_HOME}{SLUG}/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """CPU seconds of one request on one database, whole and by part."""

    database: str
    request: str
    whole: float
    parts: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grown:
    """Resident bytes of a worker on one database: as started, and after many clients sent each request in turn."""

    database: str
    after: Mapping[str, int]


def main(arguments: Sequence[str] | None = None) -> tuple[list[Profile], list[Grown]]:
    """Run, print the tables, and write them where asked."""
    given = report.parsed(_parser(), arguments, ["profile"])
    rows = list(blockers(given.events, Ranges.now().monday))
    with both() as (folder, kinds):
        found, grown = [], []
        for kind in kinds:
            place = folder / kind.name
            place.mkdir()
            url = kind.create()
            settings, password = daysheet.install(place, url, rows)
            kind.settle(url)
            found += _profiles(kind, place, url, settings, password, given)
            grown.append(_grown(kind, place, url, settings, password, given.seconds))
            settings.database().dispose()
    text = "\n\n".join(
        [f"{report.machine()} {given.events:,} events.", *_tables(found, kinds), _memory(grown)]
    )
    report.publish(
        given,
        {"profile": text},
        {"profiles": [asdict(it) for it in found], "memory": [asdict(it) for it in grown]},
    )
    return found, grown


def _profiles(
    kind: Kind, folder: Path, url: str, settings: Settings, password: str, given: argparse.Namespace
) -> list[Profile]:
    asked = _asked(settings, given.requests)
    served = []
    with daysheet.running(kind.name, folder, url, password, kind.pids) as peer:
        for it in asked:
            crowd.crowd(peer, it, clients=1, seconds=given.seconds / 2, patience=60)
            before = peer.cpu_seconds()
            rate = crowd.crowd(peer, it, clients=1, seconds=given.seconds, patience=60)
            used = [after - start for after, start in zip(peer.cpu_seconds(), before, strict=True)]
            served.append([seconds / rate.requests for seconds in used])
    application = wsgi.create(_as_file(settings, folder / "daysheet.ini"))
    found = []
    for it, (server, database) in zip(asked, served, strict=True):
        call = _call(application, it, password)
        parts = _inside(call, given.seconds)
        parts[HTTP] = max(0.0, server - sum(parts.values()))
        parts[DATABASE_SERVER] = database
        found.append(Profile(database=kind.name, request=it.name, whole=server + database, parts=dict(parts)))
    return found


def _grown(kind: Kind, folder: Path, url: str, settings: Settings, password: str, seconds: float) -> Grown:
    with daysheet.running(kind.name, folder, url, password, kind.pids) as peer:
        after = {"(started)": peer.resident_bytes()}
        for it in _asked(settings):
            crowd.crowd(peer, it, clients=_CLIENTS, seconds=seconds / 2, patience=60)
            after[it.name] = peer.resident_bytes()
    return Grown(database=kind.name, after=after)


def _memory(grown: Sequence[Grown]) -> str:
    """How a worker's memory grows from request to request."""
    rows = [[name, *(f"{it.after[name] / 2**20:.0f}" for it in grown)] for name in grown[0].after]
    head = [f"MiB resident after {_CLIENTS} clients sent this too", *(it.database for it in grown)]
    return report.markdown(head, rows)


def _as_file(settings: Settings, file: Path) -> Settings:
    """The same settings from a file. The plugins read their settings from a file or from the environment of the
    process.
    """
    config = settings.config
    file.write_text(
        f"[database]\nurl = {config.database.url}\n[security]\nkey_file = {file.with_name('daysheet.key')}\n"
        "[calendars]\nhistory_months = all\n[server]\nlog_level = warning\n",
        encoding="utf-8",
    )
    return load(file, {})


def _asked(settings: Settings, names: Sequence[str] = ()) -> list[Exchange]:
    """The requests called `names`, or all that need no entity tag."""
    with Snapshot(settings.database(), settings.config, followers=FOLLOWERS) as snapshot:
        state = snapshot.calendar(USER, SLUG)
        assert state is not None
        known = sorted(objects.names(snapshot.connection, state.id, state.cutoff))
        token = str(sync.token_of(state))
    every = exchanges(_HOME, _COLLECTION, known, token, Ranges.now())
    return [it for it in every if it.name in names or not (names or it.validates)]


def _call(application: Callable[..., Any], asked: Exchange, password: str) -> Callable[[], None]:
    """One request to the application as the WSGI server makes it (PEP 3333). Raises `WrongAnswer`."""
    login = b64encode(f"{USER}:{password}".encode()).decode()
    body = asked.body.encode()
    fields = {"Authorization": f"Basic {login}", **asked.headers}
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields.items()}
    headers["CONTENT_TYPE"] = headers.pop("HTTP_CONTENT_TYPE", "")
    plain = {
        "REQUEST_METHOD": asked.method,
        "PATH_INFO": asked.path,
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        **({"CONTENT_LENGTH": str(len(body))} if body else {}),
        **headers,
    }

    def started(status: str, _headers: object, _error: object = None) -> None:
        if not status.startswith(str(asked.status)):
            raise WrongAnswer(f"Daysheet answered {status} to {asked.name}")

    def call() -> None:
        answer = application({**plain, "wsgi.input": io.BytesIO(body)}, started)
        for _ in answer:
            pass
        if close := getattr(answer, "close", None):
            close()

    return call


def _inside(call: Callable[[], None], seconds: float) -> Counter[str]:
    """CPU seconds of one call in this thread, by part, as cProfile divides them."""
    call()
    each = _repeated(call, seconds)
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    _repeated(call, seconds)
    profile.disable()
    stats: Any = pstats.Stats(profile)
    times: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in stats.stats.items():
        part = _part(function)
        if part != REST:
            times[part] += own
            continue
        # Functions of Python itself count for their caller.
        for caller, (_, _, spent, _) in callers.items():
            times[_part(caller)] += spent
    whole = sum(times.values())
    return Counter({part: own / whole * each for part, own in times.items()})


def _repeated(call: Callable[[], None], seconds: float) -> float:
    count, started = 0, time.thread_time()
    ends = time.perf_counter() + seconds
    while count < 2 or time.perf_counter() < ends:
        call()
        count += 1
    return (time.thread_time() - started) / count


def _part(function: tuple[str, int, str]) -> str:
    text = f"{function[0]} {function[2]}"
    return next((part for part, marks in PARTS.items() if any(it in text for it in marks)), REST)


def _tables(found: Sequence[Profile], kinds: Sequence[Kind]) -> list[str]:
    """One for each database: CPU microseconds by part and request."""
    tables = []
    for kind in kinds:
        here = [it for it in found if it.database == kind.name]
        lines = {
            part: [it.parts.get(part, 0.0) for it in here] for part in (HTTP, *PARTS, REST, DATABASE_SERVER)
        }
        lines["all"] = [it.whole for it in here]
        rows = [[part, *map(_micro, costs)] for part, costs in lines.items() if max(costs) >= _LEAST]
        tables.append(report.markdown([f"CPU µs, {kind.name}", *(it.request for it in here)], rows))
    return tables


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="spent on each figure (default: %(default)s)"
    )
    parser.add_argument(
        "--requests",
        type=lambda text: [it.strip() for it in text.split(",")],
        default=UNREACHED,
        metavar="A,B",
        help="these (default: those whose goals are not reached)",
    )
    return parser


if __name__ == "__main__":
    main()
