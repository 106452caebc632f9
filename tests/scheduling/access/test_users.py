# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as Daysheet itself writes them: what can be changed, what cannot, and what is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from scheduling.access import audit, users
from scheduling.access.audit import Filters
from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.errors import Conflict, Invalid, NotFound


@pytest.fixture(autouse=True)
def _anna(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", display_name="Anna", email="anna@example.com", actor=SYSTEM)


def test_columns_are_changed_together_and_audited(database: Database) -> None:
    with database.write() as connection:
        found = users.change(
            connection,
            "anna",
            {"role": "dispatcher", "email": None, "time_zone": "Europe/Berlin", "display_name": "Anna"},
            actor=SYSTEM,
        )
        (entry,) = audit.page(connection, filters=Filters(action="user.change"))
    assert (found.role, found.email, found.time_zone) == ("dispatcher", None, "Europe/Berlin")
    assert (entry.subject, entry.facts) == ("user:anna", {"role": "dispatcher", "columns": "email time_zone"})


def test_saying_what_is_so_already_leaves_no_entry(database: Database) -> None:
    with database.write() as connection:
        users.change(connection, "anna", {"active": True, "role": "member"}, actor=SYSTEM)
        assert audit.page(connection, filters=Filters(action="user.change")) == []


def test_access_and_activity_are_audited_by_value(database: Database) -> None:
    with database.write() as connection:
        users.set_access(connection, "anna", allowed=False, actor=SYSTEM)
        users.set_active(connection, "anna", active=False, actor=SYSTEM)
        entries = audit.page(connection, filters=Filters(action="user.change"))
        found = users.get(connection, "anna")
    assert [it.facts for it in reversed(entries)] == [{"calendar_access": False}, {"active": False}]
    assert (found.calendar_access, found.active) == (False, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"username": "bo"}, "username of a user cannot be changed"),
        ({"id": 7}, "id of a user cannot be changed"),
        ({"time_zone": "Berlin"}, "is not an IANA time zone"),
        ({"role": "boss"}, "There is no role 'boss'"),
        ({"role": "dispatchr"}, 'did you mean "dispatcher"'),
        ({"active": "no"}, "active must be true or false"),
        ({"active": 1}, "active must be true or false"),
        ({"role": None}, "role must be a text"),
        ({"display_name": 5}, "display_name must be a text"),
        ({"display_name": "x" * 256}, "at most 255 characters"),
        ({"email": "a\x00b"}, "and no NUL"),
    ],
)
def test_what_cannot_be_is_refused(database: Database, changes: dict[str, Any], message: str) -> None:
    with database.write() as connection:
        before = users.get(connection, "anna")
        with pytest.raises(Invalid, match=message):
            users.change(connection, "anna", changes, actor=SYSTEM)
        assert users.get(connection, "anna") == before


def test_a_new_user_is_checked_alike(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(Invalid, match="There is no role 'boss'"):
            users.create(connection, username="bo", role="boss", actor=SYSTEM)
        with pytest.raises(Conflict):
            users.create(connection, username="anna", actor=SYSTEM)


def test_who_is_not_there_is_not_found(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(NotFound):
            users.change(connection, "bo", {"active": False}, actor=SYSTEM)
        with pytest.raises(NotFound):
            users.remove(connection, "bo", actor=SYSTEM)
        users.remove(connection, "anna", actor=SYSTEM)
        assert users.list_users(connection) == []
