# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet serve` over a test's database, and clients that misbehave towards it on raw sockets."""

from __future__ import annotations

import base64
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.server.running import Running, free_port, process

PATIENCE = 10.0
"""Seconds that separate a server that goes on from one that waits for somebody (20 to 30 of them)."""
_COUNT = "Content-Length"


@dataclass
class Served:
    """A running `daysheet serve`."""

    port: int
    child: subprocess.Popen[bytes]
    log: Path
    running: Running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout: float = 60, receive_buffer: int | None = None) -> socket.socket:
        """A connection; with a small buffer it takes an answer in small parts."""
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(timeout)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def get(self, path: str, timeout: float = PATIENCE) -> bytes:
        """A GET that must succeed in time."""
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:  # noqa: S310 (our own URL)
            found: bytes = answer.read()
            return found

    def login(self, username: str, password: str | None = None) -> str:
        """An Authorization header line."""
        password = self.running.password(username) if password is None else password
        return f"Authorization: Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}\r\n"

    def workers(self) -> list[int]:
        """The process ids of its children (proc(5))."""
        pid = self.child.pid
        return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{''.join(lines)}\r\n".encode()


def status(connection: socket.socket) -> int:
    """The status of the answer that comes; 0 where the server hangs up without one."""
    received = b""
    while b"\r\n" not in received:
        try:
            part = connection.recv(4096)
        except ConnectionError:
            return 0
        if not part:
            return 0
        received += part
    return int(received.split()[1])


@contextmanager
def serving(running: Running, folder: Path, *options: str) -> Iterator[Served]:
    """`daysheet serve` until the block ends."""
    port, log = free_port(), folder / "serve.log"
    command = ["-m", "server.cli", "serve", "--port", str(port), *options]
    given = {"DAYSHEET_CONFIG": str(running.settings.source)}
    with process(command, f"http://127.0.0.1:{port}/healthz", log, given) as child:
        yield Served(port, child, log, running)
