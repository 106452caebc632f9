# SPDX-License-Identifier: GPL-3.0-or-later
"""Where workers take their memory from: set so that long answers do not stay with every thread that made one."""

from __future__ import annotations

import ctypes
import os

_ARENAS = ("MALLOC_ARENA_MAX", -8, 1)
"""glibc's parameter of mallopt(3) and its value, by the environment variable that an operator may set instead."""
_JEMALLOC = ("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0")
"""Of the allocator in granian, which holds answers that are on their way (docs/performance.md)."""


def bound() -> None:
    """Set both for this process and its forked children, before granian is imported: its allocator reads its settings
    when it is loaded. glibc has read the environment long before; other C libraries have no such settings.
    """
    os.environ.setdefault(*_JEMALLOC)
    name, parameter, value = _ARENAS
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and name not in os.environ:
        mallopt(parameter, value)
