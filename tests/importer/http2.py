# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that speaks HTTP/2 over TLS (RFC 9113), well or badly, and else HTTP/1.1."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events

from tests.importer.certificates import certificate

_BADLY = h2.config.H2Configuration(
    client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
)


@dataclass
class Exchange:
    """One request over HTTP/2, and what answers it: `wire` for orderly frames, `raw` for any octets."""

    path: str
    stream: int
    headers: dict[str, str]
    wire: h2.connection.H2Connection
    socket: ssl.SSLSocket
    ended: threading.Event

    def headed(self, *more: tuple[str, str], status: str = "200") -> None:
        """Send the headers of an answer."""
        self.wire.send_headers(self.stream, [(":status", status), *more])
        self.flush()

    def says(self, body: bytes, *more: tuple[str, str], status: str = "200") -> None:
        """Send a whole answer of less than a window."""
        self.headed(("content-length", str(len(body))), *more, status=status)
        for at in range(0, len(body), 16_000):
            self.wire.send_data(self.stream, body[at : at + 16_000])
        self.wire.end_stream(self.stream)
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.wire.data_to_send())

    def frame(self, kind: int, flags: int, payload: bytes, *, stream: int | None = None) -> None:
        """Send one frame as it is (section 4.1)."""
        number = self.stream if stream is None else stream
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big")
        self.socket.sendall(head + payload)


Play = Callable[[Exchange], None]


@dataclass
class Http2Server:
    """`plays` maps paths to what answers over HTTP/2, `plain` to bodies over HTTP/1.1; `requests` are the versions,
    paths and headers that came.
    """

    trust: ssl.SSLContext
    port: int = 0
    plays: dict[str, Play] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "calendar.test") -> str:
        return f"https://{host}:{self.port}{path}"

    @property
    def versions(self) -> list[str]:
        return [version for version, _, _ in self.requests]

    def converse(self, connection: ssl.SSLSocket) -> None:
        """Answer one connection to its end."""
        with connection, suppress(OSError):
            connection.settimeout(20)
            if connection.selected_alpn_protocol() == "h2":
                self._over_2(connection)
            else:
                self._over_1(connection)

    def _over_2(self, connection: ssl.SSLSocket) -> None:
        wire = h2.connection.H2Connection(_BADLY)
        wire.initiate_connection()
        connection.sendall(wire.data_to_send())
        while data := connection.recv(65536):
            for event in wire.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = {name.decode(): value.decode() for name, value in event.headers or ()}
                    path = headers[":path"]
                    self.requests.append(("2", path, headers))
                    exchange = Exchange(path, event.stream_id or 0, headers, wire, connection, self.ended)
                    self.plays[path](exchange)
            connection.sendall(wire.data_to_send())

    def _over_1(self, connection: ssl.SSLSocket) -> None:
        head, *lines = connection.recv(65536).decode().split("\r\n")
        path = head.split()[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        self.requests.append(("1.1", path, headers))
        body = self.plain.get(path)
        status = b"404 Not Found" if body is None else b"200 OK"
        connection.sendall(
            b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (status, len(body or b""), body or b"")
        )


@contextmanager
def serving(
    folder: Path, *names: str, offered: tuple[str, ...] = ("h2", "http/1.1")
) -> Iterator[Http2Server]:
    """A server for `names` that offers these protocols (RFC 7301), or none."""
    file = certificate(folder, *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if offered:
        context.set_alpn_protocols(list(offered))
    server = Http2Server(ssl.create_default_context(cafile=str(file)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not server.ended.is_set():
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=greet, args=(plain,)))
                threads[-1].start()

        def greet(plain: socket.socket) -> None:
            try:
                secure = context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
            else:
                server.converse(secure)

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield server
        server.ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for thread in threads:
            thread.join()


def unused(_: Any) -> None:
    """Answer nothing."""
