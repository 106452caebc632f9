# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place where the server's commands start the worker or let it do a single task."""

from __future__ import annotations

import threading

from scheduling.database import schema
from server import log
from server.settings import Settings
from server.supervision import end_with_supervisor
from worker.process import Summary, Worker, stop_on_signals

__all__ = ["Summary", "deliver", "import_one", "run"]


def run(settings: Settings, *, once: bool) -> Summary:
    """Do the background work until SIGTERM or SIGINT. With `once`, until nothing is due; the log is kept only without
    `once`. Raises `SchemaMismatch`.
    """
    if once:
        return _worker(settings).once(_stop())
    log.configure(settings.server.log_level)
    return _worker(settings).run(_stop())


def import_one(settings: Settings, subscription_id: int) -> Summary:
    """Import a subscription now, due or not. Raises `SchemaMismatch`."""
    return _worker(settings).import_one(subscription_id, _stop())


def deliver(settings: Settings, delivery_id: int) -> None:
    """Make one attempt at a webhook's delivery now, due or not. Raises `SchemaMismatch`."""
    _worker(settings).deliver_one(delivery_id)


def _worker(settings: Settings) -> Worker:
    database = settings.database()
    schema.require_current(database)
    return Worker(database, settings.config, settings.importer, settings.keyring())


def _stop() -> threading.Event:
    """What stops the worker: signals, and the end of the process that started it."""
    stop = threading.Event()
    stop_on_signals(stop)
    end_with_supervisor(stop.set)
    return stop
