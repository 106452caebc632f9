# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that end together with the process that started them, even if it was killed. A worker left behind would
keep the port, and an importer left behind would import beside its successor.
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
    """Call `end` from a thread once the supervisor is gone; it may be gone already. Kill the process if it does not end
    within 30 seconds. Does nothing in a process without a supervisor.
    """
    supervisor = os.environ.pop(SUPERVISOR, None)
    if supervisor is not None:
        threading.Thread(target=_watch, args=(int(supervisor), end), name="supervision", daemon=True).start()


def _watch(supervisor: int, end: Callable[[], None]) -> None:
    while os.getppid() == supervisor:
        time.sleep(_SECONDS)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        # Repeated: granian's worker is forked with handlers of its parent that swallow a signal until it has
        # set its own.
        end()
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
