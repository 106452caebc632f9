# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see which page: each area says it in a `table.py` beside its tests, apart from what the code says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.scheduling.actors_of import BUILT_IN
from tests.server.running import Running

MEMBER, DISPATCHER, ADMIN, SUPER_ADMIN = BUILT_IN
NOBODY: frozenset[str] = frozenset()
EVERYBODY = frozenset(BUILT_IN)
PLANNERS, ADMINS = EVERYBODY - {MEMBER}, frozenset({ADMIN, SUPER_ADMIN})


@dataclass(frozen=True)
class Row:
    """One declared page. `roles` may use it; `strangers` too, signed in or not. `example` is its address where that
    has parameters, or makes what it needs and returns it: `example(running, username)`.
    """

    method: str
    path: str
    roles: frozenset[str]
    strangers: bool = False
    example: str | Callable[[Running, str], str] | None = None

    def address(self, running: Running, username: str) -> str:
        """Where to ask for it."""
        if callable(self.example):
            return self.example(running, username)
        return self.example or self.path


def rows() -> list[Row]:
    """Those of every area."""
    folder = Path(__file__).parent / "areas"
    names = sorted(it.parent.name for it in folder.glob("*/table.py"))
    found: list[Row] = []
    for name in names:
        found += import_module(f"tests.server.pages.areas.{name}.table").ROWS
    return found
