# SPDX-License-Identifier: GPL-3.0-or-later
"""Names are typed in any case: phones begin them with a capital letter."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.client import Answer, Client, basic
from tests.server.running import Running

MAIN = "correct horse"
OWN = "<D:propfind xmlns:D='DAV:'><D:prop><D:current-user-principal/></D:prop></D:propfind>"


def ask(
    running: Running, name: str, password: str, path: str = "/dav/", address: str = "192.0.2.1"
) -> Answer:
    return Client(running.application, basic(name, password), address).request(
        "PROPFIND", path, OWN, Depth="0"
    )


def who(running: Running, name: str, password: str) -> str | None:
    """The principal that somebody is signed in as, None where nobody is."""
    answer = ask(running, name, password)
    if answer.status != 207:
        assert answer.status == 401
        return None
    text = answer.body.decode()
    return text.partition("current-user-principal><")[2].partition("/dav/")[2].partition("/")[0]


@pytest.mark.parametrize("typed", ["Anna", "ANNA", "aNNA"])
def test_the_case_of_a_unique_name_does_not_count(
    running: Running, people: dict[str, int], typed: str
) -> None:
    running.set_password("anna", MAIN)
    assert who(running, typed, MAIN) == "anna"
    assert who(running, typed, running.password("anna")) == "anna"
    assert who(running, typed, "wrong") is None
    assert who(running, typed + "x", MAIN) is None


@pytest.mark.parametrize(
    ("stored", "typed"), [("\u00e4rzte", "\u00c4rzte"), ("\u00c4rzte", "\u00e4RZTE"), ("Dora", "dora")]
)
def test_names_are_folded_as_people_do(running: Running, dispatch: Dispatch, stored: str, typed: str) -> None:
    dispatch.user(stored)
    running.set_password(stored, MAIN)
    assert ask(running, typed, MAIN).status == 207
    assert ask(running, typed, running.password(stored)).status == 207


def test_a_name_of_several_users_is_the_exact_ones_only(running: Running, dispatch: Dispatch) -> None:
    for name, password in (("dora", "correct horse 1"), ("DORA", "correct horse 2")):
        dispatch.user(name)
        running.set_password(name, password)
    assert who(running, "dora", "correct horse 1") == "dora"
    assert who(running, "DORA", "correct horse 2") == "DORA"
    assert who(running, "dora", "correct horse 2") is None
    assert who(running, "Dora", "correct horse 1") is None, "it could be either's"
    assert who(running, "Dora", running.password("dora")) == "dora", "an app password says whose it is"


def test_a_user_who_is_not_served_is_not_told_by_another_case(running: Running, dispatch: Dispatch) -> None:
    dispatch.user("dora", active=False)
    running.set_password("dora", MAIN)
    assert who(running, "Dora", MAIN) is None
    assert who(running, "Dora", running.password("dora")) is None


def test_failures_count_for_whom_the_name_means(
    running: Running, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    running.set_password("anna", MAIN)
    for typed in ("anna", "Anna", "ANNA", "aNNa", "anNA"):
        assert ask(running, typed, "wrong").status == 401
    for typed in ("anna", "Anna", "ANNa"):
        assert ask(running, typed, "wrong").status == 429, "another spelling is no other account"
    assert ask(running, "Bo", "wrong").status == 401
    assert ask(running, "ANNA", running.password("anna")).status == 207
    with running.database.read() as connection:
        told = connection.exec_driver_sql(
            "SELECT subject FROM audit_log WHERE action = 'login.failures'"
        ).scalars()
        assert list(told) == ["user:anna"]


def test_a_poll_with_another_case_takes_one_statement_too(
    running: Running,
    people: dict[str, int],
    dispatch: Dispatch,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    dispatch.job(people["anna"])
    client = Client(running.application, basic("Anna", running.password("anna")))
    ctag = "{http://calendarserver.org/ns/}getctag"
    client.propfind("/dav/anna/jobs/", ctag)
    with statements(running.database) as seen:
        answer = client.propfind("/dav/anna/jobs/", ctag)
    assert answer.status == 207
    assert len(seen) == 1, seen
    exact = Client(running.application, basic("anna", running.password("anna")))
    assert exact.propfind("/dav/anna/jobs/", ctag).body == answer.body
