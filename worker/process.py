# SPDX-License-Identifier: GPL-3.0-or-later
"""The composition of the background process: the importer's loop, the search for what changed (calendars, webhooks,
conflicts), deliveries to webhooks, mail, and the upkeep of the database. Any number of workers may run on PostgreSQL.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from importer import loop
from importer.config import ImporterConfig
from scheduling.access.secrets import Keyring
from scheduling.calendars.ahead import CatchUpAhead
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.conflicts.watch import Watch
from scheduling.database.connection import Database
from scheduling.subscriptions.store import ImportStore
from scheduling.subscriptions.unfinished import Unfinished
from scheduling.upkeep import maintenance, processes
from scheduling.webhooks.queue import WebhookQueue
from scheduling.webhooks.watch import JobWatch
from worker import mail, webhooks
from worker.turns import Duty, Turn, in_background, work_off

_PAUSE = 2.0
"""Seconds between looks at the schedule and at the webhooks' queue."""


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


class Worker:
    """All of the background work on one database. Durations in `importer` are in seconds."""

    def __init__(
        self, database: Database, config: Config, importer: ImporterConfig, keyring: Keyring
    ) -> None:
        self._database = database
        self._config = config
        self._importer = importer
        self._store = ImportStore(database, config, keyring, followers=FOLLOWERS)
        self._keyring = keyring
        self._queue = WebhookQueue(database, keyring)
        self._policy = webhooks.policy(importer)
        self._told = 0
        self._changes: Sequence[Turn] = (
            Unfinished(database, config, followers=FOLLOWERS).turn,
            CatchUpAhead(database, config, followers=FOLLOWERS).turn,
            JobWatch(database, config, followers=FOLLOWERS).turn,
            Watch(database, config, followers=FOLLOWERS).turn,
        )

    def run(self, stop: threading.Event) -> Summary:
        """Work until `stop` is set. A database that fails is tried again later."""
        look = Duty(name="changes", do=lambda: self._look(stop), pause=_PAUSE)
        deliver = Duty(
            name="webhooks",
            do=lambda: webhooks.deliver_waiting(self._queue, self._policy, stop),
            pause=_PAUSE,
        )
        tidy = Duty(name="upkeep", do=self._maintain, pause=self._importer.maintenance_interval)
        write = Duty(name="mail", do=lambda: self._send_mail(stop), pause=_PAUSE)
        if self._database.file is not None:
            self._database.file.watch()
        with in_background((tidy, look, write, *[deliver] * webhooks.WORKERS), stop):
            return _summary(loop.run(self._store, self._importer, once=False, stop=stop))

    def once(self, stop: threading.Event) -> Summary:
        """Tidy up, import all that is due, then find what changed and deliver it. Errors of the database pass."""
        self._maintain()
        imported = loop.run(self._store, self._importer, once=True, stop=stop)
        work_off(self._changes, stop)
        self._send_mail(stop)
        processes.cycle_ended(self._database, int(time.time()), once=True)
        return _summary(imported, webhooks.deliver_due(self._queue, self._policy, stop))

    def _look(self, stop: threading.Event) -> None:
        work_off(self._changes, stop)
        now = int(time.time())
        if now >= self._told + processes.PERIOD:
            processes.cycle_ended(self._database, now, once=False)
            self._told = now

    def import_one(self, subscription_id: int, stop: threading.Event) -> Summary:
        """Import that subscription, due or not, and do nothing else."""
        return _summary(loop.run(self._store, self._importer, once=True, stop=stop, only=subscription_id))

    def deliver_one(self, delivery_id: int) -> None:
        """Make one attempt at a delivery, due or not; another process that is at its webhook goes first."""
        webhooks.deliver_due(self._queue, self._policy, threading.Event(), only=delivery_id)

    def _send_mail(self, stop: threading.Event) -> None:
        mail.deliver_waiting(self._database, self._config, self._keyring, stop)

    def _maintain(self) -> None:
        now = datetime.fromtimestamp(int(time.time()), UTC)
        maintenance.run(self._database, self._config, now, followers=FOLLOWERS)


def stop_on_signals(stop: threading.Event) -> None:
    """Make SIGTERM and SIGINT set the event, so that `Worker.run` finishes what it has begun and returns."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def _summary(imported: loop.Summary, tally: webhooks.Tally | None = None) -> Summary:
    return Summary(
        applied=imported.applied,
        unchanged=imported.unchanged,
        failed=imported.failed,
        delivered=0 if tally is None else tally.delivered,
        undelivered=0 if tally is None else tally.undelivered,
    )
