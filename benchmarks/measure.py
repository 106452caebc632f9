# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending the requests to every peer, comparing the answers, and measuring what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection

from benchmarks import process
from benchmarks.exchanges import Exchange, Facts, exchanges, initial_sync, token
from benchmarks.peers import Peer
from benchmarks.schedule import Ranges

_TIMEOUT = 600.0
_AT_LEAST = 2


class WrongAnswer(RuntimeError):
    """A peer did not answer as the request demands."""


class Mismatch(RuntimeError):
    """Two peers answered the same request with different facts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Means per request: CPU time of the server's processes and time until the answer was read, in seconds.

    `facts` is how many members, events, instances or busy periods the answer named, `size` its body in bytes.
    """

    requests: int
    cpu: float
    wall: float
    facts: int
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """`costs` by request and peer; `memory` is the worker's resident bytes by peer, after all requests."""

    costs: Mapping[str, Mapping[str, Cost]]
    memory: Mapping[str, int]


class Client:
    """One client of one peer, with one connection that is kept where the server keeps it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._connection = HTTPConnection("127.0.0.1", peer.port, timeout=_TIMEOUT)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def answer(self, exchange: Exchange) -> bytes:
        """The body of the answer. Raises `WrongAnswer` for another status than a right answer has."""
        headers = {"Authorization": self._peer.authorization, **exchange.headers}
        self._connection.request(
            exchange.method, self._peer.collection, exchange.body.encode() or None, headers
        )
        response = self._connection.getresponse()
        body = response.read()
        if response.status != exchange.status:
            raise WrongAnswer(
                f"{self._peer.name} answered {response.status} to {exchange.name}: {body[:300]!r}"
            )
        return body


def measure(
    peers: Sequence[Peer],
    ranges: Ranges,
    *,
    seconds: float,
    names: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Measure every request, or those called `names`, peer after peer.

    Each is sent for `seconds` of the server's CPU time, twice at least. Raises `Mismatch`, `WrongAnswer`.
    """
    costs: dict[str, dict[str, Cost]] = {}
    asked = [_asked(peer, ranges) for peer in peers]
    for same in zip(*asked, strict=True):
        if names and same[0].name not in names:
            continue
        known: tuple[str, Facts] | None = None
        for peer, exchange in zip(peers, same, strict=True):
            # A connection of its own: servers hang up while the other peers are measured.
            with closing(Client(peer)) as client:
                body = client.answer(exchange)
                facts = exchange.read(body)
                known = known or (peer.name, facts)
                _compare(exchange.name, known, (peer.name, facts))
                cost = _cost(client, peer, exchange, seconds, len(facts), len(body))
            costs.setdefault(exchange.name, {})[peer.name] = cost
            progress(f"{exchange.name}, {peer.name}: {cost.cpu * 1000:.3f} ms CPU, {cost.requests} requests")
    return Figures(costs=costs, memory={peer.name: process.resident_bytes(peer.root) for peer in peers})


def _asked(peer: Peer, ranges: Ranges) -> list[Exchange]:
    first = initial_sync()
    with closing(Client(peer)) as client:
        body = client.answer(first)
    return exchanges(peer.collection, sorted(first.read(body)), token(body), ranges)


def _compare(request: str, known: tuple[str, Facts], found: tuple[str, Facts]) -> None:
    missing, extra = sorted(known[1] - found[1]), sorted(found[1] - known[1])
    if missing or extra:
        raise Mismatch(
            f"{request}: {found[0]} lacks {len(missing)} of what {known[0]} answers {missing[:3]} and has "
            f"{len(extra)} more {extra[:3]}"
        )


def _cost(client: Client, peer: Peer, exchange: Exchange, seconds: float, facts: int, size: int) -> Cost:
    requests, batch, wall, cpu = 0, 1, 0.0, 0.0
    before = process.cpu_seconds(peer.roots)
    while requests < _AT_LEAST or cpu < seconds:
        started = time.perf_counter()
        for _ in range(batch):
            client.answer(exchange)
        wall += time.perf_counter() - started
        requests += batch
        cpu = process.cpu_seconds(peer.roots) - before
        # Looking at the clock costs the machine time, so cheap requests are sent in growing batches.
        batch = batch * 2 if cpu < seconds / 4 else batch
    return Cost(requests=requests, cpu=cpu / requests, wall=wall / requests, facts=facts, size=size)
