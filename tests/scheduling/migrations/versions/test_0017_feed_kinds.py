# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds keep what they show when the column for it becomes longer, and then any number of kinds fits."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduling.database import schema
from scheduling.database.connection import Database

MANY = ",".join(f"kind-{number}" for number in range(50))
_ADD = "INSERT INTO feeds (user_id, label, {more}created_at, changed_at) VALUES (1, :label, {values}'2026-03-10', 7)"


def test_feeds_keep_their_kinds_and_take_any_number(empty: Database) -> None:
    usual, chosen = (
        _ADD.format(more=more, values=values) for more, values in (("", ""), ("kinds, ", ":kinds, "))
    )
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        connection.execute(text("INSERT INTO users (username) VALUES ('ann')"))
        connection.execute(text(usual), {"label": "Usual"})
        connection.execute(text(chosen), {"label": "Chosen", "kinds": "time-off"})
    schema.upgrade(empty)
    with empty.write() as connection:
        connection.execute(text(chosen), {"label": "Many", "kinds": MANY})
        rows = connection.execute(text("SELECT label, kinds, detail FROM feeds ORDER BY id")).all()
        assert [tuple(row) for row in rows] == [
            ("Usual", "jobs,blockers,time-off,external", "full"),
            ("Chosen", "time-off", "full"),
            ("Many", MANY, "full"),
        ]
    with pytest.raises(IntegrityError), empty.write() as connection:
        connection.execute(text(usual), {"label": "Unsaid"})
    if empty.is_sqlite:
        with empty.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
