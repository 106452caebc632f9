# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that end with the one that started them, also when that was killed: a worker or importer left behind would
go on holding the port or importing beside its successor.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

SUPERVISOR = "DAYSHEET_SUPERVISOR"
"""The environment variable with the process id of `daysheet serve`, for the processes it starts."""
_SECONDS = 1.0
_STOP_SECONDS = 30


def announce() -> None:
    """Name this process as the supervisor of those it starts."""
    os.environ[SUPERVISOR] = str(os.getpid())


def end_with_supervisor(end: Callable[[], None]) -> None:
    """Call `end` from a thread once the supervisor is gone, which it may be already, and kill the process where that
    does not end it within 30 seconds. Does nothing in a process that has no supervisor.
    """
    supervisor = os.environ.pop(SUPERVISOR, None)
    if supervisor is not None:
        threading.Thread(target=_watch, args=(int(supervisor), end), name="supervision", daemon=True).start()


def _watch(supervisor: int, end: Callable[[], None]) -> None:
    while os.getppid() == supervisor:
        time.sleep(_SECONDS)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        # Again and again: granian's worker is forked with handlers of its parent that swallow a signal until it has
        # set its own.
        end()
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
