# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets up memory allocation of workers, so that not every thread keeps the memory of a long answer."""

from __future__ import annotations

import ctypes
import os

_GLIBC = (
    ("MALLOC_ARENA_MAX", -8, 1),
    ("MALLOC_MMAP_THRESHOLD_", -3, 8 * 2**20),
    ("MALLOC_TRIM_THRESHOLD_", -1, 16 * 2**20),
)
"""glibc's parameters of mallopt(3) and their values, by the environment variable that an operator may set instead. The
text of an answer is made, joined and encoded: with glibc's own thresholds each of these copies goes back to the system,
and the next answer pays for a thousand page faults.
"""
_JEMALLOC = ("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0")
"""Of the allocator in granian, which holds answers that are on their way (docs/performance.md)."""


def bound() -> None:
    """Set them for this process and its forked children, before granian is imported: its allocator reads its settings
    when it is loaded. glibc has read the environment long before; other C libraries have no such settings.
    """
    os.environ.setdefault(*_JEMALLOC)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for name, parameter, value in _GLIBC:
        if mallopt is not None and name not in os.environ:
            mallopt(parameter, value)
