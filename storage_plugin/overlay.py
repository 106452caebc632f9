# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties a viewer has set for himself, read once per request and only when a property is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from scheduling.calendars import properties
from scheduling.database.connection import Database


class Overlay:
    """Radicale asks for properties after the lock is gone, so this is a snapshot of its own."""

    def __init__(self, database: Database, viewer: str) -> None:
        self._database = database
        self._viewer = viewer

    @cached_property
    def _values(self) -> Mapping[str, Mapping[str, str]]:
        if not self._viewer:
            return {}
        return properties.overlay(self._database, self._viewer)

    def of(self, path: str) -> Mapping[str, str]:
        """What is set on `path`, by property name in Clark notation."""
        return self._values.get(path, {})
