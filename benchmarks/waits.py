# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.waits`: the longest wait of a plain SQL writer during each kind of background work.

The writer changes one row of `users` in a transaction of its own, again and again, as a dispatch application does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import importing
from benchmarks.schedules import dispatch
from benchmarks.servers import daysheet, postgresql, process
from benchmarks.servers.peers import POSTGRESQL, SQLITE
from benchmarks.tables import report
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.composition import FOLLOWERS
from scheduling.conflicts.watch import Watch
from scheduling.database import schema
from scheduling.settings import stored
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.unfinished import Unfinished
from scheduling.upkeep import maintenance
from server.settings import Settings, load

_PAUSE = 0.005
_MONTHS = timedelta(days=200)
_JOBS = (
    "INSERT INTO jobs (reference, job_type, organisation, status, starts_at, ends_at, notes)"
    " VALUES ({0}, 'Repair', 'Bakery', 'confirmed', {0}, {0}, 'Second bell')"
)
_ASSIGNED = "INSERT INTO job_assignments (job_id, user_id) SELECT id, {0} FROM jobs WHERE reference LIKE {0}"


class _Database:
    """One database, its settings, and SQL as the dispatch application sends it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.environment = {
            **daysheet.environment(folder, url),
            "DAYSHEET_IMPORTER_ALLOW_HTTP": "yes",
            "DAYSHEET_IMPORTER_ALLOW_HOSTS": "127.0.0.1",
        }
        self.settings: Settings = load(None, self.environment)
        schema.upgrade(self.settings.database())

    @property
    def mark(self) -> str:
        return "%s" if self.url.startswith("postgresql") else "?"

    def execute(self, statement: str, *rows: Sequence[Any]) -> None:
        """One transaction; `{0}` stands for each parameter."""
        with dispatch.connected(self.url) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN")
            cursor.executemany(statement.replace("{0}", self.mark), rows or [()])
            cursor.execute("COMMIT")

    def user(self, name: str) -> int:
        with self.settings.database().write() as connection:
            return users.create(connection, username=name, actor=SYSTEM).id

    def jobs(self, user: int, count: int, apart: timedelta, prefix: str) -> None:
        """Jobs of an hour that begin `apart` from each other."""
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        times = [first + apart * number for number in range(count)]
        self.execute(
            _JOBS,
            *(
                (f"{prefix}{number}", str(start), str(start + timedelta(hours=1)))
                for number, start in enumerate(times)
            ),
        )
        self.execute(_ASSIGNED, (user, f"{prefix}%"))


def _write(url: str, ready: Any, until: Any, waits: Any) -> None:
    with dispatch.connected(url) as connection:
        writer = dispatch.Dispatch(connection, url)
        taken = []
        ready.set()
        while not until.is_set():
            taken.append(writer.touch("writer"))
            time.sleep(_PAUSE)
    waits.put(taken)


def beside(url: str, work: Callable[[], object]) -> tuple[float, float, int]:
    """Seconds that `work` took, the longest transaction of the writer beside it, and how many it made."""
    context = multiprocessing.get_context("spawn")
    ready, until, waits = context.Event(), context.Event(), context.Queue()
    writer = context.Process(target=_write, args=(url, ready, until, waits))
    writer.start()
    ready.wait(60)
    began = time.perf_counter()
    try:
        work()
        took = time.perf_counter() - began
    finally:
        until.set()
        taken = waits.get(timeout=60)
        writer.join()
    return took, max(taken, default=took), len(taken)


def _activities(database: _Database, many: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """The kinds of background work, by name. The needs of each are prepared before it is yielded."""
    settings = database.settings
    stores, config = settings.database(), settings.config
    database.user("writer")
    anna, ben = database.user("anna"), database.user("ben")

    def read(name: str) -> None:
        with Snapshot(stores, config, followers=FOLLOWERS) as snapshot:
            snapshot.calendars(name)

    def settle() -> None:
        watch = Watch(stores, config, followers=FOLLOWERS)
        while watch.turn(int(time.time())):
            pass

    def maintain(later: timedelta = timedelta()) -> None:
        maintenance.run(stores, config, datetime.now(UTC) + later, followers=FOLLOWERS)

    database.jobs(anna, many, timedelta(hours=2), "A-")
    yield f"catching up {many:,} new jobs", lambda: read("anna")
    with stores.write() as connection:
        stored.change(connection, "templates.job_summary", "Visit {organisation}", actor=SYSTEM)
    yield f"rendering {many:,} jobs anew", lambda: read("anna")
    yield f"comparing {many:,} jobs for conflicts", settle
    database.jobs(ben, 800, timedelta(seconds=1), "B-")
    yield "800 overlapping jobs of one user", settle
    with _feed(database, many, ben) as subscription:
        yield f"importing {many:,} events", lambda: _import(database)
        yield f"comparing {many:,} imported events", settle
    with stores.write() as connection:
        subscriptions.remove(connection, subscription, events="delete", actor=SYSTEM)
    unfinished = Unfinished(stores, config, followers=FOLLOWERS)
    yield (
        f"removing a subscription of {many:,} events",
        lambda: (unfinished.turn(int(time.time())), maintain()),
    )
    with stores.write() as connection:
        stored.change(connection, "availability.buffer_before_minutes", "5", actor=SYSTEM)
    yield f"comparing {many:,} jobs by other rules", settle
    database.execute("DELETE FROM job_assignments")
    yield f"removing {many:,} jobs", lambda: read("anna")
    yield f"forgetting {many:,} removals", lambda: maintain(_MONTHS)
    database.execute("DELETE FROM users WHERE username = 'ben'")
    yield "dropping the calendars of a user", maintain


@contextmanager
def _feed(database: _Database, events: int, user: int) -> Iterator[int]:
    """A source of so many events, and the user's subscription to it by its id."""
    port = process.free_port()
    with database.settings.database().write() as connection:
        added = subscriptions.add(
            connection,
            database.settings.keyring(),
            user,
            f"http://127.0.0.1:{port}/1",
            "Large",
            actor=SYSTEM,
        )
    with importing.feeds(database.folder, port, events, "same"):
        yield added.id


def _import(database: _Database) -> None:
    importing.run_importer(database.folder, database.environment, {"applied": 1})


def measure(database: _Database, many: int) -> Mapping[str, tuple[float, float, int]]:
    """Each activity with the result of `beside` for it."""
    found = {}
    for name, work in _activities(database, many):
        found[name] = beside(database.url, work)
        report.progress(f"{name}: {found[name][0]:.1f} s, longest wait {found[name][1]:.3f} s")
    database.settings.database().dispose()
    return found


def main(arguments: Sequence[str] | None = None) -> dict[str, Mapping[str, tuple[float, float, int]]]:
    """Run and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waits", description=__doc__)
    parser.add_argument("--many", type=int, default=10_000, help="jobs; default: %(default)s")
    parser.add_argument("--databases", default=f"{SQLITE},{POSTGRESQL}", help="default: %(default)s")
    given = parser.parse_args(arguments)
    found = {}
    for name in given.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="daysheet-waits-") as folder:
            if name == SQLITE:
                found[name] = measure(_Database(Path(folder), str(Path(folder) / "daysheet.db")), given.many)
            else:
                with postgresql.running() as server:
                    found[name] = measure(_Database(Path(folder), server.create()), given.many)
    print(report.machine())
    print("\n| beside | " + " | ".join(f"{name}, longest wait in s" for name in found) + " |")
    print("| --- |" + " ---: |" * len(found))
    for activity in next(iter(found.values())):
        print(f"| {activity} | " + " | ".join(f"{of[activity][1]:.3f}" for of in found.values()) + " |")
    return found


if __name__ == "__main__":
    main()
