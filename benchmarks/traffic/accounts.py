# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as their clients know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a client knows of a calendar: its entity tag (also its CTag), sync token, and names and entity tags of some
    of its objects.
    """

    slug: str
    etag: str
    token: str
    objects: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One user as clients know him; the password and the feed's path are secrets of a database that is thrown away."""

    username: str
    password: str
    feed: str
    calendars: Sequence[Known]
