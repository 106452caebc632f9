# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer's side of the database: claiming due subscriptions under a lease, and applying what was found. That is
judged under the lease, so a daemon that was stopped and woken late changes nothing. A small state is applied in one
transaction, a large one in steps (`applying.py`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from scheduling.access.secrets import Keyring
from scheduling.calendars.catch_up import catch_up, catch_up_in_steps
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import SecretsUnreadable
from scheduling.models import Generation as GenerationRow
from scheduling.models import Subscription, User
from scheduling.settings import stored as settings
from scheduling.subscriptions import applying, events, generations, leases, outcomes, own_events, reading
from scheduling.subscriptions import credentials as source_credentials
from scheduling.subscriptions.events import StoredEvent
from scheduling.subscriptions.facts import Applied, Due, Facts, Failure, Standing, Taken
from scheduling.subscriptions.judgement import Judgement
from scheduling.subscriptions.record import slug_of

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
    _S.applying,
    User.time_zone.label("user_zone"),
    User.email,
)
_HELD = (
    select(_S.id, _S.status, _S.seen_generation, _S.moved, GenerationRow.state.label("seen_state"))
    .outerjoin(GenerationRow, GenerationRow.id == _S.seen_generation)
    .where(_S.id == bindparam("id"), _S.lease == bindparam("lease"), _S.status != "paused")
)
_LOST = Taken(status="lost", reason="lost")


class ImportStore:
    """Every method is one transaction, or where there is much to be written several short ones."""

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
        return self._judge(due, changes, is_new=True)

    def _judge(self, due: Due, changes: Applied, *, is_new: bool) -> Taken:
        self._finish(due)
        with self._database.read() as connection:
            row = self._held(connection, due, lock=False)
            if row is None:
                return _LOST
            if is_new:
                changes = self._without_own(connection, due, changes)
            judgement = Judgement(
                connection, self._config, due, changes, moved=bool(row.moved), is_new=is_new
            )
        given = {event.uid: event for event in changes.upserts}
        if judgement.is_small:
            return self._at_once(due, judgement, given)
        return self._in_steps(due, judgement, given)

    def _at_once(self, due: Due, judgement: Judgement, given: Mapping[str, StoredEvent]) -> Taken:
        with self._database.write() as connection:
            row = self._held(connection, due)
            if row is None:
                return _LOST
            verdict = judgement.decide(connection)
            if verdict.shown:
                generations.show(connection, verdict.generation, due.user_id, int(time.time()), given=given)
            else:
                events.keep(connection, due.id, events.unknown(connection, due.id, given.values()))
            generations.prune(connection, due.id, judgement.keep)
            judgement.end(connection, row.status, verdict)
            if verdict.shown:
                view = settings.view(connection, self._config)
                catch_up(connection, due.user_id, slug_of(due.id), view, followers=self._followers)
        return verdict.taken

    def _in_steps(self, due: Due, judgement: Judgement, given: Mapping[str, StoredEvent]) -> Taken:
        if not applying.stage(self._database, due.id, due.lease, given):
            return _LOST
        with self._database.write() as connection:
            if self._held(connection, due) is None:
                return _LOST
            verdict = judgement.decide(connection)
            if verdict.shown:
                applying.begin(connection, verdict.generation, due.user_id, generations.PAST)
        if verdict.shown:
            if applying.go_on(self._database, due.id) is None:
                return _LOST
            self._catch_up(due)
        applying.prune(self._database, due.id, due.lease, judgement.keep)
        with self._database.write() as connection:
            row = self._held(connection, due)
            if row is None:
                return _LOST
            judgement.end(connection, row.status, verdict)
        return verdict.taken

    def _finish(self, due: Due) -> None:
        """Go on with what an importer began that was killed, or somebody who chose another state."""
        if due.unfinished:
            applying.go_on(self._database, due.id)

    def _catch_up(self, due: Due) -> None:
        with self._database.read() as connection:
            view = settings.view(connection, self._config)
        catch_up_in_steps(self._database, due.user_id, slug_of(due.id), view, followers=self._followers)

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
        self._finish(due)
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
        if seen is not None:
            self._judge(due, Applied(seen=seen.manifest, upserts=(), facts=facts), is_new=False)

    def failed(self, due: Due, failure: Failure) -> None:
        """Record a failure, leaving the events as they are, and give the claim back."""
        self._finish(due)
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
            unfinished=row.applying is not None,
        )

    @staticmethod
    def _held(connection: Connection, due: Due, *, lock: bool = True) -> Row[*tuple[Any, ...]] | None:
        """The subscription if the claim still stands; locks it, so that the claim goes on standing."""
        statement = _HELD.with_for_update(of=_S) if lock else _HELD
        return connection.execute(statement, {"id": due.id, "lease": due.lease}).first()
