# SPDX-License-Identifier: GPL-3.0-or-later
"""Well-behaved clients: each keeps its connection, asks at its own pace, and comes again where the server hung up."""

from __future__ import annotations

import asyncio
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from benchmarks.traffic import bodies
from benchmarks.traffic.crowd import message

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ETAG = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)
_TOKEN = re.compile(r"<(?:\w+:)?sync-token>([^<]+)<")
_NAMES = re.compile(r"/([0-9a-f]{32}\.ics)<")
_ATTEMPTS = 4
_ACCEPTED = (200, 207, 304, 403)
"""403 means that a sync token is no longer valid. The client then starts a new synchronisation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who asks: username, app password, and the path of a feed."""

    username: str
    password: str
    feed: str

    @property
    def header(self) -> dict[str, str]:
        """The Authorization header."""
        credentials = b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}


@dataclass(kw_only=True, slots=True)
class Found:
    """What all clients saw: seconds of each answered request, and how many were answered with 503 and Retry-After, hung
    up on and asked again, and answered wrongly or not at all.
    """

    seconds: list[float] = field(default_factory=list)
    later: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)


class _HungUp(Exception):
    """The server closed the connection before the end of its answer."""


class Client:
    """One client of one calendar."""

    def __init__(self, port: int, login: Login, slug: str, found: Found, seed: int) -> None:
        self._port = port
        self._login = login
        self._calendar = PurePosixPath("/dav", login.username, slug)
        self._found = found
        self._random = random.Random(seed)  # noqa: S311
        self._token = self._etag = ""
        self._names: Sequence[str] = ()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, pause: float, is_over: Callable[[], bool]) -> None:
        """Ask until the course is over, on average once in `pause` seconds."""
        kinds = (self._ctag, self._sync, self._multiget, self._subscribed, self._home)
        while not is_over():
            await asyncio.sleep(self._random.uniform(0, 2 * pause))
            (kind,) = self._random.choices(kinds, weights=(40, 35, 10, 10, 5))
            await kind()
        self._close()

    async def _ctag(self) -> None:
        await self._dav("PROPFIND", "0", bodies.propfind(bodies.CTAG))

    async def _home(self) -> None:
        path = f"{self._calendar.parent}/"
        await self._dav("PROPFIND", "1", bodies.propfind(bodies.HOME), path=path)

    async def _sync(self) -> None:
        text = (await self._dav("REPORT", "1", bodies.sync(self._token))).decode()
        tokens = _TOKEN.findall(text)
        self._token = tokens[-1] if tokens else ""
        self._names = [*_NAMES.findall(text), *self._names][:20]

    async def _multiget(self) -> None:
        names = self._random.sample(list(self._names), min(10, len(self._names)))
        if names:
            await self._dav("REPORT", "1", bodies.multiget(f"{self._calendar}/", names))

    async def _subscribed(self) -> None:
        head, _ = await self._ask(message("GET", self._login.feed, {"If-None-Match": self._etag or '"none"'}))
        etag = _ETAG.search(head)
        self._etag = etag[1].decode() if etag else self._etag

    async def _dav(self, method: str, depth: str, body: str, path: str = "") -> bytes:
        headers = {**self._login.header, **bodies.XML, "Depth": depth}
        _, answer = await self._ask(message(method, path or f"{self._calendar}/", headers, body))
        return answer

    async def _ask(self, asked: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer. Both are empty if there was no answer."""
        began = time.perf_counter()
        for _ in range(_ATTEMPTS):
            try:
                head, body = await self._exchange(asked)
            except (OSError, asyncio.IncompleteReadError, _HungUp):
                self._close()
                self._found.again += 1
                await asyncio.sleep(0.05)
                continue
            self._note(asked, head, time.perf_counter() - began)
            return head, body
        self._found.wrong.append(f"no answer to {_line(asked)}")
        return b"", b""

    def _note(self, asked: bytes, head: bytes, seconds: float) -> None:
        status = _HEAD.match(head)
        number = int(status[1]) if status else 0
        self._found.seconds.append(seconds)
        if number == 503 and b"\r\nretry-after:" in head.lower():
            self._found.later += 1
        elif number not in _ACCEPTED:
            self._found.wrong.append(f"{number} to {_line(asked)}")

    async def _exchange(self, asked: bytes) -> tuple[bytes, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length and b" 304 " not in head[:15] else b""
        if b"\r\nconnection: close" in head.lower():
            self._close()
        return head, body

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _line(asked: bytes) -> str:
    """Method and path; a feed's path is left out, since it is a secret."""
    method, path, *_ = asked.decode().split(" ", 2)
    return f"{method} {'a feed' if path.startswith('/feeds/') else path}"
