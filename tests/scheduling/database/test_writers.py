# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers that wait for somebody else's lock are a bounded number; the next are refused, and come in again later."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from scheduling.database.connection import Database
from scheduling.database.writers import Writers
from scheduling.errors import TooManyWriters


def test_no_more_are_inside_than_permitted() -> None:
    writers, inside, most = Writers(), 0, 0
    writers.limit(3)
    lock = threading.Lock()

    def write() -> None:
        nonlocal inside, most
        with writers.turn():
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.002)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(write) for _ in range(200)]:
            done.result(60)
    assert most == 3, "and nobody was refused while they came and went"


def test_a_thread_inside_comes_in_again() -> None:
    writers = Writers()
    writers.limit(1)
    with writers.turn(), writers.turn():
        pass
    with writers.turn():
        pass


def test_who_finds_all_waiting_is_refused_and_gets_in_afterwards() -> None:
    writers = Writers()
    writers.limit(1)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with writers.turn():
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(60)
    with pytest.raises(TooManyWriters), writers.turn():
        pass
    leave.set()
    holder.join(60)
    with writers.turn():
        pass


def test_a_transaction_is_a_writer(database: Database) -> None:
    database.writers.limit(1)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write():
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert entered.wait(60)
        with pytest.raises(TooManyWriters), database.write():
            pass
        with database.read() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
    finally:
        leave.set()
        holder.join(60)
    with database.write() as connection:
        connection.execute(text("SELECT 1"))
