# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading a calendar may use, as a value. This module loads no reader, because settings are read without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many processes there are, and what each may use: CPU seconds for one calendar, octets of memory."""

    readers: int = 2
    seconds: int = 120
    memory: int = 2**30
