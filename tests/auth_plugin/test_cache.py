# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of passwords found right."""

from __future__ import annotations

import pytest

from auth_plugin.cache import VerificationCache


def test_only_the_same_password_of_the_same_version_is_known() -> None:
    cache = VerificationCache(60)
    cache.remember(1, "v1", "secret")
    assert cache.knows(1, "v1", "secret")
    assert not any(
        (cache.knows(1, "v2", "secret"), cache.knows(2, "v1", "secret"), cache.knows(1, "v1", "Secret"))
    )


def test_an_entry_ends_with_its_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    cache = VerificationCache(60)
    cache.remember(1, "v1", "secret")
    now += 59
    assert cache.knows(1, "v1", "secret")
    now += 1
    assert not cache.knows(1, "v1", "secret")


def test_a_lifetime_of_nothing_remembers_nothing() -> None:
    cache = VerificationCache(0)
    cache.remember(1, "v1", "secret")
    assert not cache.knows(1, "v1", "secret")


def test_it_is_bounded() -> None:
    cache = VerificationCache(60, size=2)
    for user in (1, 2, 3):
        cache.remember(user, "v1", "secret")
    assert [cache.knows(user, "v1", "secret") for user in (1, 2, 3)] == [False, True, True]


def test_it_holds_no_password() -> None:
    cache = VerificationCache(60)
    cache.remember(1, "v1", "hunter2")
    assert "hunter2" not in repr(vars(cache))
