# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a state of a source: believed and applied, doubted and kept beside, or rejected before."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.calendars.catch_up import catch_up
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.settings import stored
from scheduling.subscriptions import events, generations, outcomes, plan, unread
from scheduling.subscriptions.facts import Applied, Due, Taken
from scheduling.subscriptions.generations import Generation
from scheduling.subscriptions.record import slug_of
from scheduling.webhooks.subscriptions import emit_quarantined

_REASONS = {
    plan.EMPTY: "The calendar is empty now, but held events that are still to come",
    plan.VANISHED: "Most of the events still to come have vanished from the calendar",
    plan.UIDS_CHANGED: "All events of the calendar have been replaced by others",
}
_KEPT = "; what was imported before goes on blocking until this is accepted."
_REJECTED = "The calendar still is in a state that was rejected; what is shown instead goes on blocking."


class Judgement:
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
        followers: Followers,
    ) -> None:
        self._connection = connection
        self._is_new = is_new
        self._followers = followers
        self._config = config
        self._due = due
        self._moved = bool(row.moved)
        self._status = row.status
        self._changes = changes
        self._limits = stored.effective(connection, config).subscriptions
        self._vanishing = plan.Limits(
            percent=self._limits.vanished_percent, minimum=self._limits.vanished_events
        )
        self._now = int(time.time())
        self._stored = events.hashes(connection, due.id)

    def decide(self) -> Taken:
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
                "subscription.accept",
                f"subscription:{self._due.id}",
                reason=reasons[0],
                hours=self._limits.quarantine_hours,
                actor=SYSTEM,
            )
            return self._believed(known)
        return self._quarantined(known, reasons, since)

    def _doubts(self) -> tuple[str, ...]:
        seen = self._changes.seen
        if self._stored.keys() <= seen.keys():
            return ()
        ahead = events.ahead(self._connection, self._due.id, slug_of(self._due.id), self._now)
        return plan.doubts(self._stored, seen, ahead, self._vanishing, moved=self._moved)

    def _doubted_since(self, waiting: Generation | None, digest: str) -> int | None:
        """Since when states like this one have been seen, without a break."""
        if waiting is None or waiting.doubted_at is None:
            return None
        if waiting.digest == digest:
            return waiting.doubted_at
        follows = not plan.doubts(
            waiting.manifest, self._changes.seen, waiting.manifest.keys(), self._vanishing
        )
        return waiting.doubted_at if follows else None

    def _is_ripe(self, since: int) -> bool:
        hours = self._limits.quarantine_hours
        return bool(hours) and self._now - since >= hours * 3600

    def _same(self, current: Generation) -> Taken:
        generations.seen_again(self._connection, current, self._now)
        read = self._with_unread(current)
        if read.unread != current.unread:
            generations.tell(self._connection, read)
        generations.withdraw_others(self._connection, self._due.id)
        self._succeed(current)
        return Taken(status="applied")

    def _believed(self, known: Generation | None) -> Taken:
        connection = self._connection
        if known is None:
            known = generations.add(connection, self._due.id, self._changes.seen, generations.PAST, self._now)
        else:
            generations.seen_again(connection, known, self._now)
        known = self._with_unread(known)
        given = {event.uid: event for event in self._changes.upserts}
        done = generations.show(connection, known, self._due.user_id, self._now, given=given)
        generations.withdraw_others(connection, self._due.id)
        self._succeed(known)
        catch_up(
            connection,
            self._due.user_id,
            slug_of(self._due.id),
            stored.view(connection, self._config),
            followers=self._followers,
        )
        return Taken(
            status="applied",
            inserted=len(done.insert),
            updated=len(done.update),
            deleted=len(done.delete),
        )

    def _with_unread(self, generation: Generation) -> Generation:
        if not self._is_new:
            return generation
        text = unread.dumps(self._changes.facts.gaps)
        return generations.note_unread(self._connection, generation, text)

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
        self._with_unread(known)
        events.keep(connection, self._due.id, self._changes.upserts)
        generations.withdraw_others(connection, self._due.id, but=known.id)
        message = _REASONS[reasons[0]] + _KEPT
        if is_new and since is None:
            audit.record(
                connection,
                "subscription.quarantine",
                f"subscription:{self._due.id}",
                generation=known.id,
                reason=reasons[0],
                actor=SYSTEM,
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
        values = {**self._facts(generation), "moved": False}
        outcomes.succeeded(self._connection, self._due, self._status, values, "applied")

    def _kept_back(self, generation: Generation, reason: str, message: str) -> None:
        values = self._facts(generation)
        outcomes.kept_back(self._connection, self._due, values, reason, message)

    def _facts(self, generation: Generation) -> dict[str, Any]:
        generations.prune(self._connection, self._due.id, self._limits.generations)
        facts = self._changes.facts
        values = {**outcomes.answered(self._due, facts), "seen_generation": generation.id}
        if self._is_new:
            values["report"] = outcomes.report(facts)
        return values
