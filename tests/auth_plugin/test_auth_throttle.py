# SPDX-License-Identifier: GPL-3.0-or-later
"""Guessing is slowed down, its victim is not locked out, and nobody sleeps: the clock of these tests stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import argon2
import pytest

from tests.server import fixtures
from tests.server.client import Answer, Client, D, basic
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
MAIN = "correct horse"


@dataclass
class Clock:
    now: float


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(time.time())
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


@pytest.fixture
def guarded(running: Running, people: dict[str, int], clock: Clock) -> Running:
    running.set_password("anna", MAIN)
    return running


def attempt(running: Running, password: str, *, username: str = "anna", address: str = "192.0.2.1") -> Answer:
    return Client(running.application, basic(username, password), address).propfind(
        "/dav/anna/", f"{D}displayname"
    )


def guess(running: Running, times: int, **where: str) -> list[int]:
    return [attempt(running, "wrong", **where).status for _ in range(times)]


def test_after_a_few_failures_an_attempt_has_to_wait(guarded: Running, clock: Clock) -> None:
    assert guess(guarded, 5) == [401] * 5
    refused = attempt(guarded, "wrong")
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert attempt(guarded, MAIN).status == 429
    clock.now += 1
    assert guess(guarded, 2) == [401, 429]
    assert attempt(guarded, "wrong").headers["retry-after"] == "2"


def test_the_wait_doubles_up_to_its_longest(
    configured: Callable[[Sections], Running], people: dict[str, int], clock: Clock
) -> None:
    running = configured({"security": {"login_attempts": "1", "login_delay_max": "10s"}})
    running.set_password("anna", MAIN)
    waits = []
    for _ in range(6):
        assert attempt(running, "wrong").status == 401
        waits.append(int(attempt(running, "wrong").headers["retry-after"]))
        clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 10, 10]
    assert attempt(running, MAIN).status == 207


def test_the_right_password_after_the_wait_ends_it(guarded: Running, clock: Clock) -> None:
    guess(guarded, 5)
    clock.now += 1
    assert attempt(guarded, MAIN).status == 207
    assert guess(guarded, 4) == [401] * 4


def test_the_owners_devices_go_on_working(guarded: Running) -> None:
    assert attempt(guarded, MAIN, address="198.51.100.7").status == 207
    guess(guarded, 6)
    assert attempt(guarded, guarded.password("anna")).status == 207
    assert attempt(guarded, MAIN, address="198.51.100.7").status == 207
    assert attempt(guarded, MAIN, address="203.0.113.9").status == 207


def test_other_accounts_at_that_address_are_not_slowed_at_once(guarded: Running) -> None:
    guarded.set_password("bo", MAIN)
    guess(guarded, 6)
    assert attempt(guarded, MAIN, username="bo").status in (207, 403)


def test_guessing_from_many_addresses_slows_the_account_by_a_little(guarded: Running, clock: Clock) -> None:
    for number in range(60):
        guess(guarded, 1, address=f"198.51.100.{number}")
        clock.now += 5
    guess(guarded, 1, address="203.0.113.1")
    refused = attempt(guarded, MAIN, address="203.0.113.9")
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) <= 5
    clock.now += 5
    assert attempt(guarded, MAIN, address="203.0.113.9").status == 207


def test_guessing_for_many_accounts_slows_the_address(guarded: Running) -> None:
    statuses = [attempt(guarded, "wrong", username=f"user{number}").status for number in range(110)]
    assert statuses[:100] == [401] * 100
    assert statuses[100] == 429
    assert attempt(guarded, "wrong", username="user1", address="203.0.113.9").status == 401


def test_a_refused_attempt_is_not_checked(guarded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    guess(guarded, 5)
    monkeypatch.setattr(argon2.PasswordHasher, "verify", lambda *_: pytest.fail("checked"))
    assert attempt(guarded, MAIN).status == 429
    assert attempt(guarded, "wrong").status == 429


def test_every_process_counts_together(
    configured: Callable[[Sections], Running], people: dict[str, int], clock: Clock
) -> None:
    one, other = configured({}), configured({})
    guess(one, 3)
    guess(other, 2)
    assert [attempt(it, "wrong").status for it in (one, other)] == [429, 429]


def test_a_forged_address_does_not_help(guarded: Running) -> None:
    for number in range(5):
        Client(guarded.application, basic("anna", "wrong"), "192.0.2.1").get(
            "/dav/anna/", X_Forwarded_For=f"198.51.100.{number}"
        )
    assert attempt(guarded, "wrong").status == 429


def test_the_address_behind_a_trusted_proxy_counts(
    configured: Callable[[Sections], Running], people: dict[str, int], clock: Clock
) -> None:
    running = configured({"server": {"trusted_proxies": "192.0.2.0/24"}})
    running.set_password("anna", MAIN)

    def through(client: str) -> int:
        return (
            Client(running.application, basic("anna", "wrong"), "192.0.2.1")
            .get("/dav/anna/", X_Forwarded_For=f"8.8.8.8, {client}, 192.0.2.2")
            .status
        )

    assert [through("198.51.100.1") for _ in range(6)] == [401] * 5 + [429]
    assert through("198.51.100.2") == 401


def test_a_clock_that_was_a_year_ahead_locks_nobody_out(guarded: Running, clock: Clock) -> None:
    clock.now += 365 * 86_400
    assert guess(guarded, 8)[-1] == 429
    clock.now -= 365 * 86_400
    assert attempt(guarded, MAIN).status == 207
    assert guess(guarded, 8)[-1] == 429, "and guessing is slowed down by the right clock"


def test_a_clock_that_goes_back_by_an_hour_locks_nobody_out(guarded: Running, clock: Clock) -> None:
    assert guess(guarded, 8)[-1] == 429
    clock.now -= 3600
    assert attempt(guarded, MAIN).status == 207
