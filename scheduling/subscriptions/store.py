# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer's side of the database: claiming due subscriptions under a lease, and applying what was found in one
transaction. Every write is fenced by the lease, so a daemon that was stopped and woken late changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from scheduling.access.secrets import Keyring
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import SecretsUnreadable
from scheduling.models import Generation as GenerationRow
from scheduling.models import Subscription, User
from scheduling.settings import stored as settings
from scheduling.subscriptions import credentials as source_credentials
from scheduling.subscriptions import events, generations, leases, outcomes, own_events, reading
from scheduling.subscriptions.facts import Applied, Due, Facts, Failure, Standing, Taken
from scheduling.subscriptions.judgement import Judgement

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
    _S.prompt,
    _S.failing_since,
    _S.refresh,
    _S.body_digest,
    _S.time_zone,
    User.time_zone.label("user_zone"),
    User.email,
)
_HELD = (
    select(_S.id, _S.status, _S.seen_generation, _S.moved, GenerationRow.state.label("seen_state"))
    .outerjoin(GenerationRow, GenerationRow.id == _S.seen_generation)
    .where(_S.id == bindparam("id"), _S.lease == bindparam("lease"), _S.status != "paused")
    .with_for_update(of=_S)
)


class ImportStore:
    """Every method is one transaction."""

    def __init__(self, database: Database, config: Config, keyring: Keyring, *, followers: Followers) -> None:
        self._followers = followers
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
        least: Standing = Standing.FAILING,
        without_hosts: Collection[str] = (),
    ) -> list[Due]:
        """Lease at most `limit` subscriptions that are due at `now`, or the one named by `only` whether due or not; and
        `together` with them all others to the same sources that work. Leave out those below a
        standing, or those on some hosts, where asked.
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
                least=least,
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
            known = events.hashes(connection, due.id)
            waiting = generations.in_state(connection, due.id, generations.QUARANTINED)
            if waiting is not None:
                beside = events.version_keys(connection, due.id)
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
            return self._judgement(connection, due, row, changes, is_new=True).decide()

    def _judgement(
        self,
        connection: Connection,
        due: Due,
        row: Row[*tuple[Any, ...]],
        changes: Applied,
        *,
        is_new: bool,
    ) -> Judgement:
        return Judgement(
            connection, self._config, due, row, changes, is_new=is_new, followers=self._followers
        )

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
            if outcomes.still_good(connection, due, facts):
                return
            row = self._held(connection, due)
            if row is None:
                return
            seen = None
            if row.seen_state not in (None, generations.CURRENT):
                seen = generations.find(connection, due.id, row.seen_generation)
            if seen is None:
                values = outcomes.answered(due, facts)
                outcomes.succeeded(connection, due, row.status, values, "unchanged")
            else:
                state = Applied(seen=seen.manifest, upserts=(), facts=facts)
                self._judgement(connection, due, row, state, is_new=False).decide()

    def failed(self, due: Due, failure: Failure) -> None:
        """Record a failure, leaving the events as they are, and give the claim back."""
        with self._database.write() as connection:
            if self._held(connection, due) is not None:
                outcomes.failed(connection, due.id, failure)

    def _due(
        self, connection: Connection, row: Row[*tuple[Any, ...]], lease: str, now: int, minimum: int
    ) -> Due | None:
        stored = row.encrypted_credentials
        try:
            url = self._keyring.decrypt(row.encrypted_url)
            credentials = None if stored is None else source_credentials.loads(self._keyring.decrypt(stored))
        except SecretsUnreadable:
            message = "Its address cannot be read with the present key."
            failure = Failure(reason="key", message=message, next_at=now + 3600)
            outcomes.failed(connection, row.id, failure)
            return None
        zone = row.time_zone or row.user_zone
        is_given = row.time_zone is not None
        addresses = frozenset({row.email.strip().lower()} if row.email else ())
        read_in = reading.context(zone, is_given=is_given, addresses=addresses)
        is_same = row.read_in == read_in  # else it has to be read again
        return Due(
            id=row.id,
            user_id=row.user_id,
            url=url,
            etag=row.etag if is_same else None,
            last_modified=row.last_modified if is_same else None,
            time_zone=zone,
            failures=row.failures,
            prompt=row.prompt,
            lease=lease,
            minimum_interval=minimum,
            refresh=row.refresh,
            failing_since=row.failing_since,
            source_key=bytes(row.source_key or b""),
            body_digest=row.body_digest if is_same else None,
            zone_is_given=is_given,
            addresses=addresses,
            credentials=credentials,
        )

    @staticmethod
    def _held(connection: Connection, due: Due) -> Row[*tuple[Any, ...]] | None:
        """The subscription if the claim still stands; locks it, so that the claim goes on standing."""
        return connection.execute(_HELD, {"id": due.id, "lease": due.lease}).first()
