# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command and the processes it waits for use until it ends.

`python -m benchmarks.servers.used FILE COMMAND...` is how it is run.

A separate process starts the command. Linux counts the memory that a process had before exec(2) as the command's, so a
large parent would be the peak.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(file: str, *command: str) -> int:
    """Run the command, and write CPU and wall seconds and the peak bytes of its largest process into `file`."""
    started = time.monotonic()
    pid = os.spawnv(os.P_NOWAIT, command[0], command)  # noqa: S606
    _, status, used = os.wait4(pid, 0)
    figures = {
        "cpu": used.ru_utime + used.ru_stime,
        "wall": time.monotonic() - started,
        "peak": used.ru_maxrss * 1024,
    }
    Path(file).write_text(json.dumps(figures), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
