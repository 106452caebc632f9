# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of files: who has which, and that of a folder, which processes of ours take while they change what is in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scheduling.errors import DatabaseReplaced

_LOCKS = Path("/proc/locks")
_PAUSE = 0.01


@contextmanager
def alone(folder: Path, patience: float) -> Iterator[None]:
    """Keep the other processes of ours from doing the same meanwhile. Raises `DatabaseReplaced` where another one
    takes longer than `patience` seconds.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield  # nothing can be in a folder that is not there
        return
    try:
        deadline = time.monotonic() + patience
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise DatabaseReplaced
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def has_foreign_log(path: Path, index: Path) -> bool:
    """Whether the log beside a SQLite database is in use, and not for this file: whoever has a database open in WAL
    mode holds a lock of it and one of its log's index. False where that cannot be seen (proc_locks(5) is of Linux).
    """
    try:
        database, beside = path.stat(), index.stat()
        held = _held()
    except OSError:
        return False
    return _key(beside) in held and _key(database) not in held


def _held() -> set[tuple[int, int, int]]:
    """Major and minor number of the device, and inode, of every file that somebody has locked."""
    found = set()
    for line in _LOCKS.read_text(encoding="ascii").splitlines():
        place = next((it for it in line.split() if it.count(":") == 2), None)
        if place is not None and "->" not in line:
            major, minor, inode = place.split(":")
            found.add((int(major, 16), int(minor, 16), int(inode)))
    return found


def _key(found: os.stat_result) -> tuple[int, int, int]:
    return os.major(found.st_dev), os.minor(found.st_dev), found.st_ino


def _locked(descriptor: int) -> bool:
    """Take the lock of a folder (flock(2)); systems without such locks go on without."""
    try:
        import fcntl  # noqa: PLC0415 (not on Windows)

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True
