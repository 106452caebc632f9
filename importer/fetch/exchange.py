# SPDX-License-Identifier: GPL-3.0-or-later
"""One bounded, conditional GET of an outside calendar (RFC 9110, RFC 9111 validators).

This module owns the rules for schemes, redirects, size, time and credentials. `importer.fetch.connection` decides which
addresses may be reached, `importer.fetch.hosts` how often a host is asked. HTTP/2 is used if the server offers it,
otherwise HTTP/1.1. A request that fails over HTTP/2 is tried once over HTTP/1.1 (RFC 9113 sections 6.8, 7 and 8.7). The
environment (proxies, netrc) is ignored, and nothing (cookies, connections) is kept between two fetches.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field, replace
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Literal

import h2.exceptions
import httpcore
import httpx

from importer.errors import FetchFailed
from importer.fetch import encoding, refusals
from importer.fetch.connection import Allowance, Deadline, GuardedBackend
from importer.fetch.hosts import Visit
from importer.fetch.policy import FetchPolicy
from importer.fetch.refusals import Refusal
from scheduling.sentences import counted

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_URL = (httpx.InvalidURL, ValueError, IndexError)
"""What httpx raises for a text that is no URL. The last two come from the idna package, for a name like xn--a."""
_NOT_A_URL = Refusal(reason="url", sentence="The address is not a URL like https://example.com/a.ics.")
_PORTS = {"http": 80, "https": 443}
_LONGEST_RETRY_AFTER = 86400
_LONGEST_VALIDATOR = 500
_LONGEST_MEDIA_TYPE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchRequest:
    """What to fetch: the address (a secret), the validators of the stored version, and the header (name and value) with
    the credentials. The header goes only to the origin of the address itself (RFC 6454).

    `visit` is the place taken at the address's host. A redirect moves it to the next host.
    """

    url: str = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    visit: Visit | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchResult:
    """The answer: 'unchanged' (304, no body) or 'fetched' with the decoded body. Its facts are the HTTP version, the
    host that finally answered, and the total milliseconds.
    """

    status: Literal["unchanged", "fetched"]
    body: bytes = field(default=b"", repr=False)
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    charset: str | None = None
    http_version: str = ""
    host: str = ""
    milliseconds: int = 0


def fetch(request: FetchRequest, policy: FetchPolicy) -> FetchResult:
    """Fetch a calendar. At most five redirects are followed, and each is checked like the first address.

    Raises FetchFailed, whose message names the host at most.
    """
    started = time.monotonic()
    url = target(request.url, policy)
    deadline = Deadline(policy.deadline)
    # Framing and headers are added to the content. In a sane answer they are much smaller than the content.
    allowance = Allowance(2 * policy.max_bytes + 1_000_000)
    backend = GuardedBackend(policy.allow, policy.ports, deadline, allowance)
    try:
        answer = _followed(url, request, policy, backend, deadline, http2=True)
    except _Http2Failed:
        answer = _followed(url, request, policy, backend, deadline, http2=False)
    return replace(answer, milliseconds=int((time.monotonic() - started) * 1000))


class _Http2Failed(Exception):
    """HTTP/2 gave no complete answer: it was refused, reset, ended, or violated RFC 9113."""


def _followed(
    url: httpx.URL,
    request: FetchRequest,
    policy: FetchPolicy,
    backend: GuardedBackend,
    deadline: Deadline,
    *,
    http2: bool,
) -> FetchResult:
    """The answer at the end of all redirects."""
    origin = _origin(url)
    trust = policy.trust or default_trust(http2=http2)
    with httpcore.ConnectionPool(ssl_context=trust, network_backend=backend, retries=0, http2=http2) as pool:
        for _ in range(MAX_REDIRECTS + 1):
            if request.visit and not request.visit.move(url.host, deadline.left):
                raise FetchFailed(
                    "timeout",
                    f"Too many calendars of {url.host} are fetched at once; it is tried again later.",
                )
            headers = _headers(url, request, policy, trusted=_origin(url) == origin)
            answer = _exchange(pool, url, headers, request, policy)
            if isinstance(answer, FetchResult):
                return replace(answer, host=url.host)
            url = answer
    raise FetchFailed("too-many-redirects", f"{url.host} redirects more than {MAX_REDIRECTS} times.")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def target(text: str, policy: FetchPolicy) -> httpx.URL:
    """The address to fetch for the text that a user typed. webcal(s) means https.

    Raises FetchFailed ('url', 'scheme', 'port', 'refused-address') with all reasons if the address is never fetched.
    The host is not resolved here.
    """
    text = text.strip()
    if len(text.split()) > 1:
        raise FetchFailed("url", "The address must not contain spaces.", permanent=True)
    return _checked(text, policy, {"webcal": "https", "webcals": "https"})


def _checked(text: str, policy: FetchPolicy, aliases: dict[str, str]) -> httpx.URL:
    if "\\" in text or not text.isprintable():
        raise FetchFailed(
            "url", "The address contains characters that are not permitted in a URL.", permanent=True
        )
    try:
        url = httpx.URL(text)
        host = url.host
    except _NO_URL:
        raise FetchFailed(_NOT_A_URL.reason, _NOT_A_URL.sentence, permanent=True) from None
    scheme = aliases.get(url.scheme, url.scheme)
    refused = [*refusals.of_scheme(scheme, policy)]
    if not host or (url.port is not None and not 0 < url.port < 65536):
        refused.append(_NOT_A_URL)
        refusals.require_none(refused)
    if url.userinfo:
        sentence = f"The address for {host} contains a user name or password; leave it out."
        refused.append(Refusal(reason="url", sentence=sentence))
    port = url.port or _PORTS.get(scheme, _PORTS["https"])
    refused += refusals.of_name(url.raw_host.decode("ascii"), port, policy)
    refusals.require_none(refused)
    if scheme == url.scheme and not url.fragment:
        return url
    return url.copy_with(scheme=scheme, fragment=None)


@lru_cache(maxsize=2)
def default_trust(*, http2: bool = False) -> ssl.SSLContext:
    """A TLS context with the trusted certificate authorities; the environment is ignored. httpcore stores the offered
    protocols in it, so connections with HTTP/2 and without it need separate contexts.
    """
    return httpx.create_ssl_context(trust_env=False)


def _exchange(
    pool: httpcore.ConnectionPool,
    url: httpx.URL,
    sent: list[tuple[bytes, bytes]],
    request: FetchRequest,
    policy: FetchPolicy,
) -> FetchResult | httpx.URL:
    address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    reading_body = False
    spoken: set[str] = set()

    def trace(event: str, _facts: object) -> None:
        spoken.add(event.partition(".")[0])

    try:
        with pool.stream("GET", address, headers=sent, extensions={"trace": trace}) as response:
            headers = httpx.Headers(response.headers)
            version = response.extensions.get("http_version", b"").decode("ascii", "replace")
            if response.status in _REDIRECTS and "location" in headers:
                return _next_hop(url, headers["location"], policy)
            if response.status == 304 and (request.etag or request.last_modified):
                return FetchResult(
                    status="unchanged",
                    etag=request.etag,
                    last_modified=request.last_modified,
                    http_version=version,
                )
            if response.status != 200:
                raise _status_failure(
                    url.host, response.status, headers, known=request.credentials is not None
                )
            reading_body = True
            return replace(_body(response, headers, url.host, policy), http_version=version)
    except httpcore.TimeoutException:
        raise FetchFailed("timeout", f"{url.host} did not answer in full within the time limit.") from None
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        h2.exceptions.H2Error,
        OSError,
        ValueError,
    ) as error:
        if "http2" in spoken:
            raise _Http2Failed from None
        if reading_body:
            message = f"{url.host} closed the connection before the calendar was complete."
            raise FetchFailed("truncated", message) from None
        if isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError):
            raise FetchFailed("connection", f"{url.host} did not send a valid HTTP answer.") from None
        raise FetchFailed("connection", f"No connection could be made with {url.host}.") from None


def _headers(
    url: httpx.URL, request: FetchRequest, policy: FetchPolicy, *, trusted: bool
) -> list[tuple[bytes, bytes]]:
    """The headers of the request. The credentials are included only if `trusted` says that they belong to the
    origin.
    """
    agent = policy.user_agents.get(url.host.lower().rstrip("."), policy.user_agent)
    headers = [
        (b"Host", url.netloc),
        (b"User-Agent", _printable(agent) or b"Daysheet"),
        (b"Accept", b"text/calendar, */*;q=0.5"),
        (b"Accept-Encoding", encoding.ACCEPTED.encode()),
    ]
    for name, value in ((b"If-None-Match", request.etag), (b"If-Modified-Since", request.last_modified)):
        if value and (safe := _printable(value)):
            headers.append((name, safe))
    if trusted and request.credentials:
        field_name, secret = request.credentials
        headers.append((field_name.encode("ascii"), secret.encode("utf-8")))
    return headers


def _printable(value: str) -> bytes:
    return value.encode("latin-1", "replace") if value.isprintable() else b""


def _next_hop(url: httpx.URL, location: str, policy: FetchPolicy) -> httpx.URL:
    if "\\" in location or not location.isprintable():
        raise FetchFailed("url", f"{url.host} redirects to an address that is not a URL.")
    try:
        joined = str(url.join(location.strip()))
    except _NO_URL:
        raise FetchFailed("url", f"{url.host} redirects to an address that is not a URL.") from None
    return _checked(joined, policy, {})


def _status_failure(host: str, status: int, headers: httpx.Headers, *, known: bool) -> FetchFailed:
    sentences = {
        401: f"{host} does not accept the user name and password or token any more; connect the calendar "
        "again."
        if known
        else f"{host} asks for a sign-in; give the calendar a user name and password or a token, or use "
        "its secret address.",
        403: f"{host} refuses access; perhaps the address was revoked, or the server refuses programs.",
        404: f"{host} does not know this calendar; check the address.",
        410: f"{host} says that this calendar is gone for good.",
        429: f"{host} received too many requests and wants us to wait.",
    }
    if status == 401:
        reason = "reconnect"
    elif status in sentences:
        reason = f"http-{status}"
    elif 500 <= status < 600:
        reason = "http-5xx"
    else:
        reason = "http-other"
    message = sentences.get(status, f"{host} answered with status {status}.")
    return FetchFailed(
        reason,
        message,
        retry_after=seconds_to_wait(headers.get("retry-after")),
        permanent=status in (401, 410),
        gone=status == 410,
    )


def seconds_to_wait(value: str | None) -> int | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110 section 10.2.3), at most a day."""
    if value is None:
        return None
    try:
        seconds = int(value) if value.strip().isdecimal() else _seconds_until(value)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0), _LONGEST_RETRY_AFTER)


def _seconds_until(date: str) -> int:
    return int(parsedate_to_datetime(date).timestamp() - time.time())


def _body(response: httpcore.Response, headers: httpx.Headers, host: str, policy: FetchPolicy) -> FetchResult:
    too_large = FetchFailed(
        "too-large", f"The calendar of {host} is larger than {counted(policy.max_bytes, 'byte')}."
    )
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > policy.max_bytes:
        raise too_large
    try:
        body = encoding.read(response.iter_stream(), headers.get("content-encoding", ""), policy.max_bytes)
    except encoding.TooLarge:
        raise too_large from None
    except encoding.BadEncoding:
        raise FetchFailed("encoding", f"The answer of {host} cannot be decompressed.") from None
    content_type, charset = _media_type(headers.get("content-type"))
    return FetchResult(
        status="fetched",
        body=body,
        etag=_validator(headers.get("etag")),
        last_modified=_validator(headers.get("last-modified")),
        content_type=content_type,
        charset=charset,
    )


def _media_type(value: str | None) -> tuple[str | None, str | None]:
    if value is None or len(value) > _LONGEST_MEDIA_TYPE or not value.isprintable():
        return None, None
    message = Message()
    message["Content-Type"] = value
    charset = message.get_param("charset")
    return message.get_content_type(), charset.lower() if isinstance(charset, str) else None


def _validator(value: str | None) -> str | None:
    """A validator to send back later. An oversized or unprintable validator is not kept."""
    if value is None or len(value) > _LONGEST_VALIDATOR or not value.isprintable():
        return None
    return value
