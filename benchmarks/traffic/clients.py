# SPDX-License-Identifier: GPL-3.0-or-later
"""Client processes: each keeps some connections to one server, and all begin at the same moment."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.traffic.accounts import Account
from benchmarks.traffic.crowd import Request, send
from benchmarks.traffic.mix import FIRST, Polls, first_feed

_PATIENCE = 60.0
_RUN_UP = 0.3
_FOR_EVER = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """Polls of one `kind`, or mixed, for `seconds` from the moment `begin` (epoch seconds), at most `limit`. Those of
    `FIRST` come from each account once, from every `step`th after `start`.
    """

    port: int
    kind: str | None
    begin: float
    connections: int
    seconds: float
    limit: int | None
    start: int
    step: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """Seconds of every request, and of all together."""

    times: Sequence[float]
    took: float


class Clients:
    """`processes` client processes for the servers at `ports`, in turn. They get their data once, at the start."""

    def __init__(self, workers: Executor, ports: Sequence[int], processes: int, connections: int) -> None:
        self._workers = workers
        self._ports = ports
        self._processes = processes
        self._connections = connections

    def feeds(self, objects: int) -> Mapping[str, str]:
        """Read the whole feed of every user. Each must hold `objects` events. Returns the entity tags by username."""
        shares = range(self._processes)
        ports = [self._port(number) for number in shares]
        steps = [self._processes] * self._processes
        found = list(self._workers.map(_feeds, ports, shares, steps, [objects] * self._processes))
        return {name: etag for share in found for name, etag in share.items()}

    def polls(
        self,
        kind: str | None,
        etags: Mapping[str, str],
        *,
        seconds: float,
        limit: int | None = None,
    ) -> Sent:
        """Polls from all processes, or with a `limit` one after the other from one. Raises `WrongAnswer`, `TooSlow`."""
        number = self._processes if limit is None else 1
        begin = time.time() + _RUN_UP
        tasks = [
            Task(
                port=self._port(start),
                kind=kind,
                begin=begin,
                connections=self._connections if limit is None else 1,
                seconds=_FOR_EVER if kind == FIRST or limit is not None else seconds,
                limit=limit,
                start=start,
                step=number,
            )
            for start in range(number)
        ]
        sent = list(self._workers.map(_polls, tasks, [etags] * number))
        return Sent(times=sorted(it for one in sent for it in one.times), took=max(it.took for it in sent))

    def _port(self, number: int) -> int:
        return self._ports[number % len(self._ports)]


@contextmanager
def clients(
    accounts: Sequence[Account], ports: Sequence[int], processes: int, connections: int
) -> Iterator[Clients]:
    """Processes that end with the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_know, initargs=(list(accounts),)) as workers:
        yield Clients(workers, ports, processes, connections)


_known: list[Account] = []


def _know(accounts: list[Account]) -> None:
    _known[:] = accounts


def _feeds(port: int, start: int, step: int, objects: int) -> dict[str, str]:
    found: dict[str, str] = {}
    requests = (first_feed(it, objects, found) for it in _known[start::step])
    send(port, lambda: next(requests, None), clients=1, seconds=_FOR_EVER, patience=_PATIENCE)
    return found


def _polls(task: Task, etags: Mapping[str, str]) -> Sent:
    polls = Polls(accounts=_known, feed_etags=etags, rng=random.Random(task.start))  # noqa: S311
    requests = _requests(task, polls)
    time.sleep(max(0.0, task.begin - time.time()))
    answered, took = send(
        task.port,
        lambda: next(requests, None),
        clients=task.connections,
        seconds=task.seconds,
        patience=_PATIENCE,
    )
    return Sent(times=[it.seconds for it in answered], took=took)


def _requests(task: Task, polls: Polls) -> Iterator[Request]:
    if task.kind == FIRST or (task.limit is not None and task.kind is not None):
        for account in polls.accounts[task.start :: task.step][: task.limit]:
            yield polls.of(task.kind, account)
        return
    while True:
        yield polls.mixed() if task.kind is None else polls.one(task.kind)
