# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does not say who he is, or not truly, sends no large body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import fixtures
from tests.server.running import Running, Sections
from tests.server.serving import Served, head, serving, status

database = fixtures.sqlite_alone
LARGE = "Content-Length: 9000000\r\n"
PATHS = [
    ("PROPFIND", "/dav/anna/"),
    ("REPORT", "/dav/anna/jobs/"),
    ("PROPPATCH", "/dav/anna/jobs/"),
    ("PUT", "/dav/anna/jobs/x.ics"),
    ("POST", "/dav/anna/outbox/"),
    ("PROPFIND", "/"),
    ("POST", "/api/v1/blockers"),
]


@pytest.fixture
def served(
    configured: Callable[[Sections], Running], people: dict[str, int], tmp_path: Path
) -> Iterator[Served]:
    with serving(configured({}), tmp_path) as started:
        yield started


@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
def test_nobody_is_asked_for_his_name_before_his_body(served: Served, chunked: bool) -> None:
    for method, path in PATHS:
        with served.connect() as client:
            client.sendall(head(method, path, "Transfer-Encoding: chunked\r\n" if chunked else LARGE))
            if chunked:
                client.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
            # No more of the body is sent: an answer that waits for it does not come.
            assert status(client) == 401, (method, path)


def test_a_wrong_password_is_refused_before_the_body(served: Served) -> None:
    for method, path in PATHS:
        login = (
            served.login("anna", "wrong")
            if not path.startswith("/api/")
            else "Authorization: Bearer dsk_x\r\n"
        )
        with served.connect() as client:
            client.sendall(head(method, path, login, LARGE))
            assert status(client) in (401, 429), (method, path)


def test_the_right_password_is_asked_for_the_body(served: Served) -> None:
    body = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>' + b" " * 100_000
    with served.connect() as client:
        client.sendall(
            head(
                "PROPFIND", "/dav/anna/", served.login("anna"), f"Depth: 0\r\nContent-Length: {len(body)}\r\n"
            )
        )
        client.sendall(body)
        assert status(client) == 207


def test_a_small_body_without_a_name_is_read(served: Served) -> None:
    body = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
    with served.connect() as client:
        for _ in range(2):
            client.sendall(head("PROPFIND", "/dav/anna/", f"Content-Length: {len(body)}\r\n") + body)
            assert status(client) == 401, "and the connection can be used again"
            client.settimeout(60)
