# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at one address who keeps a server busy: bodies that never end, documents too large, questions too many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from benchmarks.soak.polls import Login
from benchmarks.traffic.crowd import message

ADDRESS = "127.0.0.2"
"""Where all of it comes from; the whole of 127.0.0.0/8 is the loopback network."""
_SLOW = 8
_PATIENCE = 15.0
_UNKNOWN = "".join(f'<p{number} xmlns="urn:example:{number % 100}"/>' for number in range(20_000))
_HREFS = "".join(f"<href>/dav/x/jobs/{number:032x}.ics</href>" for number in range(100_000))
_FILTERS = "".join(f'<C:prop-filter name="X-{number}"/>' for number in range(20_000))
_CALDAV = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
_QUESTIONS: Mapping[str, tuple[str, str]] = {
    "unknown properties": ("PROPFIND", f'<propfind xmlns="DAV:"><prop>{_UNKNOWN}</prop></propfind>'),
    "many filters": (
        "REPORT",
        f"<C:calendar-query {_CALDAV}><prop/><C:filter><C:comp-filter name='VCALENDAR'>"
        f"<C:comp-filter name='VEVENT'>{_FILTERS}</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
    ),
    "many hrefs": ("REPORT", f"<C:calendar-multiget {_CALDAV}><prop/>{_HREFS}</C:calendar-multiget>"),
    "a few thousand hrefs": (
        "REPORT",
        f"<C:calendar-multiget {_CALDAV}><prop/>{_HREFS[: 44 * 4000]}</C:calendar-multiget>",
    ),
}
"""Requests with credentials."""


class Attacker:
    """All attacks at once. `answered` counts what became of them: the status, or that nothing came."""

    def __init__(self, port: int, login: Login) -> None:
        self._port = port
        self._login = login
        self.answered: Counter[str] = Counter()

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Attack until it is over."""
        home = f"/dav/{self._login.username}/jobs/"
        large = message("PROPFIND", "/dav/", {"Depth": "0"}, f"<propfind>{'<a/>' * 2_400_000}</propfind>")
        attacks = [self._loop(is_over, "slow body", self._slow(b"Content-Length: 9"))] * (_SLOW // 2)
        attacks += [self._loop(is_over, "slow chunks", self._slow(b"Transfer-Encoding: chunked"))] * (
            _SLOW // 2
        )
        attacks += [self._loop(is_over, "large, unknown", lambda: self._send(large))] * 2
        for name, (method, body) in _QUESTIONS.items():
            asked = message(method, home, {**self._login.header, "Depth": "1"}, body)
            attacks.append(self._loop(is_over, name, lambda asked=asked: self._send(asked)))
        await asyncio.gather(*(attack() for attack in attacks))

    def _loop(
        self, is_over: Callable[[], bool], name: str, attack: Callable[[], Awaitable[str]]
    ) -> Callable[[], Awaitable[None]]:
        async def again() -> None:
            while not is_over():
                try:
                    outcome = await asyncio.wait_for(attack(), _PATIENCE)
                except (OSError, asyncio.IncompleteReadError):
                    outcome = "hung up"
                except TimeoutError:
                    outcome = "waited"
                self.answered[f"{name}: {outcome}"] += 1
                await asyncio.sleep(0.1)

        return again

    def _slow(self, length: bytes) -> Callable[[], Awaitable[str]]:
        async def attack() -> str:
            first = b"2000\r\nx" if b"chunked" in length else b"x"
            head = b"PROPFIND /dav/ HTTP/1.1\r\nHost: x\r\nDepth: 0\r\n" + length + b"\r\n\r\n"
            return await self._send(head + first)

        return attack

    async def _send(self, asked: bytes) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(ADDRESS, 0))
        try:
            writer.write(asked)
            with suppress(ConnectionError):
                await writer.drain()
            return (await reader.readuntil(b"\r\n"))[9:12].decode()
        finally:
            writer.close()
