# SPDX-License-Identifier: GPL-3.0-or-later
"""Many writers who read a row, change what it says and write it back: nobody is refused, and no change is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.schedule import edits, items
from scheduling.schedule.entries import Kind
from tests.factories import Dispatch

WRITERS, CHANGES = 8, 25
PERIOD = {
    "starts_at": datetime(2026, 12, 1, 8, tzinfo=UTC),
    "ends_at": datetime(2026, 12, 1, 10, tzinfo=UTC),
}


def test_who_reads_before_writing_meets_no_lock_that_turns_against_him(
    database: Database, dispatch: Dispatch
) -> None:
    """SQLite refuses at once to make a writer of a transaction that has read what somebody else changed meanwhile; so a
    transaction that will write says so when it begins.
    """
    dispatch.user("anna")
    with database.write() as connection:
        made = edits.create(connection, Kind.JOB, "J-1", PERIOD, ("anna",), actor=SYSTEM)
    together = threading.Barrier(WRITERS)

    def add(letter: str) -> None:
        together.wait()
        for _ in range(CHANGES):
            with database.write() as connection:
                item = edits.for_change(connection, Kind.JOB, made.id, actor=SYSTEM)
                notes = (item.values["notes"] or "") + letter
                edits.change(connection, item, {"notes": notes}, actor=SYSTEM)

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(add, letter) for letter in "abcdefgh"]:
            done.result()
    with database.read() as connection:
        notes = items.get(connection, Kind.JOB, made.id).values["notes"]
    assert {letter: notes.count(letter) for letter in "abcdefgh"} == dict.fromkeys("abcdefgh", CHANGES)
