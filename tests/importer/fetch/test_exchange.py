# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, FetchResult, fetch, target
from importer.fetch.policy import FetchPolicy

POLICY = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1"]), deadline=10)
CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
MARK = "S3CRET"


def get(url: str, policy: FetchPolicy = POLICY, **validators: str) -> FetchResult:
    return fetch(FetchRequest(url=url, **validators), policy)


def failure(url: str, policy: FetchPolicy = POLICY) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        get(url, policy)
    assert MARK not in str(caught.value)
    return caught.value


def test_a_calendar_comes_with_its_validators_and_charset(server: Any) -> None:
    url = server.says(
        "/a.ics",
        200,
        CALENDAR,
        etag='"v1"',
        last_modified="Sat, 01 Aug 2026 00:00:00 GMT",
        content_type="text/calendar; charset=ISO-8859-1",
    )
    answer = get(url)
    assert answer == FetchResult(
        status="fetched",
        body=CALENDAR,
        etag='"v1"',
        last_modified="Sat, 01 Aug 2026 00:00:00 GMT",
        content_type="text/calendar",
        charset="iso-8859-1",
        http_version="HTTP/1.0",
        host="127.0.0.1",
        milliseconds=answer.milliseconds,
    )


def test_the_request_names_the_program_and_carries_nothing_of_the_environment(
    server: Any, monkeypatch: pytest.MonkeyPatch, canary: Any
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    server.says("/b.ics", 200, CALENDAR)
    url = server.says("/a.ics", 302, location="/b.ics", set_cookie="session=1")
    get(url, replace(POLICY, user_agent="Agent/9"))
    for _, headers in server.requests:
        assert headers["user-agent"] == "Agent/9"
        assert "cookie" not in headers
        assert "authorization" not in headers
    assert not canary.touched


def test_an_unchanged_calendar_is_asked_for_conditionally(server: Any) -> None:
    url = server.says("/a.ics", 304)
    answer = get(url, etag='W/"1"', last_modified="Sat, 01 Aug 2026 00:00:00 GMT")
    assert (answer.status, answer.body, answer.etag) == ("unchanged", b"", 'W/"1"')
    headers = server.requests[0][1]
    assert headers["if-none-match"] == 'W/"1"'
    assert headers["if-modified-since"] == "Sat, 01 Aug 2026 00:00:00 GMT"


def test_a_304_that_nobody_asked_for_is_a_failure(server: Any) -> None:
    assert failure(server.says("/a.ics", 304)).reason == "http-other"


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [
        (401, "reconnect", True), (403, "http-403", False), (404, "http-404", False), (410, "http-410", True),
        (429, "http-429", False), (500, "http-5xx", False), (503, "http-5xx", False),
        (204, "http-other", False),
        (418, "http-other", False),
    ],
)  # fmt: skip
def test_every_refusal_has_its_reason(server: Any, status: int, reason: str, permanent: bool) -> None:
    error = failure(server.says(f"/{MARK}.ics?key={MARK}", status))
    assert (error.reason, error.permanent) == (reason, permanent)
    assert "127.0.0.1" in error.message


def test_retry_after_is_seconds_or_a_date(server: Any) -> None:
    assert failure(server.says("/a", 503, retry_after="120")).retry_after == 120
    assert failure(server.says("/b", 429, retry_after="9" * 30)).retry_after == 86400
    assert failure(server.says("/c", 503, retry_after="soon")).retry_after is None
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)
    wait = failure(server.says("/d", 503, retry_after=later)).retry_after
    assert wait is not None
    assert 3000 < wait <= 3600


def test_compressed_answers_are_unpacked(server: Any) -> None:
    assert get(server.says("/a", 200, gzip.compress(CALENDAR), content_encoding="gzip")).body == CALENDAR


def test_a_compression_bomb_is_too_large(server: Any) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    url = server.says("/a", 200, bomb, content_encoding="gzip")
    assert failure(url, replace(POLICY, max_bytes=1_000_000)).reason == "too-large"


def test_a_body_that_does_not_unpack_is_told_apart(server: Any) -> None:
    assert failure(server.says("/a", 200, b"plain", content_encoding="gzip")).reason == "encoding"


@pytest.mark.parametrize("announced", [True, False])
def test_an_oversized_body_is_given_up(server: Any, announced: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if announced:
            handler.send_header("Content-Length", "999999999999")
        handler.end_headers()
        while not server.released.is_set():
            handler.wfile.write(b"x" * 65536)

    server.answers["/a"] = answer
    assert failure(server.url("/a"), replace(POLICY, max_bytes=500_000)).reason == "too-large"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_truncated_body_is_a_failure(server: Any, chunked: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"21\r\n" + CALENDAR + b"\r\n")
        else:
            handler.send_header("Content-Length", "10000")
            handler.end_headers()
            handler.wfile.write(CALENDAR)
        handler.close_connection = True

    server.answers["/a"] = answer
    assert failure(server.url("/a")).reason == "truncated"


@pytest.mark.parametrize("part", ["silent", "headers", "body"])
def test_a_server_that_drips_for_ever_is_cut_off_at_the_deadline(server: Any, part: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if part != "silent":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n")
        if part == "body":
            handler.wfile.write(b"\r\n")
        while part != "silent" and not server.released.wait(0.05):
            handler.wfile.write(b"x: y\r\n"[:6] if part == "headers" else b"x")
        server.released.wait()

    server.answers["/a"] = answer
    assert failure(server.url("/a"), replace(POLICY, deadline=0.5)).reason == "timeout"


def test_what_is_not_http_and_what_does_not_listen_is_a_connection_failure(server: Any, canary: Any) -> None:
    server.answers["/a"] = lambda handler: handler.wfile.write(b"220 ftp ready\r\n")
    assert failure(server.url("/a")).reason == "connection"
    canary.listening.close()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert failure(f"http://127.0.0.1:{bound.getsockname()[1]}/").reason == "connection"


def test_redirects_are_followed_up_to_five_times(server: Any) -> None:
    for hop in range(6):
        server.says(f"/{hop}", 307, location=f"/{hop + 1}")
    server.says("/6", 200, CALENDAR)
    assert get(server.url("/1")).body == CALENDAR
    assert failure(server.url("/0")).reason == "too-many-redirects"


def test_a_redirect_in_a_circle_ends(server: Any) -> None:
    assert failure(server.says("/a", 302, location="/a")).reason == "too-many-redirects"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://example.com/a", "scheme"), ("file:///etc/passwd", "scheme"), ("gopher://x/", "scheme"),
        ("webcal://example.com/", "scheme"), ("http://user:pw@127.0.0.1/", "url"),
        ("http://a\\@127.0.0.1/", "url"), ("//[::1/", "url"), ("//xn--/", "url"), ("//xn--xn--a/", "url"),
    ],
)  # fmt: skip
def test_a_redirect_elsewhere_than_to_a_plain_address_is_refused(
    server: Any, location: str, reason: str
) -> None:
    assert failure(server.says("/a", 302, location=location)).reason == reason


def test_a_redirect_to_a_private_address_is_refused_unconnected(server: Any, canary: Any) -> None:
    url = server.says("/a", 302, location=f"http://127.0.0.2:{canary.port}/")
    assert failure(url, replace(POLICY, ports=frozenset({canary.port}))).reason == "refused-address"
    assert not canary.touched


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "localhost.",
        "LOCALHOST",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1]", "0.0.0.0", "0",  # noqa: S104
    ],
)  # fmt: skip
def test_no_spelling_of_loopback_is_connected_to(canary: Any, host: str) -> None:
    policy = FetchPolicy(allow_http=True, ports=frozenset({canary.port}), deadline=10)
    error = failure(f"http://{host}:{canary.port}/{MARK}", policy)
    assert error.reason in ("refused-address", "dns", "url")
    assert not canary.touched


@pytest.mark.parametrize(
    "url",
    [
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "http://\u2460\u2461\u2466.0.0.1/",
        "http://a\\@127.0.0.1/", "http://127.0.0.1\t/",
        "http://127.0.0.1\n/", "http://example.com@127.0.0.1/", "http://:pw@127.0.0.1/", "http://", "https:///x",
        "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "127.0.0.1", "", "http://[::1", "http://a b/",
        "https://xn--/", "https://xn--a/", "https://xn--http:///",
    ],
)  # fmt: skip
def test_addresses_with_tricks_are_refused_before_any_look_up(url: str, resolver: Any) -> None:
    with pytest.raises(FetchFailed) as caught:
        get(url)
    assert caught.value.reason in ("url", "scheme")
    assert resolver.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "data:text/calendar,BEGIN",
        "ftp://example.com/",
        "javascript:1",
        "http://example.com/",
    ],
)
def test_only_https_is_fetched_unless_http_is_allowed(url: str) -> None:
    assert failure(url, FetchPolicy()).reason in ("scheme", "url")


def test_webcal_means_https() -> None:
    for scheme in ("webcal", "webcals", "WEBCAL"):
        assert (
            str(target(f" {scheme}://example.com/a.ics?x=1#y ", FetchPolicy()))
            == "https://example.com/a.ics?x=1"
        )


@pytest.mark.parametrize("port", [22, 25, 6379])
def test_odd_ports_are_refused(resolver: Any, port: int) -> None:
    resolver.answers = [["8.8.8.8"]]
    assert failure(f"https://example.com:{port}/{MARK}", FetchPolicy()).reason == "port"


def test_one_private_address_among_public_ones_is_enough_to_refuse(resolver: Any, canary: Any) -> None:
    resolver.answers = [["8.8.8.8", "127.0.0.1"]]
    policy = FetchPolicy(allow_http=True, ports=frozenset({canary.port}))
    assert failure(f"http://rebind.test:{canary.port}/", policy).reason == "refused-address"
    assert not canary.touched


def test_the_connection_goes_to_the_address_that_was_checked(server: Any, resolver: Any) -> None:
    resolver.answers = [["127.0.0.1"], ["127.0.0.2"]]
    server.says("/a", 200, CALENDAR)
    assert get(f"http://calendar.test:{server.port}/a").body == CALENDAR
    assert resolver.asked == ["calendar.test"]
    assert server.requests[0][1]["host"] == f"calendar.test:{server.port}"


@pytest.mark.usefixtures("resolver")
def test_an_exempt_host_is_reached_by_name_only(server: Any) -> None:
    server.says("/a", 200, CALENDAR)
    policy = replace(POLICY, allow=Exemptions.parse(["calendar.intranet"]))
    assert get(f"http://calendar.intranet:{server.port}/a", policy).body == CALENDAR
    assert failure(f"http://other.intranet:{server.port}/a", policy).reason == "port"


def test_a_name_that_does_not_resolve_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert failure("https://nowhere.invalid/").reason == "dns"


def test_a_resolver_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        hanging.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert failure("https://slow.test/", replace(POLICY, deadline=0.2)).reason == "timeout"
    hanging.set()


def test_the_address_is_in_no_repr() -> None:
    assert MARK not in repr(FetchRequest(url=f"https://example.com/{MARK}"))


@pytest.fixture
def chatter() -> Iterator[socket.socket]:
    """A port that answers the TLS greeting with something else."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening
        thread.join()


def test_https_with_a_server_that_speaks_plain_http_is_a_tls_failure(chatter: socket.socket) -> None:
    assert failure(f"https://127.0.0.1:{chatter.getsockname()[1]}/{MARK}").reason == "tls"
