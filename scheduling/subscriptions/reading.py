# SPDX-License-Identifier: GPL-3.0-or-later
"""How a source is read, beside what it holds: once this is another, it is fetched and read anew."""

from __future__ import annotations

from scheduling.ical import zone_data

VERSION = "7"
"""Raised when the same content is understood or rendered differently, so that every event is taken over anew."""


def context(time_zone: str, *, is_given: bool) -> str:
    """The IANA zone of times without one, whether it was given for this source, and with which code and which rules of
    time zones it is read; at most 64 characters.
    """
    return f"{time_zone}{'!' if is_given else ''} {VERSION} {zone_data.in_use().digest}"
