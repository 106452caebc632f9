# SPDX-License-Identifier: GPL-3.0-or-later
"""The port for sources of the importer: what a source is asked, and the listing that it answers with.

Whatever reads a source (importer/cycle.py, importer/preview.py) knows no more of it than this. What the events of a
listing mean is read from its content, in a process with limits (importer/confined), so content has to be picklable
and may need nothing of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from importer.fetch.hosts import Visit
from importer.store import HttpFacts
from importer.understand.body import Content

__all__ = ["Content", "Extent", "Listing", "Source", "Wanted"]


class Extent(StrEnum):
    """What a listing tells of the source. Only a snapshot proves that something is not there any more."""

    UNCHANGED = "unchanged"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is asked of a source: its address (a secret), the validators of what is already here (RFC 9110, section
    8.8), and the header (name and value) of its credentials. `visit` is the place taken at the address's host.
    """

    url: str = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    visit: Visit | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What a source answered: all of it (`content`) or that nothing has changed (None), its validators for the next
    time, and the facts of the exchange.
    """

    extent: Extent
    content: Content | None = field(default=None, repr=False)
    etag: str | None = None
    last_modified: str | None = None
    http: HttpFacts


class Source(Protocol):
    """One kind of source. Has no state: any thread may ask, for any address."""

    def list(self, wanted: Wanted) -> Listing:
        """Everything that is at the address, unless it has not changed since the validators in `wanted`.

        Raises `ImporterError`, whose message holds no secret.
        """
