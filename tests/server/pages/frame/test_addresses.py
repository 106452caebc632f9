# SPDX-License-Identifier: GPL-3.0-or-later
"""`next=` leads nowhere else."""

from __future__ import annotations

import pytest

from server.pages.frame.addresses import own, with_next
from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%0a",
    "javascript:alert(1)",
    "evil.example",
    " /account",
    "/\r\nLocation: https://evil.example",
    "///evil.example",
    "/ü",
    "",
    None,
    "/" + "x" * 3000,
]


@pytest.mark.parametrize("given", [it for it in ELSEWHERE if it != "/%0a"])
def test_an_address_elsewhere_is_the_start(given: str | None) -> None:
    assert own(given) == "/"


@pytest.mark.parametrize("given", ["/account", "/week?day=2026-03-01&x=%2F%2Fevil", "/a//b", "/%0a"])
def test_an_own_address_stays(given: str) -> None:
    assert own(given) == given
    assert with_next("/sign-in", given).startswith("/sign-in?next=%2F")


@pytest.mark.parametrize("given", ELSEWHERE)
def test_signing_in_leads_nowhere_else(running: Running, people: dict[str, int], given: str | None) -> None:
    running.set_password("anna", "correct horse")
    person = Person(running)
    answer = person.once(
        "POST", "/sign-in", {"name": "anna", "password": "correct horse", "next": given or ""}
    )
    assert answer.status_code == 303
    assert answer.headers["location"] in ("/", "/%0a")
