# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once from one thread: each sends its next request as soon as it has read the last answer.

The messages are parsed here, because a client library costs more time than the measured servers.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.servers.peers import Peer
from benchmarks.tables.figures import Rate, half_and_most
from benchmarks.traffic.client import TooSlow, WrongAnswer
from benchmarks.traffic.exchanges import Exchange

_PIECE = 1 << 18
_NO_BODY = (204, 304)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A message as bytes, and the statuses that are right answers. `kind` is for the caller; `check` looks at the whole
    answer as received, head included, and says what is wrong with it.
    """

    message: bytes
    right: Sequence[int]
    kind: str = ""
    check: Callable[[bytes], str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One finished request: its kind, status, and seconds from its first byte sent to the last byte read."""

    kind: str
    status: int
    seconds: float


def request(peer: Peer, exchange: Exchange) -> Request:
    """`exchange` as a message to `peer`."""
    right = [exchange.status, *([exchange.instead[0]] if exchange.instead else [])]
    headers = {**peer.authorization, **exchange.headers}
    return Request(
        message=message(exchange.method, exchange.path, headers, exchange.body),
        right=right,
        kind=exchange.name,
    )


def message(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """An HTTP/1.1 request (RFC 9112, section 2.1)."""
    data = body.encode()
    length = {"Content-Length": str(len(data))} if data else {}
    fields = {"Host": "127.0.0.1", **headers, **length}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def crowd(peer: Peer, exchange: Exchange, *, clients: int, seconds: float, patience: float) -> Rate:
    """`exchange` from `clients` clients for `seconds`. Raises `TooSlow`, `WrongAnswer`."""
    asked = request(peer, exchange)
    before = sum(peer.cpu_seconds())
    answered, took = send(
        peer.port, lambda: asked, clients=clients, seconds=seconds, patience=patience, name=peer.name
    )
    cpu = sum(peer.cpu_seconds()) - before
    return rate(answered, took, cpu)


def rate(answered: Sequence[Answered], took: float, cpu: float) -> Rate:
    """The figures of some requests that took `took` seconds together."""
    times = sorted(it.seconds for it in answered)
    median, p99 = half_and_most(times)
    return Rate(
        requests=len(times),
        per_second=len(times) / took,
        median=median,
        p99=p99,
        cpu=cpu / len(times),
    )


def send(
    port: int,
    following: Callable[[], Request | None],
    *,
    clients: int,
    seconds: float,
    patience: float,
    name: str = "the server",
) -> tuple[list[Answered], float]:
    """Requests from `following` for `seconds` or until it gives None, and how long it took until the last answer was
    read.

    Raises `TooSlow` when one takes more than `patience` seconds, `WrongAnswer`.
    """
    answered: list[Answered] = []
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        waiting = [_Connection(port, selector) for _ in range(clients)]
        for connection in waiting:
            stack.callback(connection.close)
        started = time.perf_counter()
        busy = sum(connection.go_on(following()) for connection in waiting)
        while busy:
            ready = selector.select(1.0)
            now = time.perf_counter()
            if any(it.sent is not None and now - it.sent > patience for it in waiting):
                raise TooSlow(f"{name} took more than {patience:g} s for one of {clients} clients")
            for key, _ in ready:
                connection = key.data
                found = connection.proceed()
                if found is None:
                    continue
                wrong = connection.wrong(found)
                if wrong:
                    raise WrongAnswer(f"{name} answered {wrong} to {found.kind} among {clients} clients")
                answered.append(found)
                ended = time.perf_counter() - started >= seconds
                if ended or not connection.go_on(following()):
                    busy -= 1
    return answered, time.perf_counter() - started


class _Connection:
    """One client. It opens its connection anew where the server closes it."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._unsent = b""
        self.asked = Request(message=b"", right=())
        self.sent: float | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def go_on(self, asked: Request | None) -> bool:
        """Send the next request, if there is one."""
        if asked is not None:
            self.send(asked)
        return asked is not None

    def wrong(self, found: Answered) -> str:
        """What is wrong with the answer; nothing where it is right."""
        if found.status not in self.asked.right:
            return str(found.status)
        return "" if self.asked.check is None else self.asked.check(bytes(self._received))

    def send(self, asked: Request) -> None:
        self.asked, self.sent = asked, time.perf_counter()
        self._received.clear()
        self._unsent = asked.message
        if self._socket is None:
            self._connect()
        else:
            self._write()

    def proceed(self) -> Answered | None:
        """Go on where the socket allows it; the answer once it is complete."""
        assert self._socket is not None
        if self._unsent:
            self._write()
            return None
        try:
            piece = self._socket.recv(_PIECE)
        except BlockingIOError:
            return None
        except ConnectionError:
            piece = b""
        if not piece and not self._received:
            # The server had closed a kept connection before it saw the request.
            self.close()
            self._unsent = self.asked.message
            self._connect()
            return None
        self._received += piece
        status, complete, kept = _state(self._received, ended=not piece)
        if not complete:
            return None
        assert self.sent is not None
        seconds, self.sent = time.perf_counter() - self.sent, None
        if not kept or not piece:
            self.close()
        return Answered(kind=self.asked.kind, status=status, seconds=seconds)

    def _connect(self) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        failure = self._socket.connect_ex(("127.0.0.1", self._port))
        if failure not in (0, errno.EINPROGRESS):
            raise OSError(failure, "cannot connect")
        self._selector.register(self._socket, selectors.EVENT_WRITE, self)

    def _write(self) -> None:
        assert self._socket is not None
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.close()
            self._unsent = self.asked.message
            self._connect()
            return
        events = selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ
        self._selector.modify(self._socket, events, self)


def _state(received: bytearray, *, ended: bool) -> tuple[int, bool, bool]:
    """The status, whether the message is complete, whether the connection may be kept (RFC 9112, section 6)."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0, ended, False
    head = bytes(received[:end]).lower()
    status = int(head.split(b" ", 2)[1])
    fields = dict(_fields(head))
    kept = head.startswith(b"http/1.1") and fields.get(b"connection") != b"close"
    if status in _NO_BODY:
        return status, True, kept
    if b"content-length" in fields:
        return status, len(received) >= end + 4 + int(fields[b"content-length"]), kept
    if fields.get(b"transfer-encoding") == b"chunked":
        return status, received.endswith(b"\r\n0\r\n\r\n"), kept
    return status, ended, False


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        yield name, value.strip()
