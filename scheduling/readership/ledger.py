# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the delivery ledger: what clients fetched is gathered in memory and stored in batches by a thread of its own.

Noting something takes a lock for a moment and touches no database, so no answer waits for it. A process that is
killed loses what it had gathered, a few seconds' worth; the next request of the same client makes up for it.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import case, update
from sqlalchemy.exc import SQLAlchemyError

from scheduling.database.connection import Connection, Database
from scheduling.database.dialects import insert_into
from scheduling.errors import DatabaseUnavailable
from scheduling.models import Delivery

logger = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two batches."""
_FULL = 500
_MOST = 20_000
_FORGET_EVERY = 3600
_D = Delivery
Source = Literal["feed", "app-password"]
Key = tuple[int, str, int, str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One request that left a client with what it shows of some calendars: the `revisions` by calendar id.

    `source_id` is the feed or app password, `scope` the feed's `changed_at` (0 for an app password), `at` epoch
    seconds. A revision of 0 says that the client only asked whether something changed.
    """

    user_id: int
    source: Source
    source_id: int
    client: str
    revisions: Mapping[int, int]
    scope: int = 0
    at: int
    address: str | None


@dataclass(kw_only=True, slots=True)
class _Entry:
    revision: int
    scope: int
    first_at: int
    fetched_at: int
    last_at: int
    requests: int
    address: str | None

    def add(self, other: _Entry) -> None:
        if (other.scope, other.revision) > (self.scope, self.revision):
            self.scope, self.revision, self.fetched_at = other.scope, other.revision, other.fetched_at
        self.first_at = min(self.first_at, other.first_at)
        if other.last_at >= self.last_at:
            self.last_at, self.address = other.last_at, other.address
        self.requests += other.requests


class Ledger:
    """The buffer of one process for one database. No address is kept longer than `address_days`; 0 keeps none."""

    def __init__(self, database: Database, *, address_days: int, interval: float = INTERVAL) -> None:
        self._database = weakref.ref(database)
        self._address_days = address_days
        self._interval = interval
        self._entries: dict[Key, _Entry] = {}
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._forgot_at = 0.0

    def record(self, seen: Seen) -> None:
        """Note a request; never waits for the database. When storing cannot keep up, new clients are left out."""
        address = (seen.address or "")[:64] if self._address_days else ""
        with self._lock:
            for calendar_id, revision in seen.revisions.items():
                key = (seen.user_id, seen.source, seen.source_id, seen.client, calendar_id)
                entry = _Entry(
                    revision=revision,
                    scope=seen.scope,
                    first_at=seen.at,
                    fetched_at=seen.at if revision else 0,
                    last_at=seen.at,
                    requests=1,
                    address=address or None,
                )
                self._add(key, entry)
            if len(self._entries) >= _FULL:
                self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delivery-ledger", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Store what is gathered. Raises `DatabaseUnavailable` and keeps it for the next time."""
        with self._storing:
            with self._lock:
                entries, self._entries = self._entries, {}
            try:
                if entries:
                    self._store(entries)
            except BaseException:
                with self._lock:
                    for key, entry in entries.items():
                        self._add(key, entry)
                raise

    def _add(self, key: Key, entry: _Entry) -> None:
        known = self._entries.get(key)
        if known is not None:
            known.add(entry)
        elif len(self._entries) < _MOST:
            self._entries[key] = entry

    def _store(self, entries: Mapping[Key, _Entry]) -> None:
        # In the order of the key: two processes that store the same rows then never wait for each other in a circle.
        rows = [_row(key, entries[key]) for key in sorted(entries)]
        database = self._database()
        if database is None:
            return
        with database.write() as connection:
            connection.execute(_upsert(connection), rows)
            if time.monotonic() - self._forgot_at > _FORGET_EVERY or not self._forgot_at:
                forget_addresses(connection, self._address_days, int(time.time()))
                self._forgot_at = time.monotonic()

    def _run(self) -> None:
        """Ends after one batch; the next request begins another."""
        self._wake.wait(self._interval)
        self._wake.clear()
        with self._lock:
            self._thread = None
        self.try_flush(logging.INFO)

    def try_flush(self, level: int) -> None:
        """As `flush`, but what goes wrong is logged at `level`."""
        try:
            self.flush()
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            logger.log(level, "could not store what calendar clients fetched: %s", type(error).__name__)


def forget_addresses(connection: Connection, address_days: int, now: int) -> int:
    """Remove addresses last seen more than `address_days` before `now` (epoch seconds); returns how many."""
    result = connection.execute(
        update(_D)
        .where(_D.address.is_not(None), _D.last_at <= now - address_days * 86400)
        .values(address=None)
    )
    return result.rowcount


def _row(key: Key, entry: _Entry) -> dict[str, Any]:
    names = ("user_id", "source", "source_id", "client", "calendar_id")
    values = {name: getattr(entry, name) for name in _Entry.__dataclass_fields__}
    return {**dict(zip(names, key, strict=True)), **values}


def _upsert(connection: Connection) -> Any:
    statement = insert_into(connection, _D)
    new = statement.excluded
    newer = (new.scope > _D.scope) | ((new.scope == _D.scope) & (new.revision > _D.revision))
    latest = new.last_at >= _D.last_at
    return statement.on_conflict_do_update(
        index_elements=["user_id", "source", "source_id", "client", "calendar_id"],
        set_={
            "revision": case((newer, new.revision), else_=_D.revision),
            "scope": case((newer, new.scope), else_=_D.scope),
            "fetched_at": case((newer, new.fetched_at), else_=_D.fetched_at),
            "last_at": case((latest, new.last_at), else_=_D.last_at),
            "address": case((latest, new.address), else_=_D.address),
            "requests": _D.requests + new.requests,
        },
    )


_ledgers: weakref.WeakKeyDictionary[Database, Ledger] = weakref.WeakKeyDictionary()
_ledgers_lock = threading.Lock()


def ledger_of(database: Database, *, address_days: int) -> Ledger:
    """The process's one ledger of a database."""
    with _ledgers_lock:
        if database not in _ledgers:
            _ledgers[database] = Ledger(database, address_days=address_days)
        return _ledgers[database]


@atexit.register
def _store_the_rest() -> None:
    for ledger in list(_ledgers.values()):
        ledger.try_flush(logging.DEBUG)
