# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket that a server listens on. It is bound before anything is printed or started. Only this server uses it: its
workers inherit it, and the operating system refuses a second server.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from scheduling.errors import SchedulingError

BACKLOG = 1024


class CannotListen(SchedulingError):
    """The server cannot listen on the configured address and port."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; connections wait in it from now on. Raises `CannotListen`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise CannotListen(
            f"{host}:{port} cannot be used: the name {host} is not known; give an address of this machine."
        ) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Recently closed connections do not prevent a restart of the server. Another listening server does.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003
    except OSError as error:
        listener.close()
        raise CannotListen(f"{_shown(host)}:{port} cannot be used: {_reason(error)}.") from None
    return listener


def addresses(listener: socket.socket) -> list[str]:
    """The addresses of the socket, as `host:port`. If it listens on all addresses, these are the machine's own, as far
    as they are known.
    """
    host, port = listener.getsockname()[:2]
    if host not in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return [f"{_shown(host)}:{port}"]
    found = ["127.0.0.1"]
    outward = [(socket.AF_INET, "192.0.2.1")]
    if host == "::":
        found.append("::1")
        outward.append((socket.AF_INET6, "2001:db8::1"))
    for family, elsewhere in outward:
        # No packet is sent. The system only tells which source address it would use.
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(probe.getsockname()[0])
    return [f"{_shown(it)}:{port}" for it in dict.fromkeys(found)]


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port; stop it, or choose another port ([server] port, or --port)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this is not an address of this machine; choose one that is ([server] host, or --host)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "the system does not permit it; ports below 1024 need a privilege"
    return os.strerror(error.errno or 0)
