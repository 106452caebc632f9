# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose clock was years ahead, and was set right: what it put off until then is done now."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring, new_key
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore
from scheduling.upkeep import clock, maintenance

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
YEARS = 5 * 365 * 86_400
KEYRING = Keyring(new_key())


def test_what_was_put_off_and_claimed_by_a_wrong_clock_is_due(database: Database, config: Config) -> None:
    store = ImportStore(database, config, KEYRING, followers=FOLLOWERS)
    with database.write() as connection:
        anna = users.create(connection, username="anna", actor=SYSTEM)
        for label in ("put off", "claimed", "as it should be"):
            subscriptions.add(
                connection, KEYRING, anna.id, f"https://example.com/{label[:3]}", label, actor=SYSTEM
            )
        connection.execute(text("UPDATE subscriptions SET next_at = :at"), {"at": NOW + 600})
        for label in ("put off", "claimed"):
            connection.execute(
                text("UPDATE subscriptions SET next_at = :at WHERE label = :label"),
                {"at": NOW + YEARS, "label": label},
            )
    claimed = store.claim(NOW + YEARS, 60, 10, only=2)
    assert [it.id for it in claimed] == [2]
    assert not store.is_due(NOW), "the clock was set right, and all would be waited for"
    maintenance.run(database, config, datetime.fromtimestamp(NOW, UTC), followers=FOLLOWERS)
    assert sorted(it.id for it in store.claim(NOW, 60, 10)) == [1, 2]
    with database.write() as connection:
        due = {
            it.label: it.next_at
            for it in connection.execute(text("SELECT label, next_at FROM subscriptions"))
        }
        assert due["as it should be"] == NOW + 600
        assert clock.put_right(connection, NOW) == 0


def test_deliveries_of_webhooks_too(database: Database) -> None:
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO webhooks (label, host, encrypted_url, encrypted_secret, events, within_hours,"
                " created_at, next_at, lease, lease_until)"
                " VALUES ('x', 'x', :x, :x, '', 1, '2026-03-01', :at, 'l', :at)"
            ),
            {"x": b"x", "at": NOW + YEARS},
        )
        connection.execute(
            text(
                "INSERT INTO webhook_deliveries"
                " (webhook_id, event_id, event_type, body, expires_at, created_at, next_at)"
                " VALUES ((SELECT max(id) FROM webhooks), 'e', 't', '', :at, '2026-03-01', :at)"
            ),
            {"at": NOW + YEARS},
        )
        assert clock.put_right(connection, NOW) == 3
        assert connection.execute(text("SELECT next_at, lease, lease_until FROM webhooks")).one() == (
            NOW,
            None,
            0,
        )
        assert connection.scalar(text("SELECT next_at FROM webhook_deliveries")) == NOW
