# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that reads calendars for the importer: `python -m importer.confined.process FD MEMORY`.

A bad calendar can end only this process, which has limits of CPU time and memory (`importer.confined.pool` starts
another). Jobs and answers go over the inherited socket FD as (job, CPU seconds) and (outcome, value); the end of the
connection ends the process.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any, Literal

from importer.errors import ImporterError, where
from importer.understand.body import Job, read

Outcome = Literal["read", "refused", "fault"]
OUT_OF_MEMORY = 3
"""The exit code of a process that ran out of memory for a calendar."""
_COURTESY = 5
"""The nice value of the process: others go first on a busy machine."""


def main(descriptor: int, memory: int) -> None:
    """Do jobs until the connection ends. Raises SystemExit when the memory is not enough."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the importer decides when this ends
    os.nice(_COURTESY)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = Connection(descriptor)
    try:
        while True:
            job, seconds = connection.recv()
            _allow(seconds)
            connection.send(_work(job))
    except EOFError:
        return
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def _allow(seconds: int) -> None:
    """Let the process use this much more CPU time; SIGXCPU ends it then."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))


def _work(job: Job) -> tuple[Outcome, Any]:
    try:
        return "read", read(job)
    except ImporterError as error:
        return "refused", (error.reason, error.message)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (a fault of ours; the next calendar may be read well)
        return "fault", where(error)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
