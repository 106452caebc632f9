# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers and workers there are."""

from __future__ import annotations

import time

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.upkeep import processes
from scheduling.upkeep.finding import Level

NOW = int(time.time())


def worker(database: Database, now: int = NOW) -> tuple[Level, str]:
    with database.read() as connection:
        return processes.worker(connection, now)


def subscribe(database: Database) -> int:
    keyring = Keyring(Fernet.generate_key().decode())
    with database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        return subscriptions.add(
            connection, keyring, anna.id, "https://example.com/a.ics", "x", actor=SYSTEM
        ).id


def test_a_worker_is_only_missed_where_there_is_work_for_one(database: Database) -> None:
    assert worker(database) == (Level.OK, "No worker has run yet, and nothing needs one.")
    number = subscribe(database)
    assert worker(database)[0] is Level.WARNING
    with database.write() as connection:
        subscriptions.pause(connection, number, actor=SYSTEM)
    assert worker(database)[0] is Level.OK


@pytest.mark.parametrize(("once", "patience"), [(False, processes.PATIENCE), (True, processes.ONCE)])
def test_a_worker_that_says_nothing_any_more_is_missed(database: Database, once: bool, patience: int) -> None:
    processes.cycle_ended(database, NOW, once=once)
    for seconds, level in ((0, Level.OK), (patience, Level.OK), (patience + 1, Level.WARNING)):
        found, words = worker(database, NOW + seconds)
        assert found is level
        assert words.startswith(f"The last cycle of a worker ended {processes.ago(NOW, NOW + seconds)}, on ")
        assert ("No worker is running." in words) is (level is Level.WARNING)


def test_one_worker_of_several_is_enough(database: Database) -> None:
    processes.cycle_ended(database, NOW, once=False)
    with database.write() as connection:
        connection.execute(text("UPDATE processes SET host = 'elsewhere', due_at = :then"), {"then": NOW - 1})
    assert worker(database)[0] is Level.WARNING
    processes.cycle_ended(database, NOW, once=False)
    assert worker(database)[0] is Level.OK


def test_other_rules_of_time_zones_are_told(database: Database) -> None:
    processes.cycle_ended(database, NOW, once=False)
    with database.write() as connection:
        connection.execute(text("UPDATE processes SET zones = 'other'"))
    level, words = worker(database)
    assert level is Level.WARNING
    assert "other rules of time zones" in words


def test_the_last_word_of_a_process_is_kept_for_a_month(database: Database) -> None:
    month = 31 * 86_400
    processes.server_started(database, "127.0.0.1:1", NOW - month)
    processes.server_started(database, "127.0.0.1:2", NOW - month)
    with database.write() as connection:
        connection.execute(text("UPDATE processes SET host = 'elsewhere'"))
    processes.cycle_ended(database, NOW - month, once=False)
    processes.server_started(database, "127.0.0.1:3", NOW)
    with database.read() as connection:
        assert [(it.address, it.is_here) for it in processes.told(connection, "server")] == [
            ("127.0.0.1:3", True)
        ]
        assert processes.told(connection, "worker") == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second ago"), (119, "119 seconds ago"), (7199, "119 minutes ago"), (172_800, "2 days ago")],
)
def test_how_long_ago_is_said_in_the_unit_that_fits(seconds: int, words: str) -> None:
    assert processes.ago(NOW - seconds, NOW) == words
