# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of a database find."""

from __future__ import annotations

import time

from cryptography.fernet import Fernet
from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.settings.stored import view
from scheduling.subscriptions import subscriptions
from scheduling.upkeep import health
from scheduling.upkeep.health import Level
from scheduling.webhooks import endpoints


def key() -> Keyring:
    return Keyring(Fernet.generate_key().decode())


def examine(database: Database, keyring: Keyring | None = None) -> dict[str, tuple[Level, str]]:
    with database.read() as connection:
        return {it.check: (it.level, it.text) for it in health.examine(connection, keyring)}


def run(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(statement))


def test_a_fresh_database_is_healthy(database: Database) -> None:
    found = examine(database, key())
    assert {level for level, _ in found.values()} == {Level.OK}
    assert found.keys() == {
        *(
            "integrity",
            "triggers",
            "clock",
            "unrendered",
            "calendars",
            "imports",
            "webhooks",
            "mail",
            "secrets",
        ),
        *("time zones of users", "roles of users", "worker"),
    }


def test_a_missing_trigger_is_a_problem(database: Database) -> None:
    table = "" if database.is_sqlite else " ON blockers"
    run(database, f"DROP TRIGGER daysheet_blockers_insert{table}")
    level, words = examine(database)["triggers"]
    assert level is Level.PROBLEM
    assert "daysheet_blockers_insert" in words


def test_a_disabled_trigger_is_a_problem(postgresql_database: Database) -> None:
    run(postgresql_database, "ALTER TABLE time_off DISABLE TRIGGER daysheet_time_off_update")
    level, words = examine(postgresql_database)["triggers"]
    assert level is Level.PROBLEM
    assert "daysheet_time_off_update" in words


def test_a_damaged_file_is_a_problem(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        for number in range(200):
            users.create(connection, username=f"user{number}", display_name="x" * 200, actor=SYSTEM)
        page = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'users'"))
        size = connection.scalar(text("PRAGMA page_size"))
    assert sqlite_database.path is not None
    with sqlite_database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    sqlite_database.dispose()
    with sqlite_database.path.open("r+b") as file:
        file.seek((page - 1) * size + 8)
        file.write(b"\xff" * 64)
    level, words = examine(sqlite_database)["integrity"]
    assert level is Level.PROBLEM
    assert "restore a backup" in words


def test_rows_left_out_and_failing_imports_are_warnings(database: Database) -> None:
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        connection.execute(
            text(
                "INSERT INTO blockers (user_id, title, start_date, end_date, rrule)"
                " VALUES (:user, 'x', '2026-01-01', '2026-01-02', 'FREQ=NEVER')"
            ),
            {"user": user.id},
        )
        ensure_calendars(connection, user.id)
        catch_up(connection, user.id, "blockers", view(connection, Config()), followers=FOLLOWERS)
        subscriptions.add(connection, key(), user.id, "https://example.com/a.ics", "Private", actor=SYSTEM)
        connection.execute(text("UPDATE subscriptions SET status = 'error'"))
        endpoints.add(connection, key(), "https://example.com/", actor=SYSTEM)
        connection.execute(text("UPDATE webhooks SET status = 'error'"))
    found = examine(database)
    assert found["webhooks"][0] is Level.WARNING
    assert found["unrendered"][0] is Level.WARNING
    assert "blockers 1" in found["unrendered"][1]
    assert found["imports"][0] is Level.WARNING
    assert "secrets" not in found


def test_changes_that_wait_for_long_are_a_warning(database: Database) -> None:
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        ensure_calendars(connection, user.id)
        connection.execute(
            text(
                "INSERT INTO schedule_changes (user_id, slug, source_id, changed_at)"
                " VALUES (:user, 'jobs', 1, :now)"
            ),
            {"user": user.id, "now": int(time.time())},
        )
    assert examine(database)["calendars"] == (
        Level.OK,
        "1 recent change waits until a calendar is next read.",
    )
    run(database, "UPDATE schedule_changes SET changed_at = changed_at - 7200")
    level, words = examine(database)["calendars"]
    assert level is Level.WARNING
    assert "120 min" in words


def test_secrets_of_another_key_are_a_problem(database: Database) -> None:
    right, wrong = key(), key()
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        feeds.create(connection, right, user.id, "Phone", actor=SYSTEM)
        subscriptions.add(
            connection, right, user.id, "https://example.com/secret.ics", "Private", actor=SYSTEM
        )
        endpoints.add(connection, right, "https://example.com/", actor=SYSTEM)
    assert examine(database, right)["secrets"] == (
        Level.OK,
        "All stored secrets (4) can be read with the key.",
    )
    level, words = examine(database, wrong)["secrets"]
    assert level is Level.PROBLEM
    assert words.startswith("4 of 4 stored secrets cannot be read")


def test_counts_are_of_what_is_there(database: Database) -> None:
    with database.write() as connection:
        users.create(connection, username="anna", actor=SYSTEM)
    with database.read() as connection:
        counts = health.counts(connection)
    assert counts["users"] == 1
    assert counts["jobs"] == counts["calendar_objects"] == 0


def test_what_stayed_of_an_ended_subscription_is_no_fault(database: Database) -> None:
    right = key()
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        kept = subscriptions.add(connection, right, user.id, "https://example.com/a.ics", "Old", actor=SYSTEM)
        connection.execute(
            text(
                "INSERT INTO external_events (subscription_id, user_id, uid, content_hash, template, series, status,"
                " transparency) VALUES (:it, :user, 'x', 'x', 'x', 'x', 'CONFIRMED', 'OPAQUE')"
            ),
            {"it": kept.id, "user": user.id},
        )
        subscriptions.remove(connection, kept.id, actor=SYSTEM)
    found = examine(database, right)
    assert found["secrets"] == (Level.OK, "All stored secrets (0) can be read with the key.")
    assert found["imports"] == (Level.OK, "No imported calendar fails.")


def test_calendars_that_nothing_fetches_are_found(database: Database) -> None:
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        for label in ("due", "soon"):
            subscriptions.add(connection, key(), user.id, "https://example.com/a.ics", label, actor=SYSTEM)
        connection.execute(
            text("UPDATE subscriptions SET next_at = :then WHERE label = 'due'"),
            {"then": int(time.time()) - 4000},
        )
    level, words = examine(database)["imports"]
    assert level is Level.WARNING
    assert "1 imported calendar has been due for more than an hour" in words


def test_a_check_that_fails_holds_up_no_other(database: Database) -> None:
    run(database, "ALTER TABLE webhooks RENAME TO elsewhere")
    found = examine(database, key())
    assert found["webhooks"][0] is Level.PROBLEM
    assert "cannot be checked" in found["webhooks"][1]
    assert found["triggers"][0] is Level.OK
    assert found["imports"][0] is Level.OK
    assert {"secrets", "roles of users"} <= found.keys()
