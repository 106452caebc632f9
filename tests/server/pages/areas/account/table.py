# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see one's own account."""

from __future__ import annotations

from tests.server.pages.table import EVERYBODY, Row

ROWS = [
    Row("GET", "/account", EVERYBODY),
    Row("POST", "/language", EVERYBODY, strangers=True),
    Row("GET", "/account/password", EVERYBODY),
    Row("POST", "/account/password", EVERYBODY),
    Row("GET", "/account/sessions", EVERYBODY),
    Row("POST", "/account/sessions/<int:session_id>/end", EVERYBODY, example="/account/sessions/999/end"),
    Row("POST", "/account/sessions/end-others", EVERYBODY),
]
