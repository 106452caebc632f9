# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may sign in: anybody."""

from __future__ import annotations

from tests.server.pages.table import EVERYBODY, Row

ROWS = [
    Row("GET", "/sign-in", EVERYBODY, strangers=True),
    Row("POST", "/sign-in", EVERYBODY, strangers=True),
    Row("POST", "/sign-out", EVERYBODY, strangers=True),
    Row("GET", "/forgotten", EVERYBODY, strangers=True),
    Row("GET", "/confirm", EVERYBODY),
    Row("POST", "/confirm", EVERYBODY),
]
