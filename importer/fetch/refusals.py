# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the importer does not connect to an address: all reasons at once, each with the option that would permit it."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from importer.errors import FetchFailed
from importer.fetch import addresses
from importer.fetch.policy import FetchPolicy

_LOOPBACK = (addresses.parse("127.0.0.1"), addresses.parse("::1"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason: its machine code and its sentence. The sentence shows no more of the address than its host."""

    reason: str
    sentence: str


def require_none(refusals: Sequence[Refusal]) -> None:
    """If there are reasons, raise FetchFailed with the first reason's code and every reason's sentence."""
    if refusals:
        message = " ".join(it.sentence for it in refusals)
        raise FetchFailed(refusals[0].reason, message, permanent=True)


def of_scheme(scheme: str, policy: FetchPolicy) -> Iterable[Refusal]:
    """Why this scheme is not supported."""
    if scheme == "https" or (scheme == "http" and policy.allow_http):
        return
    permitted = "https or http" if policy.allow_http else "https"
    way = _permitted_with("allow_http") if scheme == "http" else ""
    yield Refusal(reason="scheme", sentence=f"Only {permitted} addresses are permitted{way}.")


def of_place(
    host: str,
    port: int,
    found: Collection[addresses.Address],
    exempt: addresses.Exemptions,
    ports: Collection[int],
) -> Iterable[Refusal]:
    """Why the importer does not connect to a host with these addresses on this port."""
    if exempt.has_host(host) or (found and all(exempt.has_address(address) for address in found)):
        return
    way = _permitted_with("allow_hosts")
    if port not in ports:
        permitted = ", ".join(str(number) for number in sorted(ports))
        sentence = f"Port {port} of {host} is not permitted; these ports are: {permitted}{way}."
        yield Refusal(reason="port", sentence=sentence)
    if not all(addresses.is_public(address) or exempt.has_address(address) for address in found):
        sentence = f"{host} leads to an address inside a private or reserved network{way}."
        yield Refusal(reason="refused-address", sentence=sentence)


def of_name(host: str, port: int, policy: FetchPolicy) -> Iterable[Refusal]:
    """Why a host is refused independently of what its name resolves to. No name is looked up, because the name may lead
    elsewhere when it is fetched.
    """
    address = _numeric(host)
    if address is not None:
        return of_place(host, port, [address], policy.allow, policy.ports)
    if _is_localhost(host):
        exempt = [it for it in _LOOPBACK if policy.allow.has_address(it)]
        return of_place(host, port, exempt or _LOOPBACK, policy.allow, policy.ports)
    if policy.allow.networks:  # the name may lead into one of them, where every port is permitted
        return ()
    return of_place(host, port, (), policy.allow, policy.ports)


def _permitted_with(option: str) -> str:
    return f"; an operator can permit it with [importer] {option}"


def _numeric(host: str) -> addresses.Address | None:
    """The address in a host that is written as an address, in any spelling that inet_aton(3) knows. None for a name."""
    host = host.rstrip(".")
    try:
        if ":" in host:
            return addresses.parse(host)
        return addresses.parse(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, ValueError):
        return None


def _is_localhost(host: str) -> bool:
    """RFC 6761, section 6.3: these names never lead anywhere but to this machine."""
    return host.lower().rstrip(".").rpartition(".")[2] == "localhost"
