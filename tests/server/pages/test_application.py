# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page there is: who may see it, what it costs in statements and octets, which header fields it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from scheduling.database.connection import Database
from server.pages.application import declared
from server.pages.frame.headers import CSP
from tests.factories import Dispatch
from tests.scheduling.actors_of import BUILT_IN
from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.pages.table import Row, rows
from tests.server.running import Running

database = fixtures.sqlite_alone
ROWS = rows()
SHOWN = [it for it in ROWS if it.method == "GET"]
MOST_STATEMENTS = 30
"""Of any page with little on it; areas count theirs with much on it."""
LARGEST = 100_000
"""Octets of a page with its style, its script and its pictures, uncompressed."""


def _name(row: Row) -> str:
    return f"{row.method} {row.path}"


@pytest.fixture
def known(running: Running, dispatch: Dispatch) -> Running:
    """One user of each role, called like it, with a job."""
    for role in BUILT_IN:
        dispatch.job(dispatch.user(role, role=role))
    return running


def test_every_page_is_in_the_table_of_its_area() -> None:
    listed = [(it.method, it.path) for it in ROWS]
    assert len(listed) == len(set(listed))
    assert set(listed) == {(it.method, it.path) for it in declared()}


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_a_page_is_for_whom_the_table_says(known: Running, role: str, row: Row) -> None:
    address = row.address(known, role)
    answer = Person(known, role).once(row.method, address, {} if row.method == "POST" else None)
    assert (answer.status_code != 403) == (role in row.roles), answer.text
    assert answer.status_code < 500
    if row.method == "GET" and role in row.roles:
        assert answer.status_code in (200, 303)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_a_stranger_is_asked_to_sign_in(known: Running, row: Row) -> None:
    address = row.address(known, BUILT_IN[-1])
    answer = Person(known).once(row.method, address, {} if row.method == "POST" else None)
    asked = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")
    asked = asked or (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")
    if row.path == "/sign-out":
        return
    assert asked == (not row.strangers), (answer.status_code, answer.headers)


@pytest.mark.parametrize("row", [it for it in ROWS if it.method == "POST"], ids=_name)
@pytest.mark.parametrize(
    "said",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:5232"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_form_of_another_site_does_nothing(known: Running, row: Row, said: dict[str, str]) -> None:
    person, address = Person(known, BUILT_IN[-1]), row.address(known, BUILT_IN[-1])
    with known.database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM audit_log").scalar()
    answer = person.once("POST", address, {}, **said)
    assert answer.status_code == 403
    assert "another site" in answer.text
    with known.database.read() as connection:
        after = connection.exec_driver_sql("SELECT count(*) FROM audit_log").scalar()
    assert after == before


@pytest.mark.parametrize("row", SHOWN, ids=_name)
def test_a_page_is_kept_by_nobody_and_loads_nothing_from_elsewhere(known: Running, row: Row) -> None:
    role = max(row.roles)
    answer = Person(known, role if not row.strangers else None).get(row.address(known, role))
    assert answer.headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", answer.html)
    for address in re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]+)"', answer.html):
        assert address.startswith(("/static/", "data:")), address


@pytest.mark.parametrize("row", SHOWN, ids=_name)
def test_a_page_and_all_it_loads_is_light(known: Running, row: Row) -> None:
    role = max(row.roles)
    person = Person(known, role if not row.strangers else None)
    answer = person.get(row.address(known, role))
    loaded = set(re.findall(r'"(/static/[^"]+)"', answer.html))
    assert loaded
    octets = len(answer.html.encode())
    for address in loaded:
        part = person.http.get(address)
        assert part.status_code == 200
        assert part.headers["cache-control"] == "public, max-age=31536000, immutable"
        octets += len(part.content)
    assert octets <= LARGEST


@pytest.mark.parametrize("row", SHOWN, ids=_name)
def test_a_page_asks_few_statements(
    known: Running, row: Row, statements: Callable[[Database], AbstractContextManager[list[str]]]
) -> None:
    role = max(row.roles)
    person, address = Person(known, role), row.address(known, role)
    person.get(address)  # calendars are made and caught up
    with statements(known.database) as seen:
        person.once("GET", address)
    assert 1 <= len(seen) <= MOST_STATEMENTS


@pytest.mark.parametrize("row", SHOWN, ids=_name)
def test_a_page_escapes_what_others_write(known: Running, dispatch: Dispatch, row: Row) -> None:
    role, text = max(row.roles), "<script>alert(1)</script>\"'<b>"
    written = "UPDATE users SET display_name = :text, email = :text WHERE username = :role"
    dispatch.execute(written, text=text, role=role)
    answer = Person(known, role).get(row.address(known, role))
    assert "alert(1)" in answer.html
    assert "<script>alert" not in answer.html
    assert "<b>" not in answer.html
