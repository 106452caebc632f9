# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in XML survive a client that decodes each piece from the network by itself, as Thunderbird does."""

from __future__ import annotations

import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.dav.xml import octets
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client, D, calendar_query, propfind, proppatch
from tests.server.running import Running, granian

database = fixtures.sqlite_alone
JOBS = "/dav/anna/jobs/"
SEGMENT = 1448
"""Octets of a TCP segment on an ordinary network."""
NAME = "Größe Ünal Çelik \U0001f600 Жук"


@contextmanager
def proxy(port: int) -> Iterator[int]:
    """Passes one request on, and its answer back in pieces of `SEGMENT`."""

    def work() -> None:
        near, _ = listener.accept()
        with near, socket.create_connection(("127.0.0.1", port), timeout=30) as far:
            near.settimeout(30)
            request = b""
            while not _whole(request):
                request += near.recv(65536)
            far.sendall(request)
            while piece := far.recv(SEGMENT, socket.MSG_WAITALL):
                near.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(30)


def _whole(request: bytes) -> bool:
    head, separator, body = request.partition(b"\r\n\r\n")
    lengths = [
        int(it.split(b":")[1]) for it in head.lower().split(b"\r\n") if it.startswith(b"content-length:")
    ]
    return bool(separator) and len(body) >= sum(lengths)


def as_thunderbird(port: int, method: str, client: Client, body: str, depth: str) -> str:
    """The body of an answer, each segment decoded by a decoder of its own."""
    content = body.encode()
    head = (
        f"{method} {JOBS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nDepth: {depth}\r\n"
        f"Authorization: {client.authorization}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + content)
        segments = []
        while piece := connection.recv(SEGMENT, socket.MSG_WAITALL):
            segments.append(piece)
    assert segments[0].startswith(b"HTTP/1.1 207"), segments[0]
    segments[0] = segments[0].partition(b"\r\n\r\n")[2]
    return "".join(piece.decode("utf-8", "replace") for piece in segments)


@pytest.mark.parametrize("fast", ["on", "off"])
def test_no_character_is_torn_between_two_segments(
    configured: object, dispatch: Dispatch, people: dict[str, int], tmp_path: Path, fast: str
) -> None:
    assert callable(configured)
    for number in range(40):
        dispatch.job(people["anna"], organisation="x" * (number % 7) + NAME * 8)
    running: Running = configured({"server": {"fast_answers": fast}})
    client = running.client("anna")
    with granian(running, tmp_path / "log") as url, proxy(urlsplit(url).port or 0) as port:
        body = as_thunderbird(port, "REPORT", client, calendar_query('<C:comp-filter name="VEVENT"/>'), "1")
    assert "\ufffd" not in body
    found = [it.text or "" for it in ET.fromstring(body).iter(f"{C}calendar-data")]  # noqa: S314 (our own text)
    assert len(found) == 40
    assert all(NAME * 8 in it.replace("\r\n ", "").replace("\n ", "") for it in found)


@pytest.mark.parametrize("fast", ["on", "off"])
class TestAscii:
    @pytest.fixture
    def anna(self, configured: object, dispatch: Dispatch, people: dict[str, int], fast: str) -> Client:
        assert callable(configured)
        dispatch.job(people["anna"], organisation=NAME)
        running: Running = configured({"server": {"fast_answers": fast}})
        return running.client("anna")

    def test_every_answer_in_xml_is_ascii(self, anna: Client) -> None:
        anna.request("PROPPATCH", JOBS, proppatch((f"{D}displayname", NAME)))
        for depth in ("0", "1"):
            answer = anna.propfind("/dav/anna/", f"{D}displayname", depth=depth)
            assert answer.body.isascii()
        assert answer.resources[JOBS].text(f"{D}displayname") == NAME
        allprop = '<propfind xmlns="DAV:"><allprop/></propfind>'
        assert anna.request("PROPFIND", JOBS, allprop, Depth="0").body.isascii()
        assert anna.query(JOBS, "").body.isascii()

    def test_a_name_that_is_not_ascii_is_answered_as_it_was_asked(self, anna: Client) -> None:
        for name in ("{urn:x}größe", "{urn:größe}x"):
            for depth in ("0", "1"):
                found = anna.request("PROPFIND", JOBS, propfind(name, f"{D}displayname"), Depth=depth)
                assert name in found.resources[JOBS].refused
            uri, _, local = name[1:].partition("}")
            body = calendar_query("", f'<{local} xmlns="{uri}"/>')
            answer = anna.report(JOBS, body)
            assert [name in it.refused for it in answer.resources.values()] == [True]
            patched = anna.request("PROPPATCH", JOBS, proppatch((name, "x")))
            assert name in patched.only.refused


def test_what_xml_cannot_carry_is_left_out() -> None:
    text = "a\x01\ufffeä\ud800\U0001f600b"
    assert octets(text) == b"a&#228;?&#128512;b"
