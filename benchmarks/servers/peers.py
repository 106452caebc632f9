# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is measured, and the names of those that are compared."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.schedules.schedule import SLUG, USER
from benchmarks.servers import process

ROOT = Path(__file__).parents[2]
SQLITE, POSTGRESQL = "daysheet-sqlite", "daysheet-postgresql"
RADICALE, XANDIKOS = "radicale", "xandikos"
PEERS = (SQLITE, POSTGRESQL, RADICALE, XANDIKOS)
OURS = (SQLITE, POSTGRESQL)
OTHER_CALENDARS = ("jobs", "time-off")
"""Empty calendars beside the measured one. Daysheet's users always have them, so the other servers get them too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A running server.

    `home` is the path of the calendar home. `server` are the processes whose memory counts. Their time and that of
    `database_pids` counts too. Without a `password` no credentials are sent.
    """

    name: str
    server: process.Server
    home: str
    database_pids: Sequence[int] = ()
    password: str | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """The port on loopback."""
        return self.server.port

    @property
    def collection(self) -> str:
        """The path of the measured calendar."""
        return f"{self.home}{SLUG}/"

    @property
    def authorization(self) -> dict[str, str]:
        """The header that logs the user in (RFC 7617)."""
        if self.password is None:
            return {}
        return {"Authorization": "Basic " + b64encode(f"{USER}:{self.password}".encode()).decode()}

    def cpu_seconds(self) -> tuple[float, float]:
        """Time used so far by the server and by its database server."""
        return process.cpu_seconds([self.server.pid]), process.cpu_seconds(self.database_pids)

    def resident_bytes(self) -> int:
        """The memory of the worker."""
        return process.resident_bytes(self.server.pid)
