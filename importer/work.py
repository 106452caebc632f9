# SPDX-License-Identifier: GPL-3.0-or-later
"""What an importer has claimed and not finished: sources that wait, and those being worked on, each a task of all
subscriptions to it. Chooses what is next so that neither a slow host nor failing sources hold up the others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from importer.hosts import Hosts, Visit, host_of
from importer.store import Due

_LOOK_AGAIN = 0.5
_MOST_WAITING = 1000


@dataclass(eq=False, kw_only=True, slots=True)
class Task:
    """The subscriptions to one source that are to be synchronised together; `left` are those without a result yet."""

    host: str
    sharing: tuple[Due, ...]
    left: dict[int, Due] = field(default_factory=dict)

    @property
    def is_failing(self) -> bool:
        """Whether it failed when it was last tried; such a one may well take its whole time limit again."""
        return all(due.failures for due in self.sharing)


def tasks_of(claimed: Iterable[Due]) -> list[Task]:
    """Claims grouped by source; those whose source has no key each by themselves."""
    groups: dict[object, list[Due]] = {}
    for due in claimed:
        groups.setdefault(due.source_key or (due.id,), []).append(due)
    return [
        Task(host=host_of(group[0].url), sharing=tuple(group), left={due.id: due for due in group})
        for group in groups.values()
    ]


class Work:
    """Shared by the threads of one importer. At most half of the `workers` are at failing sources at a time."""

    def __init__(self, hosts: Hosts, workers: int) -> None:
        self._hosts = hosts
        self._workers = workers
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
        """The next task and its place at its host, waited for; None once there will be none."""
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
        """What waits; it waits no more."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
            return waiting

    def unfinished(self) -> list[Task]:
        """All tasks, waiting or being worked on."""
        with self._changed:
            return [*self._active, *self._waiting]

    def wait_for_room(self, seconds: float) -> None:
        """Return when more can be claimed, or after this time."""
        with self._changed:
            self._changed.wait_for(lambda: self.has_room or self._closed, seconds)

    def wait_until_idle(self, seconds: float) -> bool:
        """Whether nothing is unfinished, within this time."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._active or self._waiting), seconds)

    @property
    def has_room(self) -> bool:
        """Whether workers would soon be without a task; what waits for a full host is none."""
        with self._changed:
            ready = sum(not (task.is_failing or self._hosts.is_full(task.host)) for task in self._waiting)
            return ready < self._workers and len(self._waiting) < _MOST_WAITING

    @property
    def has_enough_failing(self) -> bool:
        """Whether as many failing sources wait as could be begun soon."""
        with self._changed:
            return sum(task.is_failing for task in self._waiting) >= self._workers

    def full_hosts(self) -> tuple[str, ...]:
        """Hosts for which so much waits that more of it would only take the room of others."""
        with self._changed:
            waiting = Counter(task.host for task in self._waiting)
        return tuple(host for host, count in waiting.items() if count >= self._workers)

    def _may_begin(self, task: Task) -> bool:
        if not task.is_failing:
            return True
        return sum(other.is_failing for other in self._active) < max(1, self._workers // 2)
