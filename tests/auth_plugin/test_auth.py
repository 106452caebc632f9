# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in, over the wire: main passwords, app passwords, and what a wrong one costs."""

from __future__ import annotations

import base64
from collections.abc import Callable

import argon2
import pytest

from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.away import away
from tests.server.client import Client, D, basic
from tests.server.running import Running, Sections

MAIN = "correct horse ä"


def status(running: Running, username: str, password: str) -> int:
    client = Client(running.application, basic(username, password))
    return client.propfind("/dav/anna/jobs/", f"{D}displayname").status


@pytest.fixture
def main_password(running: Running, people: dict[str, int]) -> str:
    running.set_password("anna", MAIN)
    return MAIN


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with every password that argon2 is asked to check."""
    seen: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(hasher: argon2.PasswordHasher, hashed: str, password: str) -> bool:
        seen.append(password)
        return verify(hasher, hashed, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    return seen


def test_the_main_password_lets_its_owner_in(running: Running, main_password: str) -> None:
    assert status(running, "anna", main_password) == 207
    for wrong in ("wrong", main_password.upper(), main_password + " ", main_password[:-1]):
        assert status(running, "anna", wrong) == 401
    assert status(running, "bo", main_password) == 401


def test_an_app_password_lets_its_owner_in_without_a_slow_check(
    running: Running, main_password: str, checks: list[str]
) -> None:
    assert status(running, "anna", running.password("anna")) == 207
    assert checks == []
    assert status(running, "bo", running.password("anna")) == 401


def test_the_use_of_an_app_password_is_noted(running: Running, people: dict[str, int]) -> None:
    status(running, "anna", running.password("anna"))
    with running.database.read() as connection:
        (password,) = credentials.list_app_passwords(connection, people["anna"])
    assert password.last_used_at is not None


def test_a_password_found_right_is_not_checked_again_for_a_while(
    running: Running, main_password: str, checks: list[str]
) -> None:
    assert [status(running, "anna", main_password) for _ in range(3)] == [207] * 3
    assert len(checks) == 1
    assert status(running, "anna", "wrong") == 401
    assert len(checks) == 2


def test_without_a_cache_every_request_is_checked(
    configured: Callable[[Sections], Running], people: dict[str, int], checks: list[str]
) -> None:
    running = configured({"security": {"password_cache": "0"}})
    running.set_password("anna", MAIN)
    assert [status(running, "anna", MAIN) for _ in range(3)] == [207] * 3
    assert len(checks) == 3


def test_a_changed_password_stops_at_once_in_every_process(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    one, other = configured({}), configured({})
    one.set_password("anna", MAIN)
    assert [status(it, "anna", MAIN) for it in (one, other)] == [207, 207]
    one.set_password("anna", "another horse")
    assert [status(it, "anna", MAIN) for it in (one, other)] == [401, 401]
    assert [status(it, "anna", "another horse") for it in (one, other)] == [207, 207]
    one.set_password("anna", MAIN)
    assert [status(it, "anna", "another horse") for it in (one, other)] == [401, 401]


def test_a_revoked_app_password_stops_at_once_in_every_process(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    one, other = configured({}), configured({})
    password = one.password("anna")
    assert [status(it, "anna", password) for it in (one, other)] == [207, 207]
    with one.database.write() as connection:
        (found,) = credentials.list_app_passwords(connection, people["anna"])
        credentials.revoke_app_password(connection, people["anna"], found.id, actor=SYSTEM)
    assert [status(it, "anna", password) for it in (one, other)] == [401, 401]


def test_a_disabled_user_is_out_at_once(running: Running, main_password: str) -> None:
    app = running.password("anna")
    assert status(running, "anna", main_password) == 207
    with running.database.write() as connection:
        users.set_active(connection, "anna", active=False, actor=SYSTEM)
    assert [status(running, "anna", it) for it in (main_password, app)] == [401, 401]


@pytest.mark.parametrize("username", ["anna", "bo", "stranger"])
def test_a_wrong_password_costs_the_same_for_everybody(
    running: Running, main_password: str, checks: list[str], username: str
) -> None:
    """anna has a main password, bo has none, and the stranger does not exist."""
    answer = Client(running.application, basic(username, "wrong")).get("/dav/anna/jobs/")
    stranger = Client(running.application, basic("nobody", "wrong")).get("/dav/anna/jobs/")
    assert answer == stranger
    assert (answer.status, checks) == (401, ["wrong", "wrong"])


@pytest.mark.parametrize(
    "username",
    [
        "",
        " ",
        "anna ",
        " anna",
        "anna.",
        "a/b",
        "..",
        ".",
        "/anna",
        "anna/",
        "anna/jobs",
        "@",
        "@anna",
        "~anna",
        "anna@",
        "an\x00na",
        "anna\x00",
        "an\u0000",
        "\uff41nna",
        "a\u0308nna",
        "anna%00",
        "%61nna",
        "anna'--",
        "x" * 5000,
        "\u202eanna",
        "\ud7ff",
    ],
)
def test_odd_names_are_nobody(running: Running, main_password: str, username: str) -> None:
    assert status(running, username, main_password) in (400, 401)
    assert status(running, username, running.password("anna")) in (400, 401)


@pytest.mark.parametrize("password", ["", "\x00", "x" * 1_000_000, "a:b:c", "\u202e"])
def test_odd_passwords_are_wrong(running: Running, main_password: str, password: str) -> None:
    assert status(running, "anna", password) == 401


def test_a_password_may_hold_colons_and_any_letters(running: Running, people: dict[str, int]) -> None:
    running.set_password("anna", ":a:ß:日本:")
    assert status(running, "anna", ":a:ß:日本:") == 207


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic x",
        "Basic ====",
        "Basic YW5uYQ==",
        "basic YW5uYTo=",
        "Bearer x",
        "Digest username=anna",
        "x",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic \u00e4",
    ],
)
def test_a_header_that_is_no_credentials_is_401(nobody: Client, header: str) -> None:
    answer = Client(nobody.application, header).get("/dav/anna/jobs/")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="Daysheet"')


def test_a_database_that_is_away_is_not_a_wrong_password(
    configured: Callable[[Sections], Running], database: Database, dispatch: Dispatch, people: dict[str, int]
) -> None:
    running = configured({"database": {"busy_timeout": "1s"}})
    running.set_password("anna", MAIN)
    password = running.password("anna")
    assert status(running, "anna", MAIN) == 207
    dispatch.connection.close()
    running.database.dispose()
    with away(database):
        assert [
            status(running, *it) for it in (("anna", MAIN), ("anna", password), ("stranger", "wrong"))
        ] == [503] * 3
    assert status(running, "anna", MAIN) == 207


def test_no_password_is_ever_logged(
    running: Running, main_password: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = running.password("anna")
    with caplog.at_level("DEBUG"):
        for password in (main_password, app, "hunter2hunter2"):
            for username in ("anna", "stranger"):
                status(running, username, password)
    log = caplog.text
    assert log
    for password in (main_password, app, "hunter2hunter2"):
        assert password not in log
        assert base64.b64encode(f"anna:{password}".encode()).decode() not in log
