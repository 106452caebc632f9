# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an address may be saved: what no fetch would ever connect to is refused at once, and not only when it fails.

Nothing is looked up, since a name may lead elsewhere by the time it is fetched; where names lead is checked with every
connection (`importer.fetch.connection`).
"""

from __future__ import annotations

import socket

from importer.fetch import addresses, connection
from importer.fetch.exchange import target
from importer.fetch.policy import FetchPolicy

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = (addresses.parse("127.0.0.1"), addresses.parse("::1"))


def require_reachable(text: str, policy: FetchPolicy) -> None:
    """Raise FetchFailed ('url', 'scheme', 'port' or 'refused-address') for an address that would be refused whatever
    its name resolved to. The message names the host at most.
    """
    url = target(text, policy)
    host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
    address = _numeric(host)
    if address is not None:
        connection.require_permitted(host, port, [address], policy.allow, policy.ports)
    elif _is_localhost(host):
        exempt = [it for it in _LOOPBACK if policy.allow.has_address(it)]
        connection.require_permitted(host, port, exempt or _LOOPBACK, policy.allow, policy.ports)
    elif not policy.allow.networks:  # else it may lead into one of them, where every port is permitted
        connection.require_permitted(host, port, [], policy.allow, policy.ports)


def _numeric(host: str) -> addresses.Address | None:
    """The address that a host is written as, in any of the spellings that inet_aton(3) knows; None for a name."""
    try:
        found = socket.getaddrinfo(
            host.rstrip("."), None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        return addresses.parse(str(found[0][4][0]))
    except (OSError, ValueError):
        return None


def _is_localhost(host: str) -> bool:
    """RFC 6761, section 6.3: these names never lead anywhere but to this machine."""
    return host.lower().rstrip(".").rpartition(".")[2] == "localhost"
