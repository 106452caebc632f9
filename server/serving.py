# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves: binds the address first, then starts workers and the background worker. A supervisor keeps them running."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from scheduling.database import schema
from scheduling.errors import DatabaseUnavailable
from scheduling.upkeep import processes
from server import supervision
from server.front import listening
from server.front.supervisor import Child, Supervisor
from server.settings import Settings


def serve(settings: Settings, *, with_worker: bool, ready: Callable[[list[str]], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is told the addresses, as `host:port`, once connections wait for workers.

    Raises `SchemaMismatch`, `DatabaseUnavailable`, `CannotListen`, ConfigError before.
    """
    schema.require_current(settings.database())
    settings.keyring()
    listener = listening.listen(settings.server.host, settings.server.port)
    with suppress(DatabaseUnavailable):  # a read-only or locked database can be served
        processes.server_started(settings.database(), listening.addresses(listener)[0], int(time.time()))
    settings.database().dispose()
    supervision.announce()
    if settings.source is not None:
        os.environ["DAYSHEET_CONFIG"] = str(settings.source.absolute())
    # Modules that workers need are loaded once, before the workers are forked.
    from server.front import worker  # noqa: PLC0415

    children = [
        Child(
            name=f"worker {number}",
            run=partial(worker.work, settings, listener),
            memory=settings.server.worker_memory,
        )
        for number in range(1, settings.server.workers + 1)
    ]
    if with_worker:
        children.append(Child(name="background worker", run=_background))
    ready(listening.addresses(listener))
    Supervisor(children).run()


def _background() -> None:
    # Its own session keeps the terminal's Ctrl-C away from it until the server tells it to stop.
    os.setsid()
    os.execv(sys.executable, [sys.executable, "-m", "server.cli", "worker"])  # noqa: S606 (our own command)
