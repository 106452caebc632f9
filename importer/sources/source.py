# SPDX-License-Identifier: GPL-3.0-or-later
"""The port for sources of the importer: what a source is asked, and the listing that it returns.

Code that reads a source (importer/cycle.py, importer/preview.py) knows only this port. The meaning of the events is
read from the content of the listing, in a process with limits (importer/confined). Content must therefore be picklable
and must not need the network.
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
    """What a listing contains. Only a snapshot proves that an event is no longer there."""

    UNCHANGED = "unchanged"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A request to a source: its address (a secret), the validators of the stored version (RFC 9110, section 8.8), and
    the header (name and value) with its credentials. `visit` is the place taken at the address's host.
    """

    url: str = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    visit: Visit | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The answer of a source: its whole `content`, or None if nothing has changed; its validators for the next request;
    and the facts of the exchange.
    """

    extent: Extent
    content: Content | None = field(default=None, repr=False)
    etag: str | None = None
    last_modified: str | None = None
    http: HttpFacts


class Source(Protocol):
    """One kind of source. It has no state: any thread may ask for any address."""

    def list(self, wanted: Wanted) -> Listing:
        """Everything at the address, unless it has not changed since the validators in `wanted`.

        Raises `ImporterError`, whose message holds no secret.
        """
