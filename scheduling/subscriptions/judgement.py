# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a state of a source: believed and applied, doubted and kept beside, or rejected before."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from scheduling.access import audit
from scheduling.access.permissions import SYSTEM
from scheduling.config.sections import Config
from scheduling.settings import stored
from scheduling.subscriptions import applying, events, generations, outcomes, plan, unread
from scheduling.subscriptions.facts import Applied, Due, Taken
from scheduling.subscriptions.generations import Generation
from scheduling.subscriptions.record import slug_of
from scheduling.webhooks.subscriptions import emit_quarantined

_REASONS = {
    plan.EMPTY: "The calendar is empty now, but before it had events still to come",
    plan.VANISHED: "Most of the events still to come have vanished from the calendar",
    plan.UIDS_CHANGED: "All events of the calendar were replaced by others",
}
_KEPT = "; what was imported before still blocks until somebody accepts this."
_FEW = 20 * applying.SMALL
"""Events of all kept generations together up to which one transaction does everything."""
_REJECTED = "The calendar is still in a state that was rejected; what is shown instead still blocks."


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is to become of a state. `shown`: it is believed, and to be shown; `reason` and `message`: why it is not."""

    taken: Taken
    generation: Generation
    shown: bool = False
    reason: str | None = None
    message: str = ""


class Judgement:
    """What becomes of one state of one source; `is_new` is one that was read just now, not answered with 304.

    What takes long is read and computed first, on a connection that holds no lock. Whoever has the claim is the only
    one to change any of it, but for what somebody decided of the state itself meanwhile.
    """

    def __init__(
        self,
        connection: Connection,
        config: Config,
        due: Due,
        changes: Applied,
        *,
        moved: bool,
        is_new: bool,
    ) -> None:
        self._is_new = is_new
        self._due = due
        self._changes = changes
        self._limits = stored.effective(connection, config).subscriptions
        self._vanishing = plan.Limits(
            percent=self._limits.vanished_percent, minimum=self._limits.vanished_events
        )
        self._now = int(time.time())
        self._digest = generations.digest_of(changes.seen)
        self._stored = events.hashes(connection, due.id)
        self._current = generations.in_state(connection, due.id, generations.CURRENT)
        is_same = self._current is not None and self._current.digest == self._digest
        self._known = None if is_same else generations.with_digest(connection, due.id, self._digest)
        self._packed = generations.pack(changes.seen) if not is_same and self._known is None else None
        self._reasons = () if is_same else self._doubts(connection, moved=moved)
        self._waiting = (
            generations.in_state(connection, due.id, generations.QUARANTINED) if self._reasons else None
        )
        self.is_small = (
            max(len(changes.seen), len(self._stored)) <= applying.SMALL
            and generations.count_kept(connection, due.id) <= _FEW
        )

    @property
    def keep(self) -> int:
        """How many generations are to be kept."""
        return self._limits.generations

    def decide(self, connection: Connection) -> Verdict:
        """Believe the state, or keep it back."""
        self._connection = connection
        current = self._current or generations.baseline(connection, self._due.id, self._stored, self._now)
        if current is not None and current.digest == self._digest:
            return self._same(current)
        known = self._known
        if known is not None:
            state = generations.state_of(connection, known.id)
            known = None if state is None else replace(known, state=state)
        if known is not None and known.state == generations.REJECTED:
            return self._rejected(known)
        reasons = self._reasons
        if not reasons:
            return self._believed(known)
        since = self._doubted_since(self._waiting)
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

    def end(self, connection: Connection, status: str, verdict: Verdict) -> None:
        """Record what came of it, and give the claim back. `status` is the present one."""
        facts = self._changes.facts
        values = {**outcomes.answered(self._due, facts), "seen_generation": verdict.generation.id}
        if self._is_new:
            values["report"] = outcomes.report(facts)
        if verdict.reason is None:
            outcomes.succeeded(connection, self._due, status, {**values, "moved": False}, "applied")
        else:
            outcomes.kept_back(connection, self._due, values, verdict.reason, verdict.message)

    def _doubts(self, connection: Connection, *, moved: bool) -> tuple[str, ...]:
        seen = self._changes.seen
        if self._stored.keys() <= seen.keys():
            return ()
        ahead = events.ahead(connection, self._due.id, slug_of(self._due.id), self._now)
        return plan.doubts(self._stored, seen, ahead, self._vanishing, moved=moved)

    def _doubted_since(self, waiting: Generation | None) -> int | None:
        """Since when states like this one have been seen, without a break."""
        if waiting is None or waiting.doubted_at is None:
            return None
        if waiting.digest == self._digest:
            return waiting.doubted_at
        follows = not plan.doubts(
            waiting.manifest, self._changes.seen, waiting.manifest.keys(), self._vanishing
        )
        return waiting.doubted_at if follows else None

    def _is_ripe(self, since: int) -> bool:
        hours = self._limits.quarantine_hours
        return bool(hours) and self._now - since >= hours * 3600

    def _same(self, current: Generation) -> Verdict:
        generations.seen_again(self._connection, current, self._now)
        read = self._with_unread(current)
        if read.unread != current.unread:
            generations.tell(self._connection, read)
        generations.withdraw_others(self._connection, self._due.id)
        return Verdict(taken=Taken(status="applied"), generation=current)

    def _believed(self, known: Generation | None) -> Verdict:
        if known is None:
            known = self._add(generations.PAST)
        else:
            generations.seen_again(self._connection, known, self._now)
        known = self._with_unread(known)
        generations.withdraw_others(self._connection, self._due.id, but=known.id)
        done = plan.plan(self._stored, known.manifest)
        taken = Taken(
            status="applied",
            inserted=len(done.insert),
            updated=len(done.update),
            deleted=len(done.delete),
        )
        return Verdict(taken=taken, generation=known, shown=True)

    def _add(self, state: str, **facts: Any) -> Generation:
        return generations.add(
            self._connection,
            self._due.id,
            self._changes.seen,
            state,
            self._now,
            digest=self._digest,
            packed=self._packed,
            **facts,
        )

    def _with_unread(self, generation: Generation) -> Generation:
        if not self._is_new:
            return generation
        text = unread.dumps(self._changes.facts.gaps)
        return generations.note_unread(self._connection, generation, text)

    def _quarantined(self, known: Generation | None, reasons: tuple[str, ...], since: int | None) -> Verdict:
        connection, now = self._connection, self._now
        doubted_at = now if since is None else since
        is_new = known is None or known.state != generations.QUARANTINED
        if known is None:
            known = self._add(generations.QUARANTINED, reasons=reasons, doubted_at=doubted_at)
        else:
            generations.seen_again(connection, known, now)
            generations.move(
                connection, known, generations.QUARANTINED, doubts=" ".join(reasons), doubted_at=doubted_at
            )
        self._with_unread(known)
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
        return _kept_back(known, reasons[0], message)

    def _rejected(self, known: Generation) -> Verdict:
        generations.seen_again(self._connection, known, self._now)
        generations.withdraw_others(self._connection, self._due.id)
        return _kept_back(known, "rejected", _REJECTED)


def _kept_back(generation: Generation, reason: str, message: str) -> Verdict:
    taken = Taken(status="quarantined", reason=reason)
    return Verdict(taken=taken, generation=generation, reason=reason, message=message)
