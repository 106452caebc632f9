# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see the start: anybody."""

from __future__ import annotations

from tests.server.pages.table import EVERYBODY, Row

ROWS = [Row("GET", "/", EVERYBODY, strangers=True)]
