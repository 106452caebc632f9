# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that reach only checked addresses, and end at a deadline or after too many octets.

The name is resolved once, and every address in the answer is checked. The connection goes to the checked address
itself, so a second DNS answer cannot lead elsewhere. TLS still verifies the name.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from importer.errors import FetchFailed
from importer.fetch import addresses, refusals

_CONNECT_SECONDS = 10.0


class Deadline:
    """A point in time, on the monotonic clock, at which the whole exchange is over."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds left, 0 after the deadline."""
        return max(0.0, self._at - time.monotonic())

    def cap(self, timeout: float | None, expired: type[httpcore.TimeoutException]) -> float:
        """The seconds left, at most `timeout`. Raises `expired` when none are left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise expired("the deadline has passed")
        return left if timeout is None else min(left, timeout)


class Allowance:
    """How many octets may still be received. Headers, framing and content all count."""

    def __init__(self, octets: int) -> None:
        self._left = octets

    def take(self, octets: int, host: str) -> None:
        """Count received octets. Raises FetchFailed when they are too many."""
        self._left -= octets
        if self._left < 0:
            raise FetchFailed(
                "too-large", f"{host} sends far more than the size of the largest permitted calendar."
            )


class GuardedBackend(httpcore.NetworkBackend):
    """httpcore's network backend, restricted to permitted addresses and ports, and limited in time and received
    octets.
    """

    def __init__(
        self,
        exempt: addresses.Exemptions,
        ports: frozenset[int],
        deadline: Deadline,
        allowance: Allowance | None = None,
    ) -> None:
        self._exempt = exempt
        self._ports = ports
        self._deadline = deadline
        self._allowance = allowance
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check and connect. Raises FetchFailed if the address or port is not permitted."""
        candidates = self._permitted(host, port)
        failure: Exception | None = None
        for address in candidates:
            limit = self._deadline.cap(_CONNECT_SECONDS, httpcore.ConnectTimeout)
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, timeout=limit, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self._deadline, self._allowance, host)
        raise failure or httpcore.ConnectError("no address to connect to")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refuse; raises FetchFailed."""
        raise FetchFailed("scheme", "Local sockets are not permitted.", permanent=True)

    def _permitted(self, host: str, port: int) -> Sequence[addresses.Address]:
        found = resolve(host, port, self._deadline.cap(None, httpcore.ConnectTimeout))
        refusals.require_none([*refusals.of_place(host, port, found, self._exempt, self._ports)])
        return found


class _BoundedStream(httpcore.NetworkStream):
    """A connection that ends every read, write and handshake at the deadline and receives no more octets than
    allowed.
    """

    def __init__(
        self, stream: httpcore.NetworkStream, deadline: Deadline, allowance: Allowance | None, host: str
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._allowance = allowance
        self._host = host

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = self._stream.read(max_bytes, self._deadline.cap(timeout, httpcore.ReadTimeout))
        if self._allowance is not None:
            self._allowance.take(len(read), self._host)
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cap(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, limit)
        except httpcore.ConnectError as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, ssl.SSLError):
                raise FetchFailed("tls", _tls_message(self._host, cause)) from None
            raise
        return _BoundedStream(stream, self._deadline, self._allowance, self._host)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _tls_message(host: str, error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {host} is not trusted: {error.verify_message.rstrip('.')}."
    return f"No secure connection could be made with {host}: {error.reason or 'the TLS handshake failed'}."


def resolve(host: str, port: int, timeout: float) -> list[addresses.Address]:
    """All addresses of a host name, in the resolver's order.

    Raises FetchFailed with 'dns' or 'timeout'. The look-up runs in a thread of its own because getaddrinfo
    cannot be given a time limit.
    """
    answer: queue.SimpleQueue[list[addresses.Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(addresses.parse(str(entry[4][0])) for entry in found)))
        except (OSError, ValueError) as error:
            answer.put(error)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=timeout)
    except queue.Empty:
        raise FetchFailed("timeout", f"The name {host} was not resolved in time.") from None
    if isinstance(found, Exception) or not found:
        raise FetchFailed("dns", f"The name {host} could not be resolved; check the spelling of the address.")
    return found
