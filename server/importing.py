# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the importer is started: its loop over the database's import store and webhook queue."""

from __future__ import annotations

import threading

from importer.daemon import Summary, deliver_now, stop_on_signals
from importer.daemon import run as run_daemon
from scheduling import schema
from scheduling.imports import ImportStore
from scheduling.webhooks.queue import WebhookQueue
from server import log
from server.settings import Settings
from server.supervision import end_with_supervisor


def run(settings: Settings, *, once: bool, only: int | None = None) -> Summary:
    """Import what is due, and deliver what webhooks are to be told, until SIGTERM or SIGINT, or with `once` until
    nothing is. With `only`, import that subscription and deliver nothing. Raises `SchemaMismatch`.
    """
    log.configure(settings.server.log_level)
    database = settings.database()
    schema.require_current(database)
    stop = threading.Event()
    stop_on_signals(stop)
    end_with_supervisor(stop.set)
    store = ImportStore(database, settings.config, settings.keyring())
    queue = WebhookQueue(database, settings.config, settings.keyring())
    return run_daemon(store, settings.importer, once=once, stop=stop, only=only, queue=queue)


def deliver(settings: Settings, delivery_id: int) -> None:
    """Make one attempt at a webhook's delivery now, due or not."""
    log.configure(settings.server.log_level)
    queue = WebhookQueue(settings.database(), settings.config, settings.keyring())
    deliver_now(queue, settings.importer, delivery_id)
