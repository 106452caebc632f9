# SPDX-License-Identifier: GPL-3.0-or-later
"""What the importer needs from the scheduling database, as a protocol; the composition passes an
implementation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from importer.split import Skipped
from scheduling.ical.series import Series


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A subscription that was claimed for one synchronisation.

    `url` is a secret. `etag` and `last_modified` are those of what is stored, or None to fetch
    unconditionally. `time_zone` is the IANA zone of its user, `failures` how often in a row it has failed,
    `lease` proves the claim.
    """

    id: int
    user_id: int
    url: str = field(repr=False)
    etag: str | None
    last_modified: str | None
    time_zone: str
    failures: int
    lease: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """One event to insert or replace: rendered text with stamp markers, its TZIDs, and the facts it came
    from.
    """

    uid: str
    content_hash: str
    template: str
    timezones: str
    series: Series
    status: str
    transparency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a successful synchronisation found. `next_at` is in epoch seconds.

    `fetched` counts the events in the source (0 when it answered that nothing changed), `imported` those
    inserted or updated, `unchanged` those left alone. An answer without changes keeps the validators it was
    asked with.
    """

    etag: str | None
    last_modified: str | None
    next_at: int
    fetched: int = 0
    imported: int = 0
    unchanged: int = 0
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    calendar_name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """Everything one synchronisation changes, to be applied in one transaction."""

    upserts: tuple[StoredEvent, ...]
    deletes: tuple[str, ...]
    facts: Facts


class Store(Protocol):
    """The database side. Every method is one transaction; without the lease it writes nothing."""

    def claim(self, now: int, lease_seconds: int, limit: int, only: int | None = None) -> list[Due]:
        """Lease at most `limit` subscriptions that are due at `now`, or the one named by `only` whether due
        or not.
        """
        ...

    def hashes(self, due: Due) -> dict[str, str]:
        """The stored events' content hashes by UID."""
        ...

    def apply(self, due: Due, changes: Applied) -> None:
        """Write the changes and the facts, and give the claim back."""
        ...

    def unchanged(self, due: Due, facts: Facts) -> None:
        """Record that the source has not changed, and give the claim back."""
        ...

    def failed(self, due: Due, reason: str, message: str, next_at: int) -> None:
        """Record a failure, leaving the events as they are, and give the claim back."""
        ...

    def maintain(self, now: int) -> None:
        """Do the periodic upkeep of the database."""
        ...
