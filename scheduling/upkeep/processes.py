# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers and workers there are, by what they said last, and whether one is missing."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, exists, select

from scheduling.database.connection import Database
from scheduling.database.dialects import insert_into
from scheduling.ical import zone_data
from scheduling.models import Mail, Process, Subscription, Webhook
from scheduling.sentences import counted
from scheduling.upkeep.finding import Level

PERIOD = 60
"""Seconds between two words of a worker that goes on."""
PATIENCE = 600
"""Seconds within which the next cycle of a worker that goes on has ended."""
ONCE = 86_400 + 3_600
"""The same for one that somebody starts again and again, at least daily."""
_KEPT = 30 * 86_400
_P = Process


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a process said last. Epoch seconds, as in the table."""

    kind: str
    host: str
    told_at: int
    due_at: int
    address: str
    zones: str

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine."""
        return self.host == this_machine()


def this_machine() -> str:
    """The name under which processes of this machine are known."""
    return platform.node()[:255]


def server_started(database: Database, address: str, now: int) -> None:
    """Say that a server of this machine listens on `address`. Raises `DatabaseUnavailable`."""
    _tell(database, "server", now, due_at=now, address=address)


def cycle_ended(database: Database, now: int, *, once: bool) -> None:
    """Say that a worker of this machine did all there was to do. Raises `DatabaseUnavailable`."""
    _tell(database, "worker", now, due_at=now + (ONCE if once else PATIENCE), address="")


def told(connection: Connection, kind: str) -> list[Told]:
    """What the processes of a kind said, the last word first."""
    columns = (_P.kind, _P.host, _P.told_at, _P.due_at, _P.address, _P.zones)
    rows = connection.execute(select(*columns).where(_P.kind == kind).order_by(_P.told_at.desc()))
    return [Told(**row) for row in rows.mappings()]


def worker(connection: Connection, now: int) -> tuple[Level, str]:
    """Whether a worker does its work."""
    found = told(connection, "worker")
    if not found:
        if _has_work(connection):
            return Level.WARNING, "No worker has run yet, and there is work for one."
        return Level.OK, "No worker has run yet, and nothing needs one."
    last = max(found, key=lambda it: it.due_at)
    words = f"The last cycle of a worker ended {ago(last.told_at, now)}, on {last.host}."
    if last.due_at < now:
        return Level.WARNING, f"{words} No worker is running."
    if last.zones != zone_data.in_use().digest:
        return Level.WARNING, f"{words} It follows other rules of time zones than this program: restart it."
    return Level.OK, words


def ago(moment: int, now: int) -> str:
    """How long ago, in the unit that says it best."""
    seconds = max(0, now - moment)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{counted(seconds // length, unit)} ago"
    return f"{counted(seconds, 'second')} ago"


def at(moment: int) -> str:
    """A moment in words."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _has_work(connection: Connection) -> bool:
    fetched = exists().where(Subscription.detached_at.is_(None), Subscription.status != "paused")
    hooked = exists().where(Webhook.status != "paused")
    return bool(connection.scalar(select(fetched | hooked | exists(select(Mail.id)))))


def _tell(database: Database, kind: str, now: int, *, due_at: int, address: str) -> None:
    values = {"told_at": now, "due_at": due_at, "address": address, "zones": zone_data.in_use().digest}
    with database.write() as connection:
        connection.execute(delete(_P).where(_P.due_at < now - _KEPT))
        connection.execute(
            insert_into(connection, _P)
            .values(kind=kind, host=this_machine(), **values)
            .on_conflict_do_update(index_elements=["kind", "host"], set_=values)
        )
