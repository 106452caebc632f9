# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the pages: a demo schedule over real HTTP and real browsers, made once for all tests of a process."""

from __future__ import annotations

from tests.server.pages.browsers import chromium, opened
from tests.server.pages.showroom import postgresql_showroom, showroom, sqlite_showroom

__all__ = ["chromium", "opened", "postgresql_showroom", "showroom", "sqlite_showroom"]
