# SPDX-License-Identifier: GPL-3.0-or-later
"""Many who guess passwords, and a database that answers nobody: others are served meanwhile, and nobody hangs."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduling.database.connection import Database
from tests.server.api.conftest import api_of
from tests.server.running import Running, Sections
from tests.server.serving import PATIENCE, Served, head, serving, status

POLL = b'<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>'
GUESSES, QUESTIONS = 40, 12


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


def ask(served: Served, login: str) -> socket.socket:
    """A connection on which somebody has asked for anna's sync token."""
    connection = served.connect()
    lines = (login, "Depth: 0\r\n", f"Content-Length: {len(POLL)}\r\n")
    connection.sendall(head("PROPFIND", "/dav/anna/jobs/", *lines) + POLL)
    return connection


def is_answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(60)


@pytest.mark.usefixtures("people")
def test_who_guesses_passwords_holds_nobody_up(
    configured: Callable[[Sections], Running], tmp_path: Path
) -> None:
    """Each guess costs a slow hash on one of two threads; a calendar app's poll does not queue behind them."""
    running = configured({"server": {"threads": "2"}})
    with ExitStack() as stack:
        served = stack.enter_context(serving(running, tmp_path))
        with ask(served, served.login("anna")) as first:
            assert status(first) == 207
        guesses = [
            stack.enter_context(ask(served, served.login(f"somebody-{number}", "wrong")))
            for number in range(GUESSES)
        ]
        with ask(served, served.login("anna")) as poll:
            assert status(poll) == 207
        waiting = [it for it in guesses if not is_answered(it)]
        assert waiting, "it came before the guesses that were there first"
        assert {status(it) for it in guesses} <= {401, 429}


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_table_that_is_locked_lets_nobody_hang(
    configured: Callable[[Sections], Running], database: Database, tmp_path: Path
) -> None:
    """More questions than connections, none of which can be answered: each is told to come again, others go on."""
    limits = {"pool_size": "2", "busy_timeout": "2s"}
    running = configured({"server": {"threads": "4"}, "database": limits})
    key = f"Authorization: Bearer {api_of(running).secret}\r\n"
    with ExitStack() as stack:
        served = stack.enter_context(serving(running, tmp_path))

        def jobs() -> socket.socket:
            connection = stack.enter_context(served.connect())
            connection.sendall(head("GET", "/api/v1/jobs", key))
            return connection

        assert status(jobs()) == 200
        lock = stack.enter_context(database.engine.connect())
        lock.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        questions = [jobs() for _ in range(QUESTIONS)]
        for _ in range(3):
            assert json.loads(served.get("/healthz", timeout=PATIENCE)) == {"status": "ok"}
        answers = [it.recv(4096) for it in questions]
        assert {it.split()[1] for it in answers} == {b"503"}
        assert all(b"retry-after: " in it.lower() for it in answers)
        lock.rollback()
        assert status(jobs()) == 200
