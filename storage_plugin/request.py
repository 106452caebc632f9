# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to one request of one client: who asks, the snapshot, and the properties the viewer has set."""

from __future__ import annotations

from collections.abc import Callable

from scheduling import snapshot
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.snapshot import Snapshot
from storage_plugin.overlay import Overlay


class Request(Snapshot):
    """A snapshot with its `viewer`, the logged-in username or empty."""

    def __init__(self, database: Database, config: Config, viewer: str, clock: Callable[[], float]) -> None:
        super().__init__(database, config, clock, patience=snapshot.PATIENCE, followers=FOLLOWERS)
        self.viewer = viewer
        self.overlay = Overlay(database, viewer)
