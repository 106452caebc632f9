# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that claims due subscriptions, and the threads that synchronise them in parallel, until the loop is told to
stop.

Claims are renewed while the work goes on. When told to stop, the loop begins nothing more. It finishes work that ends
soon and gives the rest back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from importer.config import ImporterConfig
from importer.confined import pool
from importer.cycle import Outcome, Tools, synchronise
from importer.errors import where
from importer.fetch.hosts import Visit
from importer.line import InLine
from importer.sources.registry import source_of
from importer.store import Due, Failure, Standing, Store
from importer.work import Task, Work, tasks_of
from scheduling.sentences import counted

log = logging.getLogger(__name__)

_GRACE = 20.0
"""Seconds in which running work must end when the importer is told to stop."""
_counting = threading.Lock()
_INTERNAL_MESSAGE = "Daysheet itself failed on this calendar; the fault was logged."


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """How many synchronisations ended in each way."""

    applied: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def processed(self) -> int:
        """The total number."""
        return self.applied + self.unchanged + self.failed


def run(
    store: Store, config: ImporterConfig, *, once: bool, stop: threading.Event, only: int | None = None
) -> Summary:
    """Synchronise due subscriptions until `stop` is set. With `once`, until none is due. With `only`, just that one.

    One bad subscription never ends the loop. If the database fails, the loop tries again later. With `once` or `only`
    the error passes instead.
    """
    return _Loop(store, config, stop).run(once=once or only is not None, only=only)


class _Loop:
    def __init__(self, store: Store, config: ImporterConfig, stop: threading.Event) -> None:
        self._store = InLine(store, stop)
        self._config = config
        self._stop = stop
        self._counts: Counter[str] = Counter()
        self._work = Work(config.hosts(), config.concurrency)
        self._tools = Tools(
            store=self._store,
            source=partial(source_of, policy=config.policy()),
            schedule=config.schedule(),
            read=pool.shared(config.limits()).read,
            max_events=config.max_events,
            stopped=stop.is_set,
        )

    def run(self, *, once: bool, only: int | None) -> Summary:
        workers = 1 if only is not None else self._config.concurrency
        threads = [
            threading.Thread(target=self._worker, name=f"import-{n}", daemon=True) for n in range(workers)
        ]
        renewing = threading.Event()
        threads.append(threading.Thread(target=self._renew, args=(renewing,), name="renew", daemon=True))
        for thread in threads:
            thread.start()
        try:
            if once:
                self._claim_once(only)
            else:
                self._claim_forever()
        finally:
            self._end(threads[:-1])
            renewing.set()
            threads[-1].join()
        return Summary(
            applied=self._counts["applied"],
            unchanged=self._counts["unchanged"],
            failed=self._counts["failed"],
        )

    def _claim_forever(self) -> None:
        while not self._stop.is_set():
            least = self._work.least
            try:
                claimed = self._claim(least) if self._store.is_due(int(time.time())) else []
            except Exception as error:  # noqa: BLE001 (a database that is away comes back)
                log.error("importer turn failed, trying again: %s", where(error))  # noqa: TRY400 (see where)
                claimed, least = [], Standing.FAILING
            self._work.add(tasks_of(claimed))
            if claimed:
                self._work.wait_for_room(self._config.idle)
            elif least > Standing.FAILING:
                self._work.wait_for_room(self._config.idle, below=least)
            else:
                self._stop.wait(self._config.idle)

    def _claim_once(self, only: int | None) -> None:
        seen: set[int] = set()
        while not self._stop.is_set():
            # An empty claim ends the loop only if no earlier claim keeps a host from being asked.
            was_idle = self._work.wait_until_idle(0)
            least = self._work.least
            claimed = self._claim(least, only)
            fresh = [due for due in claimed if due.id not in seen]
            seen |= {due.id for due in fresh}
            self._work.add(tasks_of(fresh))
            self._store.release([due for due in claimed if due not in fresh])
            if only is not None:
                self._wait_until_idle()
                break
            if fresh:
                self._work.wait_for_room(self._config.idle)
            elif was_idle:
                break
            elif least > Standing.FAILING:
                self._work.wait_for_room(0.5, below=least)
            else:
                self._work.wait_until_idle(0.5)

    def _wait_until_idle(self) -> None:
        while not self._stop.is_set() and not self._work.wait_until_idle(0.5):
            pass

    def _claim(self, least: Standing, only: int | None = None) -> list[Due]:
        now = int(time.time())
        if only is not None:
            return self._store.claim(now, self._config.lease, 1, only)
        return self._store.claim(
            now,
            self._config.lease,
            self._config.batch,
            together=True,
            least=least,
            without_hosts=self._work.full_hosts(),
        )

    def _end(self, workers: list[threading.Thread]) -> None:
        """Let running tasks end. Give back tasks that were not begun or do not end soon."""
        self._work.close()
        self._give_back(self._work.take_back())
        end = time.monotonic() + _GRACE
        for worker in workers:
            worker.join(max(0.0, end - time.monotonic()))
        self._give_back(self._work.unfinished())

    def _give_back(self, tasks: list[Task]) -> None:
        left = [due for task in tasks for due in [*task.left.values()]]
        try:
            self._store.release(left)
        except Exception as error:  # noqa: BLE001 (the leases end by themselves)
            log.error("claims were not given back: %s", where(error))  # noqa: TRY400 (see where)

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(self._config.lease / 3):
            held = {due.lease for task in self._work.unfinished() for due in [*task.left.values()]}
            try:
                lost = held - self._store.renew(held, int(time.time()), self._config.lease)
            except Exception as error:  # noqa: BLE001 (a database that is away comes back)
                log.error("leases were not renewed: %s", where(error))  # noqa: TRY400 (see where)
            else:
                if lost and self._work.unfinished():
                    log.warning("%s ended before the work did", counted(len(lost), "claim"))

    def _worker(self) -> None:
        while not self._stop.is_set() and (taken := self._work.take()) is not None:
            task, visit = taken
            try:
                self._one(task, visit)
            finally:
                visit.leave()
                self._work.finish(task)
            if self._stop.is_set():
                self._give_back([task])

    def _one(self, task: Task, visit: Visit) -> None:
        try:
            synchronise(task.sharing, replace(self._tools, done=partial(self._done, task)), visit)
        except Exception as error:  # noqa: BLE001 (one bad calendar must not stop the others)
            fault = str(error) if isinstance(error, pool.ReaderFailed) else where(error)
            ids = ", ".join(str(number) for number in task.left)
            log.error("importer failed on subscription %s: %s", ids, fault)  # noqa: TRY400
            self._fail(task)

    def _fail(self, task: Task) -> None:
        now = int(time.time())
        for due in [*task.left.values()]:
            schedule = self._tools.schedule.at_least(due.minimum_interval)
            next_at = schedule.after_failure(now, due.failures)
            try:
                failure = Failure(reason="internal", message=_INTERNAL_MESSAGE, next_at=next_at)
                self._store.failed(due, failure)
            except Exception as error:  # noqa: BLE001 (its lease ends by itself)
                log.error("subscription %d: no result recorded: %s", due.id, where(error))  # noqa: TRY400
            else:
                self._done(task, due, Outcome(status="failed", reason="internal"))

    def _done(self, task: Task, due: Due, outcome: Outcome) -> None:
        del task.left[due.id]
        with _counting:
            self._counts[outcome.status] += 1
        if outcome.status == "failed":
            log.warning("calendar of subscription %d not imported: %s", due.id, outcome.reason)
        elif outcome.inserted or outcome.updated or outcome.deleted:
            log.info(
                "calendar of subscription %d imported: %d new, %d changed, %d removed",
                due.id,
                outcome.inserted,
                outcome.updated,
                outcome.deleted,
            )
