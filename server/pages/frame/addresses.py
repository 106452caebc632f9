# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses inside the pages: `next=` never leads elsewhere."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

LONGEST = 2048
HOME = "/"


def own(given: str | None) -> str:
    """The given path with its query, if it is one of ours; else `HOME`."""
    if (
        not given
        or len(given) > LONGEST
        or not given.startswith("/")
        or given.startswith("//")
        or "\\" in given
        or not given.isascii()
        or not given.isprintable()
        or " " in given
    ):
        return HOME
    try:
        parts = urlsplit(given)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or parts.path.startswith("//"):
        return HOME
    return given


def with_next(path: str, after: str) -> str:
    """The path with where to go afterwards, left out where that is the start anyway."""
    after = own(after)
    return path if after == HOME else f"{path}?{urlencode({'next': after})}"
