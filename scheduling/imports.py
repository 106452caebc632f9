# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer's side of the database: claiming due subscriptions under a lease, and applying what was found in one
transaction. Every write is fenced by the lease, so a daemon that was stopped and woken late changes nothing.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select, update

from scheduling import (
    audit,
    generations,
    import_plan,
    imported_events,
    leases,
    maintenance,
    own_events,
    settings,
    source_credentials,
)
from scheduling.catch_up import catch_up
from scheduling.config import Config
from scheduling.database import Database
from scheduling.errors import SecretsUnreadable
from scheduling.generations import Generation
from scheduling.imported_events import StoredEvent
from scheduling.models import Subscription, User
from scheduling.permissions import SYSTEM
from scheduling.secrets import Keyring
from scheduling.source_credentials import Credentials
from scheduling.subscription_record import slug_of
from scheduling.webhooks.subscriptions import emit_outcome, emit_paused, emit_quarantined

__all__ = [
    "Applied",
    "Due",
    "Facts",
    "HttpFacts",
    "ImportStore",
    "Skipped",
    "StoredEvent",
    "Taken",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A subscription that was claimed for one synchronisation.

    `url` is a secret, and so are `credentials`, which are for the URL's own origin only. `etag` and `last_modified` are
    those of what was read last, or None to fetch unconditionally. `time_zone` is the IANA zone of its floating times,
    `failures` how often in a row it has failed and `failing_since` the epoch second of the first of these, `lease`
    proves the claim, `minimum_interval` are the seconds that have to pass before the next, `refresh` those that the
    feed asked for. Equal `source_key`s have equal URLs and credentials; `body_digest` is of what was read last.
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
    credentials: Credentials | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpFacts:
    """What the last HTTP exchange of a fetch was like: the status, whether there was an ETag, Last-Modified and the
    media type as sent, the octets read (decoded), how long everything took, and the host after all redirects.
    """

    status: int
    etag: bool = False
    last_modified: str | None = None
    content_type: str | None = None
    octets: int = 0
    milliseconds: int = 0
    host: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """An event that was left out: where it begins, its UID if it has one, and why, as a sentence."""

    line: int
    uid: str | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a successful synchronisation found. `next_at` is in epoch seconds.

    `fetched` counts the events in the source (0 when it answered that nothing changed), `imported` those
    inserted or updated, `unchanged` those left alone, `own` the user's own that came back. An answer without
    changes keeps the validators it was asked with. `refresh` are the seconds that the feed asks to wait between
    fetches.
    """

    etag: str | None
    last_modified: str | None
    next_at: int
    fetched: int = 0
    imported: int = 0
    unchanged: int = 0
    own: int = 0
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    calendar_name: str | None = None
    body_digest: str | None = None
    refresh: int = 0
    http: HttpFacts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """One state of a source, to be judged and applied in one transaction: `seen` maps every UID in it to its content
    hash, `upserts` are the events among them whose hash `ImportStore.hashes` did not have.
    """

    seen: Mapping[str, str]
    upserts: tuple[StoredEvent, ...]
    facts: Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of a state: applied, put into quarantine for a `reason`, or nothing, since the claim was lost."""

    status: Literal["applied", "quarantined", "lost"]
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    reason: str | None = None


_S = Subscription
_CLAIMABLE = (
    _S.id,
    _S.user_id,
    _S.encrypted_url,
    _S.encrypted_credentials,
    _S.etag,
    _S.last_modified,
    _S.read_in,
    _S.failures,
    _S.failing_since,
    _S.refresh,
    _S.body_digest,
    _S.time_zone,
    User.time_zone.label("user_zone"),
)
_REASONS = {
    import_plan.EMPTY: "The calendar is empty now, but held events that are still to come",
    import_plan.VANISHED: "Most of the events still to come have vanished from the calendar",
    import_plan.UIDS_CHANGED: "All events of the calendar have been replaced by others",
}
_KEPT = "; what was imported before goes on blocking until this is accepted."
_REJECTED = "The calendar still is in a state that was rejected; what is shown instead goes on blocking."


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
        together: bool = False,
        without_failing: bool = False,
        without_hosts: Collection[str] = (),
    ) -> list[Due]:
        """Lease at most `limit` subscriptions that are due at `now`, or the one named by `only` whether due or not; and
        `together` with them all others to the same sources that work. Leave out those that failed last, or those on
        some hosts, where asked.
        """
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
                without_failing=without_failing,
                without_hosts=without_hosts,
            )
            minutes = settings.effective(connection, self._config).subscriptions.minimum_minutes
            found = [self._due(connection, row, lease, now, 60 * minutes) for row in rows]
        return [due for due in found if due is not None]

    def renew(self, held: Collection[str], now: int, lease_seconds: int) -> set[str]:
        """Let the leases hold on, and return those that still do."""
        with self._database.write() as connection:
            return leases.renew(connection, held, now, lease_seconds)

    def release(self, claims: Collection[Due]) -> None:
        """Give back claims that nothing was done with; they are due as before."""
        with self._database.write() as connection:
            leases.release(connection, [(due.id, due.lease) for due in claims])

    def hashes(self, due: Due) -> dict[str, str]:
        """The content hashes by UID of the events that are known: those shown, and in place of them those of the state
        that is in quarantine.
        """
        with self._database.read() as connection:
            known = imported_events.hashes(connection, due.id)
            waiting = generations.in_state(connection, due.id, generations.QUARANTINED)
            if waiting is not None:
                beside = imported_events.version_keys(connection, due.id)
                known |= {uid: it for uid, it in waiting.manifest.items() if (uid, it) in beside}
        return known

    def apply(self, due: Due, changes: Applied) -> Taken:
        """Judge a state of the source. Unless it is doubted or was rejected it is written and rendered into the
        calendar; else it is kept beside, and what is there stays. Records the facts and gives the claim back.
        """
        with self._database.write() as connection:
            row = self._held(connection, due)
            if row is None:
                return Taken(status="lost", reason="lost")
            changes = self._without_own(connection, due, changes)
            return _Judgement(connection, self._config, due, row, changes, is_new=True).pass_()

    def _without_own(self, connection: Connection, due: Due, changes: Applied) -> Applied:
        """The state without the user's own events come back, which block already."""
        uids = [uid for uid in changes.seen if own_events.may_be_ours(uid)]
        own = own_events.own_uids(connection, self._keyring, due.user_id, uids) if uids else set()
        if not own:
            return changes
        upserts = tuple(event for event in changes.upserts if event.uid not in own)
        imported = changes.facts.imported - len(changes.upserts) + len(upserts)
        return Applied(
            seen={uid: it for uid, it in changes.seen.items() if uid not in own},
            upserts=upserts,
            facts=dataclasses.replace(
                changes.facts,
                imported=imported,
                own=len(own),
                warnings=(*changes.facts.warnings, own_events.SENTENCE),
            ),
        )

    def unchanged(self, due: Due, facts: Facts) -> None:
        """Record that the source has not changed, and give the claim back. A state in quarantine is accepted once it
        has been there long enough.
        """
        with self._database.write() as connection:
            row = self._held(connection, due)
            if row is None:
                return
            seen = None
            if row.seen_generation is not None:
                seen = generations.find(connection, due.id, row.seen_generation)
            if seen is None or seen.state == generations.CURRENT:
                _succeed(connection, due, _facts(due, facts), "unchanged")
            else:
                state = Applied(seen=seen.manifest, upserts=(), facts=facts)
                _Judgement(connection, self._config, due, row, state, is_new=False).pass_()

    def failed(
        self,
        due: Due,
        reason: str,
        message: str,
        next_at: int,
        *,
        pause: bool = False,
        http: HttpFacts | None = None,
    ) -> None:
        """Record a failure, leaving the events as they are, and give the claim back. With `pause`, it is not fetched
        again until somebody resumes it.
        """
        with self._database.write() as connection:
            if self._held(connection, due) is not None:
                _fail(connection, due.id, reason, message, next_at, pause=pause, http=http)

    def maintain(self, now: int) -> None:
        """Do the periodic upkeep of the database."""
        maintenance.run(self._database, self._config, datetime.fromtimestamp(now, UTC))

    def _due(
        self, connection: Connection, row: Row[*tuple[Any, ...]], lease: str, now: int, minimum: int
    ) -> Due | None:
        stored = row.encrypted_credentials
        try:
            url = self._keyring.decrypt(row.encrypted_url)
            credentials = None if stored is None else source_credentials.loads(self._keyring.decrypt(stored))
        except SecretsUnreadable:
            message = "Its address cannot be read with the present key."
            _fail(connection, row.id, "key", message, now + 3600)
            return None
        zone = row.time_zone or row.user_zone
        same_zone = row.read_in == zone  # else its floating times have to be read again
        return Due(
            id=row.id,
            user_id=row.user_id,
            url=url,
            etag=row.etag if same_zone else None,
            last_modified=row.last_modified if same_zone else None,
            time_zone=zone,
            failures=row.failures,
            lease=lease,
            minimum_interval=minimum,
            refresh=row.refresh,
            failing_since=row.failing_since,
            source_key=bytes(row.source_key or b""),
            body_digest=row.body_digest if same_zone else None,
            credentials=credentials,
        )

    @staticmethod
    def _held(connection: Connection, due: Due) -> Row[*tuple[Any, ...]] | None:
        """The subscription if the claim still stands; locks it, so that the claim goes on standing."""
        held = (
            select(_S.id, _S.seen_generation, _S.moved)
            .where(_S.id == due.id, _S.lease == due.lease, _S.status != "paused")
            .with_for_update()
        )
        return connection.execute(held).first()


class _Judgement:
    """What becomes of one state of one source; `is_new` is one that was read just now, not answered with 304."""

    def __init__(
        self,
        connection: Connection,
        config: Config,
        due: Due,
        row: Row[*tuple[Any, ...]],
        changes: Applied,
        *,
        is_new: bool,
    ) -> None:
        self._connection = connection
        self._is_new = is_new
        self._config = config
        self._due = due
        self._moved = bool(row.moved)
        self._changes = changes
        self._limits = settings.effective(connection, config).subscriptions
        self._now = int(time.time())
        self._stored = imported_events.hashes(connection, due.id)

    def pass_(self) -> Taken:
        """Apply the state or keep it back."""
        digest = generations.digest_of(self._changes.seen)
        current = generations.baseline(self._connection, self._due.id, self._stored, self._now)
        if current is not None and current.digest == digest:
            return self._same(current)
        known = generations.with_digest(self._connection, self._due.id, digest)
        if known is not None and known.state == generations.REJECTED:
            return self._rejected(known)
        reasons = self._doubts()
        if not reasons:
            return self._believed(known)
        waiting = generations.in_state(self._connection, self._due.id, generations.QUARANTINED)
        since = self._doubted_since(waiting, digest)
        if since is not None and self._is_ripe(since):
            audit.record(
                self._connection,
                SYSTEM,
                "subscription.accept",
                f"subscription:{self._due.id}",
                reason=reasons[0],
                hours=self._limits.quarantine_hours,
            )
            return self._believed(known)
        return self._quarantined(known, reasons, since)

    def _doubts(self) -> tuple[str, ...]:
        seen = self._changes.seen
        if self._stored.keys() <= seen.keys():
            return ()
        ahead = imported_events.ahead(self._connection, self._due.id, slug_of(self._due.id), self._now)
        limits = import_plan.Limits(
            percent=self._limits.vanished_percent, minimum=self._limits.vanished_events
        )
        return import_plan.doubts(self._stored, seen, ahead, limits, moved=self._moved)

    def _doubted_since(self, waiting: Generation | None, digest: str) -> int | None:
        """Since when states like this one have been seen, without a break."""
        if waiting is None or waiting.doubted_at is None:
            return None
        if waiting.digest == digest:
            return waiting.doubted_at
        limits = import_plan.Limits(
            percent=self._limits.vanished_percent, minimum=self._limits.vanished_events
        )
        follows = not import_plan.doubts(
            waiting.manifest, self._changes.seen, waiting.manifest.keys(), limits
        )
        return waiting.doubted_at if follows else None

    def _is_ripe(self, since: int) -> bool:
        hours = self._limits.quarantine_hours
        return bool(hours) and self._now - since >= hours * 3600

    def _same(self, current: Generation) -> Taken:
        generations.seen_again(self._connection, current, self._now)
        generations.withdraw_others(self._connection, self._due.id)
        self._succeed(current)
        return Taken(status="applied")

    def _believed(self, known: Generation | None) -> Taken:
        connection = self._connection
        if known is None:
            known = generations.add(connection, self._due.id, self._changes.seen, generations.PAST, self._now)
        else:
            generations.seen_again(connection, known, self._now)
        given = {event.uid: event for event in self._changes.upserts}
        done = generations.show(connection, known, self._due.user_id, self._now, given=given)
        generations.withdraw_others(connection, self._due.id)
        self._succeed(known)
        catch_up(
            connection, self._due.user_id, slug_of(self._due.id), settings.view(connection, self._config)
        )
        return Taken(
            status="applied",
            inserted=len(done.insert),
            updated=len(done.update),
            deleted=len(done.delete),
        )

    def _quarantined(self, known: Generation | None, reasons: tuple[str, ...], since: int | None) -> Taken:
        connection, now = self._connection, self._now
        doubted_at = now if since is None else since
        is_new = known is None or known.state != generations.QUARANTINED
        if known is None:
            known = generations.add(
                connection,
                self._due.id,
                self._changes.seen,
                generations.QUARANTINED,
                now,
                reasons=reasons,
                doubted_at=doubted_at,
            )
        else:
            generations.seen_again(connection, known, now)
            generations.move(
                connection, known, generations.QUARANTINED, doubts=" ".join(reasons), doubted_at=doubted_at
            )
        imported_events.keep(connection, self._due.id, self._changes.upserts)
        generations.withdraw_others(connection, self._due.id, but=known.id)
        message = _REASONS[reasons[0]] + _KEPT
        if is_new and since is None:
            audit.record(
                connection,
                SYSTEM,
                "subscription.quarantine",
                f"subscription:{self._due.id}",
                generation=known.id,
                reason=reasons[0],
            )
            emit_quarantined(connection, self._due.id, known.id, reasons[0], message)
        self._kept_back(known, reasons[0], message)
        return Taken(status="quarantined", reason=reasons[0])

    def _rejected(self, known: Generation) -> Taken:
        generations.seen_again(self._connection, known, self._now)
        generations.withdraw_others(self._connection, self._due.id)
        self._kept_back(known, "rejected", _REJECTED)
        return Taken(status="quarantined", reason="rejected")

    def _succeed(self, generation: Generation) -> None:
        _succeed(self._connection, self._due, {**self._facts(generation), "moved": False}, "applied")

    def _kept_back(self, generation: Generation, reason: str, message: str) -> None:
        emit_outcome(self._connection, self._due.id, reason, message)
        values = self._facts(generation)
        values |= {"status": "error", "reason": reason, "message": message, "sync_result": "quarantined"}
        self._connection.execute(update(_S).where(_S.id == self._due.id).values(**values))

    def _facts(self, generation: Generation) -> dict[str, Any]:
        generations.prune(self._connection, self._due.id, self._limits.generations)
        facts = self._changes.facts
        values = {**_facts(self._due, facts), "seen_generation": generation.id}
        if self._is_new:
            values["report"] = _report(facts)
        return values


def _succeed(connection: Connection, due: Due, values: dict[str, Any], result: str) -> None:
    emit_outcome(connection, due.id)
    values |= {
        "status": "active",
        "reason": None,
        "message": None,
        "last_success_at": datetime.now(UTC),
        "sync_result": result,
    }
    connection.execute(update(_S).where(_S.id == due.id).values(**values))


def _facts(due: Due, facts: Facts) -> dict[str, Any]:
    """What is noted of every answer that could be understood."""
    values: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "etag": facts.etag,
        "last_modified": facts.last_modified,
        "read_in": due.time_zone,
        "next_at": facts.next_at,
        "last_attempt_at": datetime.now(UTC),
        "lease": None,
        "lease_until": 0,
        "sync_finished_at": _now_ms(),
        "body_digest": facts.body_digest,
        "refresh": facts.refresh,
    }
    if facts.http is not None:
        values["http"] = json.dumps(dataclasses.asdict(facts.http))
    return values


def _report(facts: Facts) -> str:
    left_out = ("etag", "last_modified", "next_at", "body_digest", "refresh", "http")
    return json.dumps({key: it for key, it in dataclasses.asdict(facts).items() if key not in left_out})


def _fail(
    connection: Connection,
    subscription_id: int,
    reason: str,
    message: str,
    next_at: int,
    *,
    pause: bool = False,
    http: HttpFacts | None = None,
) -> None:
    emit_outcome(connection, subscription_id, reason, message)
    if pause:
        emit_paused(connection, subscription_id, reason, message)
        audit.record(
            connection, SYSTEM, "subscription.pause", f"subscription:{subscription_id}", reason=reason
        )
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "status": "paused" if pause else "error",
        "reason": reason,
        "message": message,
        "failures": _S.failures + 1,
        "next_at": next_at,
        "last_attempt_at": now,
        "failing_since": func.coalesce(_S.failing_since, int(now.timestamp())),
        "lease": None,
        "lease_until": 0,
        "sync_finished_at": _now_ms(),
        "sync_result": "failed",
    }
    if http is not None:
        values["http"] = json.dumps(dataclasses.asdict(http))
    connection.execute(update(_S).where(_S.id == subscription_id).values(**values))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
