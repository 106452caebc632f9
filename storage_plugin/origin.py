# SPDX-License-Identifier: GPL-3.0-or-later
"""What a collection asks of the storage that it came from."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from scheduling.calendars.calendars import Principal
from scheduling.database.connection import Connection
from scheduling.database.prepared import Source
from scheduling.ports import Expansion


class Origin(Protocol):
    """Implemented by `storage_plugin.storage.Storage`; reads inside its lock and outside."""

    @property
    def expansion(self) -> Expansion | None:
        """What this thread's report wants expanded."""

    @property
    def source(self) -> Source:
        """For single statements."""

    def reading(self) -> AbstractContextManager[Connection]:
        """For several statements of one moment."""

    def find_principal(self, username: str) -> Principal | None:
        """The served user called `username`."""

    def free_busy(self, username: str, slug: str | None, start: int, end: int, stamp: int) -> str:
        """A VFREEBUSY of the user, or of the calendar `slug` alone."""
