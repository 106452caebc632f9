# SPDX-License-Identifier: GPL-3.0-or-later
"""How a source is read, beside what it holds: once this is another, it is fetched and read anew."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

from scheduling.ical import zone_data

VERSION = "7"
"""Raised when the same content is understood or rendered differently, so that every event is taken over anew."""


def context(time_zone: str, *, is_given: bool, addresses: Collection[str] = ()) -> str:
    """The IANA zone of times without one, whether it was given for this source, with which code and which rules of
    time zones it is read, and a hash of the reader's own `addresses`; at most 64 characters.
    """
    found = f"{time_zone}{'!' if is_given else ''} {VERSION} {zone_data.in_use().digest}"
    if not addresses:
        return found
    return f"{found} {blake2b(' '.join(sorted(addresses)).encode(), digest_size=4).hexdigest()}"
