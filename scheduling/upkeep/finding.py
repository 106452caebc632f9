# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of the database finds."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found, in a sentence that says what to do; `rows` are all rows of the database it is about."""

    check: str
    level: Level
    text: str
    rows: tuple[str, ...] = ()


Result = tuple[Level, str, *tuple[str, ...]]
"""Level, sentence, and the rows it is about."""
Check = Callable[[Connection], Result]
