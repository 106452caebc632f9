# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that waits: each row is one worker's at a time, and is tried again until its link expires."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from scheduling.access import rotation
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.database.connection import Database
from scheduling.mail import outbox
from scheduling.mail.letters import Letter
from scheduling.mail.outbox import Waiting
from scheduling.upkeep import maintenance
from tests.scheduling.access.signing_in import Door

LETTER = Letter(to="anna@example.com", subject="Hello", text="https://calendar.example.com/link/x")


@pytest.fixture
def door(database: Database) -> Door:
    return Door(database)


def put(door: Door, hours: int = 1) -> None:
    with door.database.write() as connection:
        until = door.now + timedelta(hours=hours)
        outbox.put(connection, door.keyring, LETTER, at=door.now, until=until)


def claim(door: Door) -> Waiting | None:
    return outbox.claim(door.database, door.keyring, int(door.now.timestamp()))


def failing(door: Door) -> tuple[int, str | None]:
    with door.database.read() as connection:
        return outbox.failing(connection)


def test_a_letter_is_one_workers_until_its_lease_is_over(door: Door) -> None:
    put(door)
    found = claim(door)
    assert found is not None
    assert found.letter == LETTER
    assert LETTER.text not in repr(found) + repr(found.letter)
    assert claim(door) is None
    door.later(minutes=10)
    assert claim(door) is not None
    with door.database.write() as connection:
        outbox.done(connection, found)
    door.later(minutes=10)
    assert claim(door) is None


def test_of_many_workers_one_gets_it(door: Door) -> None:
    put(door)
    ready = threading.Barrier(6)
    got: list[Waiting | None] = []

    def attempt() -> None:
        ready.wait(10)
        got.append(claim(door))

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(it is None for it in got) == [False, *[True] * 5]


def test_the_pauses_grow_and_end_with_the_link(door: Door) -> None:
    put(door)
    pauses = []
    waited = 0
    while waited < 3600:
        found = claim(door)
        if found is None:
            door.later(seconds=10)
            waited += 10
            continue
        pauses.append(waited)
        outbox.try_again(door.database, found, "No connection.", int(door.now.timestamp()))
    assert pauses == [0, 10, 70, 370, 1270]
    assert failing(door) == (1, "No connection.")
    maintenance.run(door.database, door.config, door.now, followers=FOLLOWERS)
    assert failing(door) == (0, None)


def test_a_letter_that_was_refused_is_not_tried_again(door: Door) -> None:
    put(door)
    put(door)
    found = claim(door)
    assert found is not None
    outbox.give_up(door.database, found.id, "x" * 1000)
    door.later(minutes=11)
    other = claim(door)
    assert other is not None
    assert other.id != found.id
    assert failing(door) == (1, "x" * 255)


def test_what_no_key_opens_holds_up_nothing(door: Door) -> None:
    put(door)
    door.keyring = Keyring(Fernet.generate_key().decode())
    put(door)
    found = claim(door)
    assert found is not None
    assert found.letter == LETTER
    assert failing(door)[0] == 1


def test_another_key_is_put_under_letters_too() -> None:
    assert "mail.encrypted_content" in [str(it) for it in rotation.secret_columns()]
