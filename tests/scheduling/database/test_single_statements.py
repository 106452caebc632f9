# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections kept for single statements outlive the threads that used them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scheduling.database.connection import Database
from scheduling.database.single_statements import KeptConnections

FOREIGN = """
import ctypes, sys
from scheduling.database.connection import Database

database = Database(sys.argv[1])

@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def work(_):
    print(database.rows("SELECT 1", ()))

libc = ctypes.CDLL(None)
for _ in range(3):
    thread = ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, work, None)
    libc.pthread_join(thread, None)
database.dispose()
"""
"""Threads that Python did not start, as those of the WSGI server: their state is cleared when they leave Python."""


def test_a_thread_of_the_wsgi_server_ends_without_taking_the_process_along(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", FOREIGN, url]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (0, "[(1,)]\n" * 3), ended.stderr


class _LateDeque(deque[Any]):
    """As it goes where another thread calls `interrupt` just before something is appended."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        super().__init__()
        self._interrupt = interrupt

    def append(self, it: Any) -> None:
        self._interrupt()
        super().append(it)


def test_what_is_given_back_while_all_are_closed_is_not_used_again(database: Database) -> None:
    kept = KeptConnections(database.engine)
    kept._idle = _LateDeque(kept.close)
    assert kept.rows("SELECT 1", ()) == [(1,)]
    (old,) = kept._idle
    kept._idle = deque([old])
    assert kept.rows("SELECT 2", ()) == [(2,)]
    (new,) = kept._idle
    assert new is not old
    driver = database.engine.dialect.dbapi
    assert driver is not None
    with pytest.raises((driver.ProgrammingError, driver.OperationalError)):
        old.rows("SELECT 1", ())
    kept.close()


def test_what_is_opened_while_all_are_closed_is_not_kept(database: Database) -> None:
    kept = KeptConnections(database.engine)
    original = database.engine.raw_connection

    def opened() -> object:
        connection = original()
        kept.close()
        return connection

    database.engine.raw_connection = opened  # type: ignore[method-assign,assignment]
    assert kept.rows("SELECT 1", ()) == [(1,)]
    assert not kept._idle


def test_threads_use_one_connection_each_at_a_time_and_leave_it_to_the_next(database: Database) -> None:
    opened = []
    original = database.engine.raw_connection

    def counted() -> object:
        opened.append(threading.get_ident())
        return original()

    database.engine.raw_connection = counted  # type: ignore[method-assign,assignment]
    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda number: database.rows(f"SELECT {number}", ()), range(200)))
        assert found == [[(number,)] for number in range(200)]
    assert 1 <= len(opened) <= 4
    database.dispose()
    assert database.rows("SELECT 7", ()) == [(7,)]
