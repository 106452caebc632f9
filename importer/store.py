# SPDX-License-Identifier: GPL-3.0-or-later
"""What the importer needs from the scheduling database, as protocols. The caller passes implementations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from scheduling.subscriptions.events import StoredEvent
from scheduling.subscriptions.facts import Applied, Due, Facts, Failure, HttpFacts, Skipped, Standing, Taken
from scheduling.subscriptions.unread import Gap

__all__ = [
    "Applied",
    "Due",
    "Facts",
    "Failure",
    "Gap",
    "HttpFacts",
    "Skipped",
    "Standing",
    "Store",
    "StoredEvent",
    "Taken",
]


class Store(Protocol):
    """The database side. Every method is one transaction or several short ones. A result is judged only while the lease
    is held.
    """

    @property
    def one_writer(self) -> bool:
        """Whether only one transaction at a time can write. The others should then wait in line."""
        ...

    def is_due(self, now: int) -> bool:
        """Whether `claim` would find a subscription. Takes no lock."""
        ...

    def claim(
        self,
        now: int,
        lease_seconds: int,
        limit: int,
        only: int | None = None,
        *,
        together: bool = False,
        least: Standing = Standing.FAILING,
        without_hosts: Collection[str] = (),
    ) -> list[Due]:
        """Lease at most `limit` subscriptions that are due at `now`, or only the one named by `only`, due or not. With
        `together`, also lease all other subscriptions to the same sources, if those sources work. Leave out
        subscriptions below a standing, or on some hosts, if asked.
        """
        ...

    def renew(self, held: Collection[str], now: int, lease_seconds: int) -> set[str]:
        """Extend the leases, and return those that are still held."""
        ...

    def release(self, claims: Collection[Due]) -> None:
        """Give back claims without a result. They are due as before."""
        ...

    def hashes(self, due: Due) -> dict[str, str]:
        """The content hashes of the stored events, by UID."""
        ...

    def apply(self, due: Due, changes: Applied) -> Taken:
        """Judge the state, write it or put it into quarantine, and give the claim back."""
        ...

    def unchanged(self, due: Due, facts: Facts) -> None:
        """Record that the source has not changed, and give the claim back."""
        ...

    def failed(self, due: Due, failure: Failure) -> None:
        """Record a failure, leaving the events as they are, and give the claim back."""
        ...
