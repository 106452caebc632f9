# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses what another site's page sends in a person's name (cross-site request forgery).

Fetch Metadata says where a request comes from (`Sec-Fetch-Site`); browsers send it to https addresses and loopback.
Elsewhere `Origin` (RFC 6454) is compared with our own. What has neither was not sent by a browser's page.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from werkzeug import Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_own(request: Request, public_url: str | None) -> bool:
    """Whether one of our pages, or the person with the browser itself, makes the request."""
    if request.method in SAFE:
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    ours = {f"{request.scheme}://{request.host}".lower()}
    if public_url:
        parts = urlsplit(public_url)
        ours.add(f"{parts.scheme}://{parts.netloc}".lower())
    return origin.lower() in ours
