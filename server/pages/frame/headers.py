# SPDX-License-Identifier: GPL-3.0-or-later
"""Header fields of every page."""

from __future__ import annotations

from flask import Response

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_FIELDS = (
    ("Content-Security-Policy", CSP),
    ("X-Content-Type-Options", "nosniff"),
    # With no-referrer, Chromium would send `Origin: null` with our own forms.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "private, no-store"),
    ("Vary", "Cookie, Accept-Language"),
)


def secure(response: Response) -> Response:
    """The response with them, where it does not say something else."""
    for name, value in _FIELDS:
        response.headers.setdefault(name, value)
    return response
