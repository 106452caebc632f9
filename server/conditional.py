# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditional requests (RFC 9110, section 13): whether the client already has the current version."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any


def is_conditional(environ: Mapping[str, Any]) -> bool:
    """Whether the request carries a validator that could lead to 304."""
    return bool(environ.get("HTTP_IF_NONE_MATCH") or environ.get("HTTP_IF_MODIFIED_SINCE"))


def not_modified(environ: Mapping[str, Any], etag: str, last_modified: str) -> bool:
    """True for 304. If-None-Match wins over If-Modified-Since. An unreadable date is ignored."""
    wanted = environ.get("HTTP_IF_NONE_MATCH")
    if wanted:
        tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
        return "*" in tags or etag.removeprefix("W/") in tags
    since, changed = _date(environ.get("HTTP_IF_MODIFIED_SINCE")), _date(last_modified)
    return since is not None and changed is not None and changed <= since


def _date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
