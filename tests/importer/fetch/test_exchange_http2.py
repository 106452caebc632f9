# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches over HTTP/2 (RFC 9113): used where it is offered, and whatever goes wrong with it is either made good over
HTTP/1.1 or a failure with its reason.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, FetchResult, fetch
from importer.fetch.policy import FetchPolicy
from tests.importer.certificates import certificate
from tests.importer.http2 import Exchange, Http2Server, Play, serving, unused
from tests.server.running import free_port

pytestmark = pytest.mark.usefixtures("resolver")
POLICY = FetchPolicy(allow=Exemptions.parse(["127.0.0.1"]), deadline=10)
CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
HALF = CALENDAR[:20]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Http2Server]:
    with serving(tmp_path) as running:
        yield running


def get(server: Http2Server, path: str = "/a", policy: FetchPolicy = POLICY) -> FetchResult:
    return fetch(FetchRequest(url=server.url(path)), replace(policy, trust=server.trust))


def failure(server: Http2Server, policy: FetchPolicy = POLICY) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        get(server, policy=policy)
    return caught.value


def test_http2_is_used_where_it_is_offered(server: Http2Server) -> None:
    server.plays["/a"] = lambda it: it.says(CALENDAR, ("etag", '"1"'), ("content-type", "text/calendar"))
    answer = get(server)
    assert (answer.body, answer.etag, answer.http_version) == (CALENDAR, '"1"', "HTTP/2")
    assert server.versions == ["2"]


@pytest.mark.parametrize("offered", [("http/1.1",), ()])
def test_http_1_1_is_spoken_with_a_server_that_offers_nothing_newer(
    tmp_path: Path, offered: tuple[str, ...]
) -> None:
    with serving(tmp_path, offered=offered) as server:
        server.plain["/a"] = CALENDAR
        answer = get(server)
    assert (answer.body, answer.http_version, server.versions) == (CALENDAR, "HTTP/1.1", ["1.1"])


def test_a_large_calendar_comes_whole_through_the_flow_control(server: Http2Server) -> None:
    body = CALENDAR + bytes(3_000_000)

    def play(it: Exchange) -> None:
        it.headed()
        left = memoryview(body)
        while left:
            while not (room := min(it.wire.local_flow_control_window(it.stream), 16_384, len(left))):
                it.wire.receive_data(it.socket.recv(65536))
            it.wire.send_data(it.stream, bytes(left[:room]))
            it.flush()
            left = left[room:]
        it.wire.end_stream(it.stream)

    server.plays["/a"] = play
    assert get(server).body == body


def test_a_redirect_on_the_same_connection_is_followed(server: Http2Server) -> None:
    server.plays["/a"] = lambda it: it.says(b"gone", ("location", "/b"), status="302")
    server.plays["/b"] = lambda it: it.says(CALENDAR)
    assert get(server).body == CALENDAR
    assert server.versions == ["2", "2"]


def go_away(last: int, error: int) -> bytes:
    return struct.pack(">II", last, error)


def graceful(it: Exchange) -> None:
    """A server that is restarted finishes what it has begun (section 6.8)."""
    it.headed()
    it.wire.send_data(it.stream, HALF)
    it.flush()
    it.frame(7, 0, go_away(it.stream, 0), stream=0)
    it.wire.send_data(it.stream, CALENDAR[20:], end_stream=True)
    it.flush()


def half_then(kind: int, payload: bytes, *, stream: int | None = None) -> Play:
    def play(it: Exchange) -> None:
        it.headed()
        it.wire.send_data(it.stream, HALF)
        it.flush()
        it.frame(kind, 0, payload, stream=stream)

    return play


def length_lie(length: int) -> Play:
    def play(it: Exchange) -> None:
        it.headed(("content-length", str(length)))
        it.frame(0, 1, CALENDAR)

    return play


def hung_up(it: Exchange) -> None:
    it.headed()
    it.frame(0, 0, HALF)
    it.socket.shutdown(socket.SHUT_RDWR)


def not_http2(it: Exchange) -> None:
    it.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    it.socket.shutdown(socket.SHUT_RDWR)


REFUSALS: dict[str, Play] = {
    "goaway, nothing processed": lambda it: it.frame(7, 0, go_away(0, 0), stream=0),
    "goaway, internal error": lambda it: it.frame(7, 0, go_away(it.stream, 2), stream=0),
    "goaway, graceful": graceful,
    "goaway amid the body": half_then(7, go_away(0, 11), stream=0),
    "reset, refused stream": lambda it: it.frame(3, 0, struct.pack(">I", 7)),
    "reset, HTTP/1.1 required": lambda it: it.frame(3, 0, struct.pack(">I", 13)),
    "reset amid the body": half_then(3, struct.pack(">I", 2)),
    "reset of no length": lambda it: it.frame(3, 0, b""),
    "frame too large": lambda it: it.frame(0, 0, bytes(20_000)),
    "frame too large amid the body": half_then(0, bytes(20_000)),
    "content longer than announced": length_lie(5),
    "content shorter than announced": length_lie(5000),
    "headers that do not unpack": lambda it: it.frame(1, 4, b"\xff\xff\xff\xff\xff\xff\xff"),
    "no status": lambda it: it.frame(1, 4, b"\0\5:statuX"),
    "status that is no number": lambda it: it.frame(1, 4, b"\0\7:status\3abc"),
    "data before headers": lambda it: it.frame(0, 1, CALENDAR),
    "settings that make no sense": lambda it: it.frame(4, 0, struct.pack(">HI", 4, 2**32 - 1), stream=0),
    "window beyond all bounds": lambda it: it.frame(8, 0, struct.pack(">I", 2**31 - 1), stream=0),
    "push that was forbidden": lambda it: it.frame(5, 4, b"\0\0\0\2\x82"),
    "hung up amid the body": hung_up,
    "not HTTP/2": not_http2,
}


@pytest.mark.parametrize("play", REFUSALS.values(), ids=REFUSALS)
def test_what_fails_over_http2_is_tried_once_over_http_1_1(server: Http2Server, play: Play) -> None:
    server.plays["/a"] = play
    server.plain["/a"] = CALENDAR
    assert get(server).http_version == "HTTP/1.1"
    assert server.versions == ["2", "1.1"]


def test_a_server_that_fails_over_both_is_asked_no_more(server: Http2Server) -> None:
    server.plays["/a"] = graceful
    assert failure(server).reason == "http-404"
    assert server.versions == ["2", "1.1"]


def test_a_refusal_over_http2_is_final(server: Http2Server) -> None:
    server.plays["/a"] = lambda it: it.says(b"", ("retry-after", "60"), status="503")
    error = failure(server)
    assert (error.reason, error.retry_after, server.versions) == ("http-5xx", 60, ["2"])


def flood(kind: int, flags: int, payload: bytes, *, stream: int | None = 0) -> Play:
    """Frames that lead nowhere, for as long as somebody listens."""

    def play(it: Exchange) -> None:
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
        many = (head + (it.stream if stream is None else stream).to_bytes(4, "big") + payload) * 1000
        it.socket.settimeout(5)
        while not it.ended.is_set():
            it.socket.sendall(many)

    return play


def headed_flood(kind: int, payload: bytes) -> Play:
    def play(it: Exchange) -> None:
        it.headed()
        flood(kind, 0, payload, stream=None)(it)

    return play


FLOODS: dict[str, Play] = {
    "settings": flood(4, 0, b""),
    "pings": flood(6, 0, bytes(8)),
    "priorities": flood(2, 0, struct.pack(">IB", 0, 16), stream=None),
    "window updates": flood(8, 0, struct.pack(">I", 1)),
    "unknown frames": flood(99, 0, bytes(64)),
    "continuations": flood(9, 0, b"\0\1a\1b", stream=None),
    "interim answers": flood(1, 4, b"\x08\3103", stream=None),
    "empty data": headed_flood(0, b""),
    "padding": headed_flood(0, bytes(100)),
}


@pytest.mark.parametrize("play", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_frames_ends(server: Http2Server, play: Play) -> None:
    server.plays["/a"] = play
    error = failure(server, replace(POLICY, deadline=0.5, max_bytes=50_000))
    assert error.reason in ("too-large", "timeout", "http-404")


def test_a_server_that_falls_silent_over_http2_is_cut_off_at_the_deadline(server: Http2Server) -> None:
    server.plays["/a"] = unused
    assert failure(server, replace(POLICY, deadline=0.5)).reason == "timeout"
    assert server.versions == ["2"]


def test_a_bomb_over_http2_is_too_large(server: Http2Server) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    server.plays["/a"] = lambda it: it.says(bomb, ("content-encoding", "gzip"))
    assert failure(server, replace(POLICY, max_bytes=1_000_000)).reason == "too-large"


def test_header_values_that_http_1_1_could_not_hold_are_left_out(server: Http2Server) -> None:
    server.plays["/a"] = lambda it: it.says(
        CALENDAR, ("etag", '"a\r\nb\0"'), ("content-type", "text/cal\0endar\r\nx: y; charset=\0utf-8")
    )
    answer = get(server)
    assert (answer.etag, answer.content_type, answer.body) == (None, None, CALENDAR)


_APPLICATION = """
import gzip
def application(environ, start_response):
    body = gzip.compress(b"BEGIN:VCALENDAR\\r\\nVERSION:2.0\\r\\nEND:VCALENDAR\\r\\n")
    same = environ.get("HTTP_IF_NONE_MATCH") == '"1"'
    start_response("304 Not Modified" if same else "200 OK", [("ETag", '"1"'), ("Content-Encoding", "gzip")])
    return [] if same else [body]
"""


@pytest.mark.parametrize(("spoken", "version"), [("auto", "HTTP/2"), ("1", "HTTP/1.1")])
def test_a_server_in_production_is_understood(tmp_path: Path, spoken: str, version: str) -> None:
    """granian, whose HTTP/2 is not of the library that the importer's is of."""
    (tmp_path / "served.py").write_text(_APPLICATION)
    file = certificate(tmp_path)
    port = free_port()
    command = [
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--http",
        spoken,
    ]
    command += ["--ssl-certificate", str(file), "--ssl-keyfile", str(file), "served:application"]
    child = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, *command], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    policy = replace(POLICY, trust=ssl.create_default_context(cafile=str(file)))
    url = f"https://calendar.test:{port}/a"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = fetch(FetchRequest(url=url), policy)
                break
            except FetchFailed:
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert (answer.body, answer.etag, answer.http_version) == (CALENDAR, '"1"', version)
        again = fetch(FetchRequest(url=url, etag=answer.etag), policy)
        assert (again.status, again.http_version) == ("unchanged", version)
    finally:
        child.terminate()
        child.wait(20)
