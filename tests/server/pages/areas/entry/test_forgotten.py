# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for a letter with a link: the same answer for everybody, and no address that a stranger chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone
SAID = "If we know this name and have an e-mail address for it, a letter with a link is on its way."


@pytest.fixture
def mailing(configured: Callable[[Any], Running], people: dict[str, int]) -> Running:
    return configured(
        {"mail": {"host": "127.0.0.1", "port": "9", "security": "none", "sender": "daysheet@example.com"}}
    )


@pytest.mark.parametrize("name", ["anna", "nobody", "anna@example.com", "x\x00y"])
def test_everybody_gets_the_same_answer(mailing: Running, name: str) -> None:
    page = Person(mailing).do("/forgotten", "/forgotten", name=name)
    assert (page.status, page.path) == (200, "/sign-in")
    assert SAID in page.text
    kept = mailing.database
    with kept.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM mail").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM one_time_links").scalar() == 0


def test_asking_too_often_is_429_in_the_form(mailing: Running) -> None:
    person = Person(mailing)
    for _ in range(10):
        page = person.do("/forgotten", "/forgotten", name="anna")
        if page.status != 200:
            break
    assert page.status == 429
    assert int(page.headers["retry-after"]) >= 1
    assert page.form("/forgotten").value("name") == "anna"


def test_without_mail_there_is_no_form(running: Running, people: dict[str, int]) -> None:
    page = Person(running).get("/forgotten")
    assert "Ask an administrator" in page.text
    assert [it.action for it in page.forms if it.action == "/forgotten"] == []
