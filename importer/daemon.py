# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that claims what is due, one subscription after the other, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

from importer import deliver
from importer.config import ImporterConfig
from importer.cycle import Outcome, synchronise
from importer.errors import where
from importer.store import Due, Queue, Store

log = logging.getLogger(__name__)

_INTERNAL_MESSAGE = "The importer itself failed on this calendar; the fault was logged."


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """How many synchronisations ended in which way, and with `once` how many attempts at delivering an event to a
    webhook did.
    """

    applied: int = 0
    unchanged: int = 0
    failed: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def processed(self) -> int:
        """All synchronisations."""
        return self.applied + self.unchanged + self.failed


def stop_on_signals(stop: threading.Event) -> None:
    """Make SIGTERM and SIGINT set the event, so that `run` finishes the current calendar and returns."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def run(
    store: Store,
    config: ImporterConfig,
    *,
    once: bool,
    stop: threading.Event,
    only: int | None = None,
    queue: Queue | None = None,
) -> Summary:
    """Synchronise due subscriptions until `stop` is set; with `once` until none is due, with `only` that one.
    Meanwhile, or with `once` afterwards, deliver what webhooks are due in `queue`.

    One bad subscription never ends the loop. A database that fails is tried again later, except with `once`
    or `only`, where the error passes.
    """
    daemon = _Daemon(store, config, stop)
    if only is not None or queue is None:
        return daemon.run(once=once or only is not None, only=only)
    policy = deliver.policy(config)
    if not once:
        with deliver.in_background(queue, policy, stop):
            return daemon.run(once=False, only=None)
    imported = daemon.run(once=True, only=None)
    queue.catch_up(int(time.time()))
    tally = deliver.deliver_due(queue, policy, stop)
    return replace(imported, delivered=tally.delivered, undelivered=tally.undelivered)


def deliver_now(queue: Queue, config: ImporterConfig, delivery_id: int) -> None:
    """Make one attempt at a delivery, due or not; another process that is at its webhook goes first."""
    deliver.deliver_due(queue, deliver.policy(config), threading.Event(), only=delivery_id)


class _Daemon:
    def __init__(self, store: Store, config: ImporterConfig, stop: threading.Event) -> None:
        self._store = store
        self._config = config
        self._stop = stop
        self._policy = config.policy()
        self._schedule = config.schedule()
        self._counts: Counter[str] = Counter()
        self._maintain_at = 0

    def run(self, *, once: bool, only: int | None) -> Summary:
        done: set[int] = set()
        while not self._stop.is_set():
            try:
                claimed = self._turn(only)
            except Exception as error:
                if once:
                    raise
                log.error("importer turn failed, trying again: %s", where(error))  # noqa: TRY400 (see where)
                claimed = []
            fresh = {due.id for due in claimed} - done
            if once:
                if not fresh or only is not None:
                    break
                done |= fresh
            elif not claimed:
                self._stop.wait(self._config.idle)
        return Summary(
            applied=self._counts["applied"],
            unchanged=self._counts["unchanged"],
            failed=self._counts["failed"],
        )

    def _turn(self, only: int | None) -> list[Due]:
        now = int(time.time())
        if only is None and now >= self._maintain_at:
            self._maintain_at = now + self._config.maintenance_interval
            self._store.maintain(now)
        claimed = self._store.claim(now, self._config.lease, self._config.batch, only)
        # A claim this old could expire during the work; what is left is claimed anew later.
        last_start = time.monotonic() + max(self._config.lease - 2 * self._config.timeout, 0)
        for index, due in enumerate(claimed):
            if self._stop.is_set() or (index and time.monotonic() > last_start):
                break
            outcome = self._one(due)
            self._counts[outcome.status] += 1
        return claimed

    def _one(self, due: Due) -> Outcome:
        try:
            outcome = synchronise(
                due,
                self._store,
                self._policy,
                due.time_zone,
                schedule=self._schedule,
                max_events=self._config.max_events,
            )
        except Exception as error:  # noqa: BLE001 (one bad calendar must not stop the others)
            log.error("importer failed on subscription %d: %s", due.id, where(error))  # noqa: TRY400
            schedule = self._schedule.at_least(due.minimum_interval)
            next_at = schedule.after_failure(int(time.time()), due.failures)
            self._store.failed(due, "internal", _INTERNAL_MESSAGE, next_at)
            return Outcome(status="failed", reason="internal")
        if outcome.status == "failed":
            log.warning("calendar of subscription %d not imported: %s", due.id, outcome.reason)
        elif outcome.inserted or outcome.updated or outcome.deleted:
            log.info(
                "calendar of subscription %d imported: %d new, %d changed, %d removed",
                due.id,
                outcome.inserted,
                outcome.updated,
                outcome.deleted,
            )
        return outcome
