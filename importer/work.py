# SPDX-License-Identifier: GPL-3.0-or-later
"""Claimed but unfinished work of an importer. Each source, waiting or being worked on, is one task for all
subscriptions to it. The next task is chosen so that neither a slow host nor slow sources hold up the others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from importer.fetch.hosts import Hosts, Visit, host_of
from importer.store import Due, Standing

_LOOK_AGAIN = 0.5
_MOST_WAITING = 1000


@dataclass(eq=False, kw_only=True, slots=True)
class Task:
    """The subscriptions to one source that are synchronised together, and the best standing among them. `left` are
    those without a result yet.
    """

    host: str
    standing: Standing
    sharing: tuple[Due, ...]
    left: dict[int, Due] = field(default_factory=dict)


def tasks_of(claimed: Iterable[Due]) -> list[Task]:
    """Claims grouped by source. A claim whose source has no key is a group of its own."""
    groups: dict[object, list[Due]] = {}
    for due in claimed:
        groups.setdefault(due.source_key or (due.id,), []).append(due)
    return [
        Task(
            host=host_of(group[0].url),
            standing=max(due.standing for due in group),
            sharing=tuple(group),
            left={due.id: due for due in group},
        )
        for group in groups.values()
    ]


class Work:
    """Shared by the threads of one importer. At a time, at most half of the `workers` are at failing sources, and at
    most three quarters at failing, new and slow sources together.
    """

    def __init__(self, hosts: Hosts, workers: int) -> None:
        self._hosts = hosts
        self._workers = workers
        self._places = {
            Standing.FAILING: max(1, workers // 2),
            Standing.UNPROVEN: max(1, workers * 3 // 4),
            Standing.PROMPT: workers,
        }
        self._waiting: list[Task] = []
        self._active: set[Task] = set()
        self._closed = False
        self._changed = threading.Condition(threading.RLock())

    def add(self, tasks: Iterable[Task]) -> None:
        """Let tasks wait for a worker."""
        with self._changed:
            self._waiting.extend(tasks)
            self._changed.notify_all()

    def take(self) -> tuple[Task, Visit] | None:
        """Wait for the next task and its place at its host. None when no more tasks will come."""
        with self._changed:
            while not self._closed:
                wait = _LOOK_AGAIN
                full: set[str] = set()
                for index, task in enumerate(self._waiting):
                    if task.host in full or not self._may_begin(task):
                        continue
                    visit = self._hosts.enter(task.host)
                    if isinstance(visit, Visit):
                        del self._waiting[index]
                        self._active.add(task)
                        return task, visit
                    full.add(task.host)
                    wait = min(wait, visit)
                self._changed.wait(wait)
            return None

    def finish(self, task: Task) -> None:
        """A worker is done with a task."""
        with self._changed:
            self._active.discard(task)
            self._changed.notify_all()

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take_back(self) -> list[Task]:
        """Take all waiting tasks out of the queue and return them."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
            return waiting

    def unfinished(self) -> list[Task]:
        """All tasks, waiting or being worked on."""
        with self._changed:
            return [*self._active, *self._waiting]

    def wait_for_room(self, seconds: float, below: Standing | None = None) -> None:
        """Wait until more can be claimed, or until this time has passed. With `below`, wait for room for a lower
        standing.
        """

        def is_room() -> bool:
            return self._closed or (self.has_room and (below is None or self.least < below))

        with self._changed:
            self._changed.wait_for(is_room, seconds)

    def wait_until_idle(self, seconds: float) -> bool:
        """Whether nothing is unfinished, within this time."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._active or self._waiting), seconds)

    @property
    def has_room(self) -> bool:
        """Whether workers would soon be without a task. A task that waits for a full host does not count."""
        with self._changed:
            ready = sum(
                task.standing is Standing.PROMPT and not self._hosts.is_full(task.host)
                for task in self._waiting
            )
            return ready < self._workers and len(self._waiting) < _MOST_WAITING

    @property
    def least(self) -> Standing:
        """The lowest standing with fewer waiting tasks than could be begun soon."""
        with self._changed:
            waiting = Counter(task.standing for task in self._waiting)
        if waiting[Standing.UNPROVEN] >= self._workers:
            return Standing.PROMPT
        return Standing.UNPROVEN if waiting[Standing.FAILING] >= self._workers else Standing.FAILING

    def full_hosts(self) -> tuple[str, ...]:
        """Hosts with so many waiting tasks that more would only take the room of others."""
        with self._changed:
            waiting = Counter(task.host for task in self._waiting)
        return tuple(host for host, count in waiting.items() if count >= self._workers)

    def _may_begin(self, task: Task) -> bool:
        others = sum(other.standing <= task.standing for other in self._active)
        return others < self._places[task.standing]
