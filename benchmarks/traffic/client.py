# SPDX-License-Identifier: GPL-3.0-or-later
"""One client of one peer, over real HTTP on loopback."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPConnection

from benchmarks.servers.peers import Peer
from benchmarks.traffic.exchanges import Exchange


class WrongAnswer(RuntimeError):
    """A peer did not answer as the request demands."""


class TooSlow(RuntimeError):
    """A peer did not answer within the time that a request may take; it may still be busy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`note` says what the peer did instead of what was asked, `seconds` how long it took; it holds for all like it."""

    body: bytes
    etag: str
    note: str
    seconds: float


class Client:
    """Keeps one connection if the server does. A request may take `patience` seconds."""

    def __init__(self, peer: Peer, patience: float) -> None:
        self._peer = peer
        self._patience = patience
        self._connection = HTTPConnection("127.0.0.1", peer.port, timeout=patience)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def answer(self, exchange: Exchange) -> Answer:
        """Send the request. Raises `WrongAnswer` for a status that a right answer does not have, and `TooSlow`."""
        started = time.perf_counter()
        try:
            self._connection.request(
                exchange.method,
                exchange.path,
                exchange.body.encode() or None,
                {**self._peer.authorization, **exchange.headers},
            )
            response = self._connection.getresponse()
            body = response.read()
        except TimeoutError as error:
            self._connection.close()
            raise TooSlow(
                f"{self._peer.name} took more than {self._patience:g} s for {exchange.name}"
            ) from error
        note = _note(self._peer.name, exchange, response.status, body)
        seconds = time.perf_counter() - started
        return Answer(body=body, etag=response.getheader("ETag", ""), note=note, seconds=seconds)


def _note(peer: str, exchange: Exchange, status: int, body: bytes) -> str:
    if status == exchange.status:
        return ""
    if exchange.instead is not None and exchange.instead[0] == status:
        return exchange.instead[1]
    raise WrongAnswer(f"{peer} answered {status} to {exchange.name}: {body[:300]!r}")
