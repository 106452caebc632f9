# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused when an address is saved, without a look-up."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.admission import require_reachable
from importer.fetch.policy import FetchPolicy

MARK = "S3CRET"
SAID: list[str] = []


@pytest.fixture(autouse=True)
def no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric addresses are read by the C library; anything else would ask a name server."""
    real = socket.getaddrinfo

    def getaddrinfo(*arguments: Any, **named: Any) -> list[Any]:
        assert named.get("flags") == socket.AI_NUMERICHOST, "a name was looked up"
        return real(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def refusal(url: str, *allowed: str, http: bool = True) -> str:
    """The reason, or '' for an admitted address."""
    told = None
    try:
        require_reachable(url, FetchPolicy(allow_http=http, allow=Exemptions.parse(allowed)))
    except FetchFailed as error:
        told = error
    if told is None:
        return ""
    assert MARK not in told.message
    assert told.message.endswith(".")
    SAID.append(told.message)
    return told.reason


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "127.0.0.1.", "0x7f000001", "2130706433", "0177.1", "0", "10.0.0.1", "172.16.0.1",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.1", "[::1]", "[fd00:ec2::254]",
        "[fe80::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1",
        "localhost", "LOCALHOST.", "printer.localhost",
    ],
)  # fmt: skip
def test_an_internal_address_is_refused_however_it_is_written(host: str) -> None:
    assert refusal(f"http://{host}/{MARK}.ics") == "refused-address"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://example.com:22/S3CRET", "port"), ("https://8.8.8.8:6379/S3CRET", "port"),
        ("http://example.com:443/", ""), ("https://example.com:8443/", ""), ("webcal://example.com/a.ics", ""),
        ("https://8.8.8.8/a.ics", ""), ("https://[2606:4700::1111]/a.ics", ""),
        ("https://10.example.com/a.ics", ""), ("https://localhost.example.com/a.ics", ""),
        ("https://anna:S3CRET@example.com/", "url"), ("https://example.com@127.0.0.1/", "url"),
        ("https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "url"), ("https://[::1/", "url"),
        ("https://0177.0.0.1/", "url"), ("https://a b/", "url"),
        ("file:///etc/S3CRET", "scheme"), ("ftp://example.com/S3CRET", "scheme"), ("data:text/calendar,x", "scheme"),
    ],
)  # fmt: skip
def test_what_is_never_fetched_has_its_reason(url: str, reason: str) -> None:
    assert refusal(url) == reason


def test_http_is_admitted_where_it_is_allowed() -> None:
    assert refusal("http://example.com/", http=False) == "scheme"
    assert refusal("http://example.com/") == ""


def test_the_list_of_exemptions_is_respected() -> None:
    assert refusal("http://10.1.2.3:5232/", "10.1.0.0/16") == ""
    assert refusal("http://10.2.2.3/", "10.1.0.0/16") == "refused-address"
    assert refusal("http://127.0.0.1:5232/", "127.0.0.1") == ""
    assert refusal("http://127.0.0.2:80/", "127.0.0.1") == "refused-address"
    assert (
        refusal("http://localhost:5232/", "127.0.0.1") == refusal("http://localhost:5232/", "localhost") == ""
    )
    assert refusal("http://calendar.intranet:5232/", "calendar.intranet") == ""
    assert refusal("http://other.intranet:5232/", "calendar.intranet") == "port"


def test_a_name_that_may_lead_into_an_exempt_network_is_judged_when_it_is_fetched() -> None:
    assert refusal("http://calendar.intranet:5232/", "10.0.0.0/8") == ""


WITH_HOSTS = "; an operator can permit it with [importer] allow_hosts."
INSIDE = " leads to an address inside a private or reserved network" + WITH_HOSTS
PORTS = " is not permitted; these ports are: 80, 443, 8443" + WITH_HOSTS


@pytest.mark.parametrize(
    ("url", "sentences"),
    [
        (
            "http://10.0.0.1:9999/S3CRET",
            (
                "Only https addresses are permitted; an operator can permit it with [importer] allow_http.",
                "Port 9999 of 10.0.0.1" + PORTS,
                "10.0.0.1" + INSIDE,
            ),
        ),
        (
            "ftp://anna:S3CRET@localhost/",
            (
                "Only https addresses are permitted.",
                "The address for localhost contains a user name or password; leave it out.",
                "localhost" + INSIDE,
            ),
        ),
        ("https://[::1]:22/", ("Port 22 of ::1" + PORTS, "::1" + INSIDE)),
        ("https://example.com:22/", ("Port 22 of example.com" + PORTS,)),
    ],
)
def test_all_reasons_are_named_at_once_with_the_option_that_permits_each(
    url: str, sentences: tuple[str, ...]
) -> None:
    refusal(url, http=False)
    assert SAID[-1] == " ".join(sentences)


PIECES = st.sampled_from(
    [
        *("http://", "https://", "//", "/", "..", "@", ":", "[", "]", "::1", "%", "%00", "%2f", "?", "#", "a.test"),
        "xn--",
        *("127.0.0.1", "xn--a", "\xe9", "\u3002", "\uff10", "\u200d", "\xad", ":99999", ":-1", ".", "-", "*", "\ud800"),
        *("\xdf", "\x7f", "a" * 70, "ht tp", "\u2028", "[v1.a]", "[fe80::1%25eth0]"),
    ]
)  # fmt: skip


@settings(
    derandomize=True,
    deadline=None,
    max_examples=500,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join))
def test_any_text_is_an_address_or_refused_with_a_reason(text: str) -> None:
    """The libraries below raise all kinds of things for a text that is no URL."""
    for address in (text, f"https://{text}/a.ics", f"https://xn--{text}"):
        reason = ""
        try:
            require_reachable(address, FetchPolicy(allow_http=True))
        except FetchFailed as refused:
            reason = refused.reason
        assert reason in ("", "url", "scheme", "port", "refused-address")
