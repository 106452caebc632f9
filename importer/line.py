# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: D102 - the protocol says what each method does
"""The store shared by the threads of one importer. The threads write in turn if the database allows only one writer.
Results wait while the database is briefly unreachable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from importer.store import Applied, Due, Facts, Failure, Standing, Store, Taken
from scheduling.errors import DatabaseUnavailable

T = TypeVar("T")

_PAUSES = (1, 2, 4, 8, 16, 30)
"""Seconds between the attempts at recording a result."""


class InLine(Store):
    """A store that retries recording each result until it succeeds or `stop` is set. If a result was recorded but the
    answer got lost, it is not recorded twice, because its claim is gone.
    """

    def __init__(self, store: Store, stop: threading.Event) -> None:
        self._store = store
        self._stop = stop
        self._turn: AbstractContextManager[object] = threading.Lock() if store.one_writer else nullcontext()

    @property
    def one_writer(self) -> bool:
        return self._store.one_writer

    def is_due(self, now: int) -> bool:
        return self._store.is_due(now)

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
        with self._turn:
            return self._store.claim(
                now,
                lease_seconds,
                limit,
                only,
                together=together,
                least=least,
                without_hosts=without_hosts,
            )

    def renew(self, held: Collection[str], now: int, lease_seconds: int) -> set[str]:
        if not held:
            return set()
        with self._turn:
            return self._store.renew(held, now, lease_seconds)

    def release(self, claims: Collection[Due]) -> None:
        if claims:
            with self._turn:
                self._store.release(claims)

    def hashes(self, due: Due) -> dict[str, str]:
        return self._store.hashes(due)

    def apply(self, due: Due, changes: Applied) -> Taken:
        return self._recorded(lambda: self._store.apply(due, changes))

    def unchanged(self, due: Due, facts: Facts) -> None:
        self._recorded(lambda: self._store.unchanged(due, facts))

    def failed(self, due: Due, failure: Failure) -> None:
        self._recorded(lambda: self._store.failed(due, failure))

    def _recorded(self, record: Callable[[], T]) -> T:
        for pause in _PAUSES:
            try:
                with self._turn:
                    return record()
            except DatabaseUnavailable:
                if self._stop.wait(pause):
                    break
        with self._turn:
            return record()
