# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that do not arrive keep nobody else waiting, and end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import fixtures
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving, status

database = fixtures.sqlite_alone
Configured = Callable[[Sections], Running]
QUICK: Sections = {"server": {"body_timeout": "3s", "threads": "4"}}
MANY = 24
COUNTED = head("PROPFIND", "/dav/", "Content-Length: 9\r\n") + b"<"
CHUNKED = head("PROPFIND", "/dav/", "Transfer-Encoding: chunked\r\n") + b"1\r\n<\r\n"


def _everything_else_goes_on(served: Served) -> None:
    assert b"ok" in served.get("/healthz")
    assert b"ready" in served.get("/readyz"), "which is answered by a thread"


@pytest.mark.parametrize("beginning", [COUNTED, CHUNKED], ids=["counted", "chunked"])
def test_bodies_that_do_not_arrive_stop_nobody(
    configured: Configured, people: dict[str, int], tmp_path: Path, beginning: bytes
) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(configured(QUICK), tmp_path))
        slow = [stack.enter_context(served.connect()) for _ in range(MANY)]
        for connection in slow:
            connection.sendall(beginning)
        _everything_else_goes_on(served)
        assert {status(connection) for connection in slow} == {408}
        assert {connection.recv(4096)[-1:] for connection in slow} <= {b"\n", b""}
        assert {connection.recv(4096) for connection in slow} == {b""}, "and they are hung up on"


def test_a_body_that_trickles_is_given_up(
    configured: Configured, people: dict[str, int], tmp_path: Path
) -> None:
    with serving(configured({"server": {"body_rate": "1KB"}}), tmp_path) as served, served.connect() as slow:
        login = served.login("anna")
        slow.sendall(head("PROPFIND", "/dav/anna/", login, "Content-Length: 60000\r\n"))
        slow.settimeout(0.2)
        began = time.monotonic()
        while time.monotonic() - began < 3 * PATIENCE:
            slow.sendall(b" ")
            try:
                answer = slow.recv(4096)
            except TimeoutError:
                continue
            assert answer.startswith(b"HTTP/1.1 408")
            return
        pytest.fail("an octet five times a second was enough")


def test_a_body_in_parts_is_one_request(
    configured: Configured, people: dict[str, int], tmp_path: Path
) -> None:
    body = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
    with serving(configured({}), tmp_path) as served:
        for chunked in (False, True):
            with served.connect() as client:
                length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
                client.sendall(
                    head("PROPFIND", "/dav/anna/", served.login("anna"), "Depth: 0\r\n", f"{length}\r\n")
                )
                for start in range(0, len(body), 7):
                    part = body[start : start + 7]
                    client.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                    time.sleep(0.01)
                client.sendall(b"0\r\n\r\n" if chunked else b"")
                assert status(client) == 207


def test_a_server_with_slow_bodies_ends_when_told(
    configured: Configured, people: dict[str, int], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(serving(configured({}), tmp_path))
        for _ in range(MANY):
            stack.enter_context(served.connect()).sendall(COUNTED)
        assert b"ok" in served.get("/healthz")
        served.child.send_signal(signal.SIGTERM)
        assert served.child.wait(PATIENCE) == 0
