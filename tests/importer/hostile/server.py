# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback that serve calendars in peace and play their part in war: any octets, at any pace, on real
sockets.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

Greeting = Callable[[socket.socket], socket.socket]
_LONGEST_PART = 60


@dataclass
class Visitor:
    """A connection, and what was asked over it: '' where the part is played before anything is asked."""

    socket: socket.socket
    ended: threading.Event
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def says(self, body: bytes, *headers: str, status: str = "200 OK") -> None:
        """Send a whole answer."""
        self.headed(f"Content-Length: {len(body)}", *headers, status=status)
        self.send(body)

    def headed(self, *headers: str, status: str = "200 OK") -> None:
        """Send the head of an answer."""
        lines = [f"HTTP/1.1 {status}", *headers, "Connection: close"]
        self.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))

    def chunk(self, octets: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(octets), octets))

    def drips(self, octets: bytes) -> None:
        """Send them again and again, a few a second."""
        while not self.ended.wait(0.1):
            self.send(octets)

    def pours(self, octets: bytes) -> None:
        """Send them again and again, as fast as they are taken."""
        while not self.ended.is_set():
            self.send(octets)

    def waits(self) -> None:
        """Say nothing until the other side is gone or all is over."""
        with suppress(TimeoutError):
            while not self.ended.is_set() and self.socket.recv(1000):
                pass

    def resets(self) -> None:
        """Break the connection off (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Part = Callable[[Visitor], None]


class Servers:
    """Doors on one address. `peace` and `war` map paths to what is played; `seen` are the paths and headers asked for,
    in order.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self.at_war = False
        self.peace: dict[str, Part] = {}
        self.war: dict[str, Part] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.accepted: Counter[int] = Counter()
        self.ended = threading.Event()
        self._doors: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def listen(self, trust: ssl.SSLContext | None = None, unasked: Part | None = None, port: int = 0) -> int:
        """Open a door, with TLS by `trust`; in war it plays `unasked` before anything is asked. Its port."""
        door = socket.create_server((self._address, port), backlog=200)
        port = int(door.getsockname()[1])
        self._doors.append(door)
        self._start(lambda: self._accept(door, port, trust, unasked))
        return port

    def close(self) -> None:
        """End everything."""
        self.ended.set()
        for door in self._doors:
            door.shutdown(socket.SHUT_RDWR)
            door.close()
        for thread in self._threads:
            thread.join(_LONGEST_PART)
            assert not thread.is_alive(), "a part is still being played"

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target)
        self._threads.append(thread)
        thread.start()

    def _accept(
        self, door: socket.socket, port: int, trust: ssl.SSLContext | None, unasked: Part | None
    ) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = door.accept()
            except OSError:
                return
            self.accepted[port] += 1
            self._start(lambda connection=connection: self._attend(connection, trust, unasked))

    def _attend(self, connection: socket.socket, trust: ssl.SSLContext | None, unasked: Part | None) -> None:
        connection.settimeout(_LONGEST_PART / 2)
        try:
            if unasked is not None and self.at_war:
                unasked(Visitor(connection, self.ended))
                return
            if trust is not None:
                connection = trust.wrap_socket(connection, server_side=True)
            visitor = _asked(connection, self.ended)
            self.seen.append((visitor.path, visitor.headers))
            path = visitor.path.rstrip("&")
            part = self.war.get(path) if self.at_war else None
            (part or self.peace[path])(visitor)
        except OSError:
            pass
        finally:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def _asked(connection: socket.socket, ended: threading.Event) -> Visitor:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (received := connection.recv(65536)):
            raise ConnectionError("it asked for nothing")
        head += received
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Visitor(connection, ended, first.split(" ")[1], headers)
