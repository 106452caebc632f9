# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ipaddress import ip_address

import pytest

from importer.fetch.addresses import Exemptions, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "198.18.0.1", "198.19.255.255", "192.0.0.1",
        "192.0.0.9", "192.0.2.1", "198.51.100.1", "203.0.113.1", "0.0.0.0", "0.1.2.3", "224.0.0.1",  # noqa: S104
        "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16",
        "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
        "3fff::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", "5f00::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused_however_they_are_wrapped(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2002:808:808::1",
    ],
)  # fmt: skip
def test_public_addresses_are_reached(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_host_that_merely_begins_like_a_private_network_is_only_a_name() -> None:
    assert Exemptions.parse(["fcal.ch"]).has_host("FCAL.ch.")


def test_exemptions_are_hosts_and_networks() -> None:
    exempt = Exemptions.parse(["calendar.intranet", " 10.1.0.0/16", "", "::1"])
    assert exempt.has_host("Calendar.Intranet.")
    assert not exempt.has_host("evil.calendar.intranet")
    assert exempt.has_address(ip_address("10.1.2.3"))
    assert not exempt.has_address(ip_address("10.2.0.1"))
    assert exempt.has_address(ip_address("::1"))


@pytest.mark.parametrize("entry", ["https://example.com/", "10.0.0.0/40", "a b", "user@host"])
def test_an_exemption_that_is_neither_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor a network") as refused:
        Exemptions.parse([entry])
    assert entry in str(refused.value)
