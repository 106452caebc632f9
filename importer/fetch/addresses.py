# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network addresses the importer may connect to (RFC 6890, RFC 6052, RFC 3056, RFC 4380).

Subscription addresses come from users. A fetch may therefore reach only the public Internet, in every spelling of an
address. An operator can exempt hosts and networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE = IPv6Network("::/96")
# Named here because ipaddress.is_global has answered differently for some of them between Python releases.
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's metadata address is a public one
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_REFUSED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemptions:
    """Hosts (exact names) and networks that the address and port rules do not apply to."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Exemptions:
        """Read entries such as 'calendar.intranet', '10.1.0.0/16' or '::1'.

        Raises ValueError for an entry that is neither a host name nor a network. The message names the entry.
        """
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in filter(None, (text.strip() for text in entries)):
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                if not all(part and part.replace("-", "").isalnum() for part in entry.rstrip(".").split(".")):
                    raise ValueError(
                        f"{entry!r} is neither a host name nor a network like 10.0.0.0/8"
                    ) from None
                hosts.add(_normal(entry))
        return cls(hosts=frozenset(hosts), networks=tuple(networks))

    def has_host(self, host: str) -> bool:
        """Whether the host is exempt by its name."""
        return _normal(host) in self.hosts

    def has_address(self, address: Address) -> bool:
        """Whether the address is in an exempt network."""
        return any(address in network for network in self.networks)


def _normal(host: str) -> str:
    return host.lower().rstrip(".")


def carried(address: Address) -> Address:
    """The IPv4 address to which a mapped, 6to4, Teredo, NAT64 or IPv4-compatible IPv6 address leads. Any other address
    is returned unchanged.
    """
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether the address and the address it leads to are ordinary public unicast addresses."""
    if isinstance(address, IPv6Address):
        inner = carried(address)
        if isinstance(inner, IPv4Address):
            return is_public(inner)
        if inner not in _GLOBAL_UNICAST or any(inner in network for network in _REFUSED_V6):
            return False
    elif any(address in network for network in _REFUSED_V4):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def parse(text: str) -> Address:
    """Parse an address as the resolver prints it. The standard library keeps an IPv6 zone index ('%eth0')."""
    return ip_address(text)
