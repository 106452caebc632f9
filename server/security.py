# SPDX-License-Identifier: GPL-3.0-or-later
"""Header fields that every answer to a browser carries."""

from __future__ import annotations

_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SECURITY = (
    ("Content-Security-Policy", _CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
SESSION_COOKIE = "daysheet"
"""The name, without the prefix that https adds, of the cookie of somebody who is signed in to the pages."""
