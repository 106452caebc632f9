# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the WSGI application under granian, and the importer beside it as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scheduling.database import schema
from server import allocators, supervision
from server.settings import Settings

_STOP_SECONDS = 30


def serve(settings: Settings, *, with_importer: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises `SchemaMismatch`, `DatabaseUnavailable`, ConfigError before listening.

    The workers are processes of their own and read the settings again, so what was overridden on the command line is
    handed to them through the environment.
    """
    schema.require_current(settings.database())
    settings.keyring()
    settings.database().dispose()
    os.environ.update(_environment(settings))
    supervision.announce()
    with _importer() if with_importer else _nothing():
        _under_granian(settings)


def _under_granian(settings: Settings) -> None:
    allocators.bound()
    # Its allocator is set up when it is imported.
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

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
