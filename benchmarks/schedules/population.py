# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users with a year's schedule each, written in bulk as a dispatch application would, and caught up."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import psycopg
from sqlalchemy import func, select

from benchmarks.traffic.accounts import Account, Known
from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars import sync
from scheduling.composition import FOLLOWERS
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.models import CalendarObject
from scheduling.snapshot import Snapshot
from server.settings import load

AT_ONCE = 100
"""Users whose schedules are written in one transaction."""
_KNOWN = 30
"""Objects of a calendar that clients know by name."""
_PEOPLE = (
    "INSERT INTO users (username, display_name, time_zone)"
    " SELECT 'user' || u, 'Technician ' || u, 'Europe/Berlin' FROM generate_series(1, %(users)s) u"
)
_OWNERS = (
    "(SELECT id FROM users WHERE substr(username, 5)::int BETWEEN %(first)s AND %(last)s) o,"
    " generate_series(1, %(count)s) i"
)
_DAYS = "((i - 1) * 390 / %(count)s - 20) * interval '1 day'"
"""From twenty days ago for a little over a year."""
_START = "date_trunc('day', now()) + {days} + (6 + i %% 5 * 2) * interval '1 hour'"
_WRITES = {
    "jobs": (
        "WITH made AS (INSERT INTO jobs (reference, job_type, organisation, status, starts_at, ends_at, time_zone,"
        " address, contact, notes) SELECT 'J-' || o.id || '-' || i, 'Maintenance', 'Bakery ' || i, 'confirmed',"
        " {start}, {start} + interval '90 minutes', 'Europe/Berlin', 'Hauptstraße ' || i || ', 10827 Berlin',"
        " 'Ms Weber, +49 30 1234567', 'Second bell. Bring the long ladder and filter type ' || i"
        " FROM {owners} RETURNING id, reference)"
        " INSERT INTO job_assignments (job_id, user_id) SELECT id, split_part(reference, '-', 2)::bigint FROM made"
    ),
    "blockers": (
        "INSERT INTO blockers (user_id, reference, title, notes, starts_at, ends_at, rrule)"
        " SELECT o.id, 'B-' || o.id || '-' || i, 'Team meeting ' || i, 'Agenda: open orders, anything else',"
        " {start}, {start} + interval '1 hour', CASE WHEN i %% 25 = 1 THEN 'FREQ=WEEKLY;COUNT=20' END FROM {owners}"
    ),
    "time_off": (
        "INSERT INTO time_off (user_id, reference, kind, status, start_date, end_date)"
        " SELECT o.id, 'T-' || o.id || '-' || i, 'vacation', 'approved', d::date, d::date + 1"
        " FROM {owners}, LATERAL (SELECT current_date + {days}) AS at(d)"
    ),
}
Environment = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """Wall seconds: writing the contract tables with their triggers, making logins and feeds, catching up."""

    users: int
    objects: int
    writing: float
    logins: float
    catching_up: float


def kinds(objects: int) -> Mapping[str, int]:
    """How many jobs, blockers and days off make `objects` of one user."""
    days_off = max(1, objects // 50)
    blockers = max(1, objects * 15 // 100)
    return {"jobs": objects - blockers - days_off, "blockers": blockers, "time_off": days_off}


def write(url: str, count: int, objects: int) -> None:
    """The contract tables of `count` users with `objects` each, in transactions of `AT_ONCE` users."""
    per_kind = kinds(objects)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_PEOPLE, {"users": count})
        for first in range(1, count + 1, AT_ONCE):
            chosen = {"first": first, "last": min(first + AT_ONCE - 1, count)}
            with connection.transaction():
                for table, statement in _WRITES.items():
                    connection.execute(_sql(statement), {**chosen, "count": per_kind[table]})


def _sql(template: str) -> bytes:
    text = template.replace("{start}", _START).replace("{days}", _DAYS).replace("{owners}", _OWNERS)
    return text.encode()


def fill(
    url: str, environment: Environment, count: int, objects: int, workers: Executor, at_once: int
) -> tuple[Filled, list[Account]]:
    """Make everything in the empty database at `url`. `workers` run `at_once` tasks in parallel. Raises RuntimeError if
    the calendars do not hold what was written.
    """
    settings = load(None, environment)
    database = settings.database()
    schema.upgrade(database)
    started = time.perf_counter()
    write(url, count, objects)
    written = time.perf_counter()
    secrets = _logins(database, settings.keyring(), count)
    made = time.perf_counter()
    names = [f"user{number}" for number in range(1, count + 1)]
    shares = [names[start :: at_once * 4] for start in range(at_once * 4)]
    found = {
        name: calendars
        for share in workers.map(caught_up, [environment] * len(shares), shares)
        for name, calendars in share
    }
    ended = time.perf_counter()
    with database.read() as connection:
        total = connection.scalar(
            select(func.count()).select_from(CalendarObject).where(~CalendarObject.deleted)
        )
    database.dispose()
    if total != count * objects:
        raise RuntimeError(f"{count * objects:,} objects were written, and the calendars hold {total:,}.")
    accounts = [
        Account(username=name, password=password, feed=feed, calendars=found[name])
        for name, (password, feed) in zip(names, secrets, strict=True)
    ]
    return Filled(
        users=count,
        objects=objects,
        writing=written - started,
        logins=made - written,
        catching_up=ended - made,
    ), accounts


def caught_up(environment: Environment, names: Sequence[str]) -> list[tuple[str, list[Known]]]:
    """Catch up the calendars of some users, in a separate process."""
    settings = load(None, environment)
    database = settings.database()
    found = []
    for name in names:
        with Snapshot(database, settings.config, followers=FOLLOWERS) as snapshot:
            calendars = [
                Known(
                    slug=it.slug,
                    etag=it.etag.strip('"'),
                    token=str(sync.token_of(it)),
                    objects=_some(snapshot, it.id),
                )
                for it in snapshot.calendars(name)
            ]
        found.append((name, calendars))
    database.dispose()
    return found


def _some(snapshot: Snapshot, calendar_id: int) -> list[tuple[str, str]]:
    query = select(CalendarObject.name, CalendarObject.etag).where(CalendarObject.calendar_id == calendar_id)
    rows = [(name, etag.strip('"')) for name, etag in snapshot.connection.execute(query.limit(500))]
    return random.Random(calendar_id).sample(rows, min(_KNOWN, len(rows)))  # noqa: S311


def _logins(database: Database, keyring: Keyring, count: int) -> list[tuple[str, str]]:
    """An app password and the path of a feed for every user."""
    made = []
    with database.write() as connection:
        for number in range(1, count + 1):
            user = users.get(connection, f"user{number}")
            _, password = credentials.create_app_password(connection, keyring, user.id, "phone", actor=SYSTEM)
            _, token = feeds.create(connection, keyring, user.id, "elsewhere", actor=SYSTEM)
            made.append((password, feeds.path_of(token)))
    return made
