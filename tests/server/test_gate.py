# SPDX-License-Identifier: GPL-3.0-or-later
"""What every request passes first."""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any

import pytest

from scheduling.config import ini
from server.gate import Refused, admit

PROXIES = ini.networks("10.0.0.0/8, 2001:db8::/32")


def environ(**changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "203.0.113.1",
        "HTTP_HOST": "here",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        **changes,
    }


def passed(**changes: Any) -> dict[str, Any]:
    return admit(environ(**changes), max_body=100, trusted=PROXIES)


def refusal(**changes: Any) -> HTTPStatus:
    with pytest.raises(Refused) as caught:
        passed(**changes)
    return caught.value.status


def test_the_process_environment_does_not_get_in() -> None:
    clean = passed(
        PATH="/bin", DAYSHEET_SECURITY_KEY="hunter2", REMOTE_USER="anna", HTTPS="on", SSL_CLIENT_S_DN="x"
    )
    assert not {"PATH", "DAYSHEET_SECURITY_KEY", "REMOTE_USER", "HTTPS", "SSL_CLIENT_S_DN"} & set(clean)


def test_the_request_itself_is_left_alone() -> None:
    before = environ(PATH_INFO="/x", HTTP_X_FORWARDED_FOR="198.51.100.1")
    copy = dict(before)
    admit(before, max_body=100, trusted=PROXIES)
    assert before == copy


@pytest.mark.parametrize(
    "name",
    [
        "HTTP_X_SCRIPT_NAME",
        "HTTP_X_REMOTE_USER",
        "HTTP_REMOTE_USER",
        "HTTP_X_REMOTE_ADDR",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_FORWARDED_SERVER",
    ],
)
def test_a_stranger_is_not_believed(name: str) -> None:
    clean = passed(**{name: "https"})
    assert name not in clean
    assert (clean["REMOTE_ADDR"], clean["wsgi.url_scheme"], clean["HTTP_HOST"]) == (
        "203.0.113.1",
        "http",
        "here",
    )


def test_a_trusted_proxy_is_believed() -> None:
    clean = passed(
        REMOTE_ADDR="10.1.2.3",
        HTTP_X_FORWARDED_FOR="198.51.100.1",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="calendar.example.com",
        HTTP_X_SCRIPT_NAME="/x",
    )
    assert (clean["REMOTE_ADDR"], clean["wsgi.url_scheme"], clean["HTTP_HOST"]) == (
        "198.51.100.1",
        "https",
        "calendar.example.com",
    )
    assert not any(name.startswith(("HTTP_X_FORWARDED", "HTTP_X_SCRIPT")) for name in clean)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.1, nonsense", "10.1.2.3"),
        ("nonsense, 198.51.100.1", "198.51.100.1"),
        ("", "10.1.2.3"),
        ("10.0.0.7", "10.0.0.7"),
        ("2a00::1, 2001:db8::2", "2a00::1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(forwarded: str, address: str) -> None:
    assert passed(REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_FOR=forwarded)["REMOTE_ADDR"] == address


@pytest.mark.parametrize(
    "path", ["/..", "/../x", "/x/..", "/x/./y", "/x\\y", "/x\x00", "/x\r\ny", "/x\x7f", "/\xff\xfe"]
)
def test_a_path_that_is_a_trick_is_refused(path: str) -> None:
    assert refusal(PATH_INFO=path) == 400


def test_a_path_is_utf_8_and_not_endless() -> None:
    assert passed(PATH_INFO="/Ã¤")["PATH_INFO"] == "/ä"
    assert refusal(PATH_INFO="/" + "x" * 2048) == 414


@pytest.mark.parametrize(
    ("depth", "understood"),
    [("0", "0"), ("1", "1"), (" 1 ", "1"), ("Infinity", "infinity"), ("1,noroot", "1")],
)
def test_a_depth_is_understood_or_refused(depth: str, understood: str) -> None:
    assert passed(HTTP_DEPTH=depth)["HTTP_DEPTH"] == understood
    assert refusal(HTTP_DEPTH=f"{depth}x") == 400


def body(clean: dict[str, Any]) -> bytes:
    content: bytes = clean["wsgi.input"].read()
    return content


def test_a_body_is_read_whole_up_to_the_limit() -> None:
    for size in (0, 1, 100):
        content = b"x" * size
        assert body(passed(CONTENT_LENGTH=str(size), **{"wsgi.input": io.BytesIO(content)})) == content
    assert refusal(CONTENT_LENGTH="101") == 413
    assert refusal(CONTENT_LENGTH="5", **{"wsgi.input": io.BytesIO(b"xx")}) == 400


def test_a_body_without_a_length_is_measured() -> None:
    clean = passed(**{"wsgi.input": io.BytesIO(b"x" * 100)})
    assert (clean["CONTENT_LENGTH"], body(clean)) == ("100", b"x" * 100)
    assert refusal(**{"wsgi.input": io.BytesIO(b"x" * 101)}) == 413


def test_a_body_whose_end_is_not_known_is_not_read() -> None:
    assert body(passed(**{"wsgi.input": io.BytesIO(b"next request"), "wsgi.input_terminated": False})) == b""


@pytest.mark.parametrize("length", ["-1", "+5", "x", "1_0", "1.0", " ", "0x1", "²"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    assert refusal(CONTENT_LENGTH=length) == 400


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic !", "Basic eA==", "Digest a=b"])
def test_credentials_that_are_none_are_asked_for_again(header: str) -> None:
    with pytest.raises(Refused) as caught:
        passed(HTTP_AUTHORIZATION=header)
    assert caught.value.status == 401
    assert dict(caught.value.headers)["WWW-Authenticate"].startswith("Basic ")
    assert "eA==" not in str(caught.value)
