# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending the requests to every peer, comparing the answers, and measuring what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.schedules.schedule import Ranges
from benchmarks.servers.peers import Peer
from benchmarks.tables.figures import Cost, Figures, Missing, Rate
from benchmarks.traffic.client import Answer, Client, TooSlow, WrongAnswer
from benchmarks.traffic.crowd import crowd
from benchmarks.traffic.exchanges import Exchange, exchanges, initial_sync
from benchmarks.traffic.facts import Facts, token

__all__ = ["Effort", "Mismatch", "WrongAnswer", "measure"]

_AT_LEAST = 2
_LONG = 2.0
"""Seconds after which one request is enough."""
_IDLE = 0.5
Progress = Callable[[str], None]


class Mismatch(RuntimeError):
    """Two peers answered the same request with different facts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """`seconds` of CPU time are spent on each request and peer. A request that takes more than `cap` seconds is given
    up. A peer is given up if its first readings take more than `patience` seconds together. `clients` send polls at
    once for `crowd_seconds`; 0 means no clients.
    """

    seconds: float = 1.0
    cap: float = 20.0
    patience: float = 240.0
    clients: int = 16
    crowd_seconds: float = 1.5


def measure(
    peers: Sequence[Peer],
    ranges: Ranges,
    effort: Effort,
    *,
    events: int,
    names: Sequence[str] = (),
    progress: Progress = lambda _line: None,
) -> Figures:
    """Measure every request, or those called `names`, peer after peer. Raises `Mismatch`, `WrongAnswer`."""
    costs: dict[str, dict[str, Cost | Missing]] = {}
    rates: dict[str, dict[str, Rate | Missing]] = {}
    examined = [_Examined(peer, ranges, effort, progress) for peer in peers]
    # Read all of them before anything is measured: some servers go on reading in the background after their start.
    for it in examined:
        it.warm_up()
    for name, noted in _wanted(names, ranges):
        known: tuple[str, Facts] | None = None
        for it in examined:
            found, facts = it.cost(name)
            if facts is not None:
                known = known or (it.peer.name, facts)
                _compare(name, known, (it.peer.name, facts))
            if not noted:
                continue
            costs.setdefault(name, {})[it.peer.name] = found
            progress(f"{events:,} events, {name}, {it.peer.name}: {_line(found)}")
            at_once = it.rate(name, found)
            if at_once is not None:
                rates.setdefault(name, {})[it.peer.name] = at_once
    return Figures(
        events=events, costs=costs, rates=rates, memory={it.peer.name: it.memory() for it in examined}
    )


def _wanted(names: Sequence[str], ranges: Ranges) -> Iterator[tuple[str, bool]]:
    """The requests to send. For each: whether it is one of `names` or only supplies an entity tag for another
    request.
    """
    known = exchanges("/", "/", [], "", ranges)
    needed = {it.validates for it in known if it.name in names}
    for it in known:
        if not names or it.name in names or it.name in needed:
            yield it.name, not names or it.name in names


class _Examined:
    """One peer under examination. After a request that was given up, the peer is restarted and read once before the
    next request.
    """

    def __init__(self, peer: Peer, ranges: Ranges, effort: Effort, progress: Progress) -> None:
        self.peer = peer
        self._ranges = ranges
        self._effort = effort
        self._progress = progress
        self._exchanges: dict[str, Exchange] = {}
        self._etags: dict[str, str] = {}
        self._memory = 0
        self._warm = False
        self._warming = 0.0
        self._refused: Missing | None = None

    def memory(self) -> int:
        """The worker's largest resident bytes seen."""
        self._memory = max(self._memory, self.peer.resident_bytes())
        return self._memory

    def cost(self, name: str) -> tuple[Cost | Missing, Facts | None]:
        """The cost of the request, and the facts of its answer if the request is one of those asked for."""
        self.warm_up()
        if self._refused is not None:
            return self._refused, None
        exchange = self._exchanges[name]
        if exchange.validates is not None:
            etag = self._etags.get(exchange.validates)
            if not etag:
                return Missing(reason=f"not run: no entity tag without {exchange.validates}"), None
            exchange = self._exchanges[name] = exchange.validating(etag)
        try:
            # A new connection, because servers hang up while the other peers are measured.
            with closing(Client(self.peer, self._effort.cap)) as client:
                return self._measured(client, exchange)
        except TooSlow:
            self._start_afresh()
            return Missing(reason=f"more than {self._effort.cap:g} s", more_than=self._effort.cap), None

    def rate(self, name: str, alone: Cost | Missing) -> Rate | Missing | None:
        """The rate of many clients at once. None for a request that is no poll."""
        exchange = self._exchanges.get(name)
        if exchange is None or not exchange.polled or not self._effort.clients:
            return None
        if isinstance(alone, Missing):
            return alone
        if alone.wall * self._effort.clients > self._effort.cap:
            return Missing(reason=f"not run: one alone takes {alone.wall:.1f} s")
        try:
            return crowd(
                self.peer,
                exchange,
                clients=self._effort.clients,
                seconds=self._effort.crowd_seconds,
                patience=self._effort.cap,
            )
        except TooSlow:
            self._start_afresh()
            return Missing(reason=f"more than {self._effort.cap:g} s", more_than=self._effort.cap)

    def _measured(self, client: Client, exchange: Exchange) -> tuple[Cost, Facts | None]:
        before = self.peer.cpu_seconds()
        answer = client.answer(exchange)
        self._etags[exchange.name] = answer.etag
        facts = None if answer.note else exchange.read(answer.body)
        if answer.seconds > _LONG:
            requests, wall = 1, answer.seconds
        else:
            before = self.peer.cpu_seconds()
            requests, wall = self._repeated(client, exchange, before)
        server, database = (
            after - start for after, start in zip(self.peer.cpu_seconds(), before, strict=True)
        )
        return Cost(
            requests=requests,
            cpu=(server + database) / requests,
            database_cpu=database / requests,
            wall=wall / requests,
            facts=len(facts or ()),
            size=len(answer.body),
            note=answer.note,
        ), facts

    def _repeated(self, client: Client, exchange: Exchange, before: tuple[float, float]) -> tuple[int, float]:
        requests, batch, wall, cpu = 0, 1, 0.0, 0.0
        while requests < _AT_LEAST or cpu < self._effort.seconds:
            for _ in range(batch):
                wall += client.answer(exchange).seconds
            requests += batch
            cpu = sum(self.peer.cpu_seconds()) - sum(before)
            # Reading the clock costs time, so cheap requests are sent in growing batches.
            batch = batch * 2 if cpu < self._effort.seconds / 4 else batch
        return requests, wall

    def _start_afresh(self) -> None:
        self.memory()
        self.peer.server.restart()
        self._warm = False

    def warm_up(self) -> None:
        """A first reading of everything, and the server's background work after it."""
        if self._warm or self._refused is not None:
            return
        started = time.perf_counter()
        try:
            answer = self._first()
            _settle(self.peer, self._patience(started))
        except TooSlow as slow:
            self._refused = Missing(
                reason=f"not run: first readings took more than {self._effort.patience:g} s"
            )
            self._progress(f"{self.peer.name} is left out: {slow}")
            self.memory()
            self.peer.server.kill()
            return
        names = sorted(initial_sync("/").read(answer.body))
        known = exchanges(self.peer.home, self.peer.collection, names, token(answer.body), self._ranges)
        self._exchanges = {it.name: it for it in known}
        self._warm = True
        self._warming += time.perf_counter() - started
        self._progress(f"{self.peer.name} is warm after {time.perf_counter() - started:.1f} s")

    def _patience(self, started: float) -> float:
        """The seconds that are left. Raises `TooSlow`."""
        left = self._effort.patience - self._warming - (time.perf_counter() - started)
        if left <= 0:
            raise TooSlow(f"{self.peer.name} has read for {self._effort.patience:g} s")
        return left

    def _first(self) -> Answer:
        with closing(Client(self.peer, self._patience(time.perf_counter()))) as client:
            return client.answer(initial_sync(self.peer.collection))


def _settle(peer: Peer, patience: float) -> None:
    """Wait until the server does no background work. Raises `TooSlow`."""
    deadline = time.monotonic() + patience
    used = peer.cpu_seconds()[0]
    while time.monotonic() < deadline:
        time.sleep(_IDLE)
        before, used = used, peer.cpu_seconds()[0]
        if used - before < _IDLE / 10:
            return
    raise TooSlow(f"{peer.name} is still busy with itself after {patience:g} s")


def _compare(request: str, known: tuple[str, Facts], found: tuple[str, Facts]) -> None:
    missing, extra = sorted(known[1] - found[1]), sorted(found[1] - known[1])
    if missing or extra:
        raise Mismatch(
            f"{request}: {found[0]} lacks {len(missing)} of what {known[0]} answers {missing[:3]} and has "
            f"{len(extra)} more {extra[:3]}"
        )


def _line(found: Cost | Missing) -> str:
    if isinstance(found, Missing):
        return found.reason
    return f"{found.cpu * 1000:.3f} ms CPU, {found.requests} requests {found.note}".rstrip()
