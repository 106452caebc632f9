# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that end with the one that started them, also when that was killed: a worker or importer left behind would
go on holding the port or importing beside its successor.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

SUPERVISOR = "DAYSHEET_SUPERVISOR"
"""The environment variable with the process id of `daysheet serve`, for the processes it starts."""
_SECONDS = 1.0


def announce() -> None:
    """Name this process as the supervisor of those it starts."""
    os.environ[SUPERVISOR] = str(os.getpid())


def end_with_supervisor(end: Callable[[], None]) -> None:
    """Call `end` from a thread once the supervisor is gone; does nothing in a process that has none."""
    if os.environ.get(SUPERVISOR) == str(os.getppid()):
        threading.Thread(target=_watch, args=(os.getppid(), end), name="supervision", daemon=True).start()


def _watch(supervisor: int, end: Callable[[], None]) -> None:
    while os.getppid() == supervisor:
        time.sleep(_SECONDS)
    end()
