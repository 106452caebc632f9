# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: it cannot be changed, an entry stands and falls with its act, and it is read by pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scheduling.access import audit, throttle, users
from scheduling.access.audit import Filters
from scheduling.access.permissions import SYSTEM, Actor
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import Conflict

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
ANNA = Actor(kind="user", user_id=7, name="anna", permissions=frozenset(), address="2001:db8::1")
SCRIPT = Actor(
    kind="api-key", user_id=7, name="anna", permissions=frozenset(), address="192.0.2.4", api_key_id=3
)


def note(database: Database, action: str, subject: str = "feed:1", actor: Actor = ANNA) -> None:
    with database.write() as connection:
        audit.record(connection, action, subject, actor=actor)


def actions(database: Database, filters: Filters | None = None) -> list[str]:
    with database.read() as connection:
        return [it.action for it in audit.page(connection, filters=filters)]


def test_an_entry_says_who_did_what_when_and_from_where(database: Database) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    with database.write() as connection:
        audit.record(
            connection, "feed.create", "feed:1", label='Ä "x"\n\x00', count=2, nothing=None, actor=ANNA
        )
        audit.record(connection, "feed.show", "feed:1", actor=SCRIPT)
        audit.record(connection, "feed.revoke", "feed:1", actor=SYSTEM)
    with database.read() as connection:
        system, script, anna = audit.page(connection)
    assert before <= anna.at <= datetime.now(UTC) + timedelta(seconds=2)
    assert (anna.actor_kind, anna.actor_id, anna.actor, anna.address) == ("user", 7, "anna", "2001:db8::1")
    assert (anna.action, anna.subject) == ("feed.create", "feed:1")
    assert anna.facts == {"label": 'Ä "x"\n\x00', "count": 2}
    assert (script.actor_kind, script.actor_id) == ("api-key", 3)
    assert (system.actor_kind, system.actor_id, system.address) == ("system", None, None)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_database_refuses_to_change_it(database: Database, statement: str) -> None:
    if database.is_sqlite and statement.startswith("TRUNCATE"):
        statement = "DELETE FROM audit_log WHERE id = 1"
    note(database, "feed.create")
    with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))
    assert actions(database) == ["feed.create"]


def test_an_act_that_fails_leaves_no_entry(database: Database) -> None:
    def create_twice() -> None:
        with database.write() as connection:
            users.create(connection, username="anna", actor=SYSTEM)
            users.create(connection, username="anna", actor=SYSTEM)

    with pytest.raises(Conflict):
        create_twice()
    assert actions(database) == []


def test_an_entry_outlives_whom_it_speaks_of(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
        users.remove(connection, "anna", actor=SYSTEM)
    assert actions(database) == ["user.delete", "user.create"]


def test_pages_follow_one_another_without_gap_or_repetition(database: Database) -> None:
    for number in range(7):
        note(database, f"feed.act{number}")
    seen: list[str] = []
    before = None
    with database.read() as connection:
        while found := audit.page(connection, before=before, limit=3):
            seen += [it.action for it in found]
            before = found[-1].id
    assert seen == [f"feed.act{number}" for number in range(6, -1, -1)]


def test_filters_restrict_and_go_together(database: Database) -> None:
    note(database, "feed.create")
    note(database, "feed_x.create")
    note(database, "feed.show", "feed:2")
    note(database, "password.set", "user:anna", SYSTEM)
    assert actions(database, Filters(action="feed")) == ["feed.show", "feed.create"]
    assert actions(database, Filters(action="feed.create")) == ["feed.create"]
    assert actions(database, Filters(actor="system")) == ["password.set"]
    assert actions(database, Filters(subject="feed:2", actor="anna")) == ["feed.show"]
    now = datetime.now(UTC)
    assert (
        len(actions(database, Filters(since=now - timedelta(hours=1), until=now + timedelta(hours=1)))) == 4
    )
    assert actions(database, Filters(since=now + timedelta(hours=1))) == []
    assert actions(database, Filters(until=now - timedelta(hours=1))) == []


def test_walking_reads_every_batch(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 2)
    for number in range(4):
        note(database, f"feed.act{number}")
    note(database, "password.set")
    with database.read() as connection:
        assert [it.action for it in audit.walk(connection)] == [
            *(f"feed.act{number}" for number in range(4)),
            "password.set",
        ]
        assert len(list(audit.walk(connection, Filters(action="feed")))) == 4


def fail(database: Database, username: str, times: int, address: str = "192.0.2.1", now: int = 1000) -> None:
    policy = throttle.Policy(attempts=3, longest=60)
    for _ in range(times):
        with database.write() as connection:
            throttle.record(connection, KEYRING, username, address, policy, now)


def failures(database: Database) -> list[tuple[str, str | None, object]]:
    with database.read() as connection:
        found = audit.page(connection, filters=Filters(action="login"))
    return [(it.subject, it.address, it.facts["failures"]) for it in found]


def test_a_burst_of_failed_logins_is_one_entry(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
    fail(database, "anna", 2)
    assert failures(database) == []
    fail(database, "anna", 10)
    assert failures(database) == [("user:anna", "192.0.2.1", 3)]
    with database.write() as connection:
        throttle.forgive(connection, KEYRING, "anna", "192.0.2.1")
    fail(database, "anna", 3)
    assert failures(database) == [("user:anna", "192.0.2.1", 3)] * 2


def test_an_account_attacked_from_everywhere_and_an_address_that_tries_everybody(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
    for number in range(30):
        fail(database, "anna", 1, f"192.0.2.{number}")
    assert failures(database) == [("user:anna", "192.0.2.29", 30)]
    for number in range(60):
        fail(database, f"stranger{number}", 1, "198.51.100.1")
    assert failures(database)[0] == ("address:198.51.100.1", "198.51.100.1", 60)


def test_what_was_typed_as_a_username_is_not_kept_unless_it_is_one(database: Database) -> None:
    """People type their password into the wrong field."""
    fail(database, "my secret password", 10)
    assert failures(database) == []
