# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the WSGI application under granian, and the importer beside it as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from scheduling import schema
from server import supervision
from server.settings import Settings

_STOP_SECONDS = 30
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
}
"""For glibc in the workers: memory of long answers goes back to the system instead of staying with each thread."""


def serve(settings: Settings, *, with_importer: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises `SchemaMismatch`, `DatabaseUnavailable`, ConfigError before listening.

    The workers are processes of their own and read the settings again, so what was overridden on the command line is
    handed to them through the environment.
    """
    schema.require_current(settings.database())
    settings.keyring()
    settings.database().dispose()
    os.environ.update(_environment(settings))
    for name, value in _ALLOCATOR.items():
        os.environ.setdefault(name, value)
    supervision.announce()
    server = Granian(
        "server.wsgi:from_environment",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.server.host,
        port=settings.server.port,
        workers=settings.server.workers,
        blocking_threads=settings.server.threads,
        websockets=False,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        workers_kill_timeout=_STOP_SECONDS,
    )
    with _importer() if with_importer else _nothing():
        server.serve()


def _environment(settings: Settings) -> dict[str, str]:
    it = settings.server
    given = {
        "DAYSHEET_SERVER_HOST": it.host,
        "DAYSHEET_SERVER_PORT": str(it.port),
        "DAYSHEET_SERVER_WORKERS": str(it.workers),
        "DAYSHEET_SERVER_THREADS": str(it.threads),
    }
    if settings.source is not None:
        given["DAYSHEET_CONFIG"] = str(settings.source.absolute())
    return given


@contextmanager
def _importer() -> Iterator[None]:
    # A session of its own keeps the terminal's Ctrl-C from reaching it before the server has told it to stop.
    child = subprocess.Popen([sys.executable, "-m", "server.cli", "importer"], start_new_session=True)
    try:
        yield
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
