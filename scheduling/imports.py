# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer's side of the database: claiming due subscriptions under a lease, and applying what was found in one
transaction. Every write is fenced by the lease, so a daemon that was stopped and woken late changes nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from scheduling import audit, leases, maintenance, settings
from scheduling.catch_up import catch_up
from scheduling.config import Config
from scheduling.database import Database
from scheduling.errors import SecretsUnreadable
from scheduling.ical import series_json
from scheduling.ical.series import Series
from scheduling.models import ExternalEvent, Subscription, User
from scheduling.permissions import SYSTEM
from scheduling.secrets import Keyring
from scheduling.subscriptions import slug_of
from scheduling.webhooks.subscriptions import emit_outcome, emit_paused

_CHUNK = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A subscription that was claimed for one synchronisation.

    `url` is a secret. `etag` and `last_modified` are those of what is stored, or None to fetch unconditionally.
    `time_zone` is the IANA zone of its user, `failures` how often in a row it has failed and `failing_since` the epoch
    second of the first of these, `lease` proves the claim, `minimum_interval` are the seconds that have to pass before
    the next, `refresh` those that the feed asked for. Equal `source_key`s have equal URLs and credentials;
    `body_digest` is of what was read last.
    """

    id: int
    user_id: int
    url: str = field(repr=False)
    etag: str | None
    last_modified: str | None
    time_zone: str
    failures: int
    lease: str
    minimum_interval: int = 0
    refresh: int = 0
    failing_since: int | None = None
    source_key: bytes = field(default=b"", repr=False)
    body_digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """An event that was left out: where it begins, its UID if it has one, and why, as a sentence."""

    line: int
    uid: str | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """One event to insert or replace: rendered text with stamp markers, its TZIDs, and the facts it came from."""

    uid: str
    content_hash: str
    template: str
    timezones: str
    series: Series
    status: str
    transparency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a successful synchronisation found. `next_at` is in epoch seconds.

    `fetched` counts the events in the source (0 when it answered that nothing changed), `imported` those inserted or
    updated, `unchanged` those left alone. An answer without changes keeps the validators it was asked with. `refresh`
    are the seconds that the feed asks to wait between fetches.
    """

    etag: str | None
    last_modified: str | None
    next_at: int
    fetched: int = 0
    imported: int = 0
    unchanged: int = 0
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    calendar_name: str | None = None
    body_digest: str | None = None
    refresh: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """Everything one synchronisation changes, to be applied in one transaction."""

    upserts: tuple[StoredEvent, ...]
    deletes: tuple[str, ...]
    facts: Facts


_S = Subscription
_E = ExternalEvent
_CLAIMABLE = (
    _S.id,
    _S.user_id,
    _S.encrypted_url,
    _S.etag,
    _S.last_modified,
    _S.read_in,
    _S.failures,
    _S.failing_since,
    _S.refresh,
    _S.body_digest,
    User.time_zone,
)


class ImportStore:
    """Every method is one transaction."""

    def __init__(self, database: Database, config: Config, keyring: Keyring) -> None:
        self._database = database
        self._config = config
        self._keyring = keyring

    @property
    def one_writer(self) -> bool:
        """Whether only one transaction at a time can write, so that others had better wait in line."""
        return self._database.is_sqlite

    def is_due(self, now: int) -> bool:
        """Whether `claim` would find something; takes no lock."""
        with self._database.read() as connection:
            return leases.is_due(connection, now)

    def claim(
        self,
        now: int,
        lease_seconds: int,
        limit: int,
        only: int | None = None,
        *,
        together: int = 0,
        without_hosts: Collection[str] = (),
    ) -> list[Due]:
        """Lease at most `limit` subscriptions that are due at `now`, or the one named by `only` whether due or not; and
        with them those to the same sources that are due within `together` seconds. Leave out `without_hosts`.
        """
        claimed: list[Due] = []
        with self._database.write() as connection:
            lease, rows = leases.claim(
                connection,
                self._keyring,
                _CLAIMABLE,
                now=now,
                seconds=lease_seconds,
                limit=limit,
                only=only,
                together=together,
                without_hosts=without_hosts,
            )
            minutes = settings.effective(connection, self._config).subscriptions.minimum_minutes
            for row in rows:
                try:
                    url = self._keyring.decrypt(row.encrypted_url)
                except SecretsUnreadable:
                    self._record(
                        connection,
                        row.id,
                        "key",
                        "Its address cannot be read with the present key.",
                        now + 3600,
                    )
                    continue
                same_zone = row.read_in == row.time_zone  # else its floating times have to be read again
                claimed.append(
                    Due(
                        id=row.id,
                        user_id=row.user_id,
                        url=url,
                        etag=row.etag if same_zone else None,
                        last_modified=row.last_modified if same_zone else None,
                        time_zone=row.time_zone,
                        failures=row.failures,
                        lease=lease,
                        minimum_interval=60 * minutes,
                        refresh=row.refresh,
                        failing_since=row.failing_since,
                        source_key=bytes(row.source_key or b""),
                        body_digest=row.body_digest if same_zone else None,
                    )
                )
        return claimed

    def renew(self, held: Collection[str], now: int, lease_seconds: int) -> set[str]:
        """Let the leases hold on, and return those that still do."""
        with self._database.write() as connection:
            return leases.renew(connection, held, now, lease_seconds)

    def release(self, claims: Collection[Due]) -> None:
        """Give back claims that nothing was done with; they are due as before."""
        with self._database.write() as connection:
            leases.release(connection, [(due.id, due.lease) for due in claims])

    def hashes(self, due: Due) -> dict[str, str]:
        """The stored events' content hashes by UID."""
        with self._database.read() as connection:
            rows = connection.execute(select(_E.uid, _E.content_hash).where(_E.subscription_id == due.id))
            return {row.uid: row.content_hash for row in rows}

    def apply(self, due: Due, changes: Applied) -> None:
        """Write the changes, render them into the calendar, record the facts, and give the claim back."""
        with self._database.write() as connection:
            if not self._held(connection, due):
                return
            for uids in _chunked([*changes.deletes, *(event.uid for event in changes.upserts)]):
                known = dict(
                    connection.execute(
                        select(_E.uid, _E.id).where(_E.subscription_id == due.id, _E.uid.in_(uids))
                    ).all()
                )
                self._write(connection, due, changes, set(uids), known)
            self._succeed(connection, due, changes.facts)
            catch_up(connection, due.user_id, slug_of(due.id), settings.view(connection, self._config))

    def unchanged(self, due: Due, facts: Facts) -> None:
        """Record that the source has not changed, and give the claim back."""
        with self._database.write() as connection:
            if self._held(connection, due):
                self._succeed(connection, due, facts)

    def failed(self, due: Due, reason: str, message: str, next_at: int, *, pause: bool = False) -> None:
        """Record a failure, leaving the events as they are, and give the claim back. With `pause`, it is not fetched
        again until somebody resumes it.
        """
        with self._database.write() as connection:
            if self._held(connection, due):
                self._record(connection, due.id, reason, message, next_at, pause=pause)

    def maintain(self, now: int) -> None:
        """Do the periodic upkeep of the database."""
        maintenance.run(self._database, self._config, datetime.fromtimestamp(now, UTC))

    @staticmethod
    def _held(connection: Connection, due: Due) -> bool:
        """Whether the claim still stands; locks the subscription, so that it goes on standing."""
        held = (
            select(_S.lease)
            .where(_S.id == due.id, _S.lease == due.lease, _S.status != "paused")
            .with_for_update()
        )
        return connection.scalar(held) is not None

    @staticmethod
    def _write(
        connection: Connection, due: Due, changes: Applied, uids: set[str], known: dict[str, int]
    ) -> None:
        gone = [known[uid] for uid in changes.deletes if uid in uids and uid in known]
        if gone:
            connection.execute(delete(_E).where(_E.id.in_(gone)))
        new: list[dict[str, Any]] = []
        for event in changes.upserts:
            if event.uid not in uids:
                continue
            values = {
                "content_hash": event.content_hash,
                "template": event.template,
                "timezones": event.timezones,
                "series": series_json.dumps(event.series),
                "status": event.status,
                "transparency": event.transparency,
            }
            if event.uid in known:
                connection.execute(update(_E).where(_E.id == known[event.uid]).values(**values))
            else:
                new.append({"subscription_id": due.id, "user_id": due.user_id, "uid": event.uid, **values})
        if new:
            connection.execute(insert(_E), new)

    @staticmethod
    def _succeed(connection: Connection, due: Due, facts: Facts) -> None:
        emit_outcome(connection, due.id)
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "status": "active",
            "reason": None,
            "message": None,
            "failures": 0,
            "etag": facts.etag,
            "last_modified": facts.last_modified,
            "read_in": due.time_zone,
            "next_at": facts.next_at,
            "last_attempt_at": now,
            "last_success_at": now,
            "lease": None,
            "lease_until": 0,
            "body_digest": facts.body_digest,
            "refresh": facts.refresh,
            "failing_since": None,
        }
        if facts.fetched or facts.skipped:
            report = {
                key: value
                for key, value in dataclasses.asdict(facts).items()
                if key not in ("etag", "last_modified", "next_at", "body_digest", "refresh")
            }
            values["report"] = json.dumps(report)
        connection.execute(update(_S).where(_S.id == due.id).values(**values))

    @staticmethod
    def _record(
        connection: Connection,
        subscription_id: int,
        reason: str,
        message: str,
        next_at: int,
        *,
        pause: bool = False,
    ) -> None:
        emit_outcome(connection, subscription_id, reason, message)
        if pause:
            emit_paused(connection, subscription_id, reason, message)
            audit.record(
                connection, SYSTEM, "subscription.pause", f"subscription:{subscription_id}", reason=reason
            )
        now = datetime.now(UTC)
        connection.execute(
            update(_S)
            .where(_S.id == subscription_id)
            .values(
                status="paused" if pause else "error",
                reason=reason,
                message=message,
                failures=_S.failures + 1,
                next_at=next_at,
                last_attempt_at=now,
                failing_since=func.coalesce(_S.failing_since, int(now.timestamp())),
                lease=None,
                lease_until=0,
            )
        )


def _chunked(uids: Sequence[str]) -> list[list[str]]:
    return [list(uids[start : start + _CHUNK]) for start in range(0, len(uids), _CHUNK)]
