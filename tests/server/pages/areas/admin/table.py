# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see the pages for administrators."""

from __future__ import annotations

from tests.server.pages.table import ADMINS, Row

ROWS = [
    Row("GET", "/audit", ADMINS),
    Row("POST", "/audit/export", ADMINS),
]
