# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ipaddress import ip_address

import pytest

from importer.config import ImporterConfig
from scheduling.config.ini import ConfigError, load_section


def test_the_defaults_are_safe_and_become_a_policy_and_a_schedule() -> None:
    config = ImporterConfig()
    policy = config.policy()
    assert (policy.allow_http, policy.max_bytes, policy.deadline) == (False, 20_000_000, 60.0)
    assert not policy.allow.has_address(ip_address("127.0.0.1"))
    assert policy.ports == {80, 443, 8443}
    assert config.schedule().interval == 900


def test_exempt_hosts_are_read_from_the_file() -> None:
    raw = {"allow_hosts": "calendar.intranet, 10.0.0.0/8", "allow_http": "yes", "user_agent": "Agent/1"}
    policy = load_section(ImporterConfig, "importer", raw, {}, "daysheet.ini").policy()
    assert policy.allow.has_host("calendar.intranet")
    assert policy.allow.has_address(ip_address("10.9.8.7"))
    assert (policy.allow_http, policy.user_agent) == (True, "Agent/1")


def test_a_bad_exemption_is_refused_with_its_option() -> None:
    with pytest.raises(ConfigError, match="allow_hosts"):
        load_section(ImporterConfig, "importer", {"allow_hosts": "https://x/"}, {}, "daysheet.ini")
