# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: granian's event loop around the front, in a process of its own.

granian is imported here and not before: its memory allocator is set up when it is loaded (server/allocators.py).
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

from scheduling.calendars.flights import flights_of
from server import allocators, wsgi
from server.front.connection import Callbacks
from server.front.front import Front
from server.front.listening import BACKLOG
from server.settings import Settings
from server.supervision import end_with_supervisor

logger = logging.getLogger(__name__)

_LARGEST_HEAD = 2**16
"""The most octets of a request's head, and of the buffer of a connection in each direction."""
_FILES = 2**16


def work(settings: Settings, listener: socket.socket) -> None:
    """Serve on `listener` until SIGTERM or SIGINT. Then finish the running answers."""
    allocators.bound()
    _permit_files()
    # While the database is locked, some of the threads go on reading.
    database = settings.database()
    if database.file is not None:
        database.file.watch()
    database.writers.limit(max(1, settings.server.threads // 2))
    flights_of(database).limit(settings.server.threads // 4)
    front = Front(wsgi.create(settings), settings.server)
    stopped = threading.Event()
    stop = _serve(front, listener, settings.server.connections, stopped)

    def end(*_given: Any) -> None:
        front.close()
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    end_with_supervisor(end)
    stopped.wait()


def _serve(front: Front, listener: socket.socket, connections: int, stopped: threading.Event) -> Any:
    """Start the event loop. Returns the object that ends it. `stopped` is set when the loop has ended."""
    from granian._granian import ASGIWorker, CallbackScheduler, SocketHolder, WorkerSignal  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415

    class Dispatcher(CallbackScheduler):
        """Hands each request to the front, on granian's one Python thread."""

        def __init__(self, *_given: Any) -> None:
            self._schedule_fn = front

    on_linux = sys.platform.startswith(("linux", "freebsd"))
    holder: Any = SocketHolder
    unix_socket = websockets = tls = verify = False
    loop = Callbacks()
    signalled = WorkerSignal()
    signalled.add_cb(stopped.set)
    make: Any = ASGIWorker
    worker = make(
        1,
        (None, holder(listener.detach(), unix_socket, *((BACKLOG,) if on_linux else ()))),
        None,  # no channel for metrics
        1,  # thread of the event loop
        512,  # threads for its files, of which it reads none
        1,  # Python thread
        30,
        connections,
        "1",
        HTTP1Settings(max_buffer_size=_LARGEST_HEAD),
        None,
        websockets,
        None,
        *(tls, None, None, None, "tls1.3", None, [], verify),
        (None, None),
    )
    dispatcher: Any = Dispatcher
    worker.serve_mtr(dispatcher(loop, None, None, None, None), loop, signalled)
    return signalled.set


def _permit_files() -> None:
    """Allow as many open files as connections need. The usual limit is 1,024."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 (not on Windows)

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
