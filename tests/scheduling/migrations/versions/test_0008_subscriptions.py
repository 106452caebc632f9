# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions and what they imported survive the migrations that give them more columns."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring, new_key
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.kinds.policy import Policy
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.subscriptions import Changes

KEYRING = Keyring(new_key())


def test_subscriptions_keep_their_events_and_get_the_defaults(empty: Database) -> None:
    url = KEYRING.encrypt("https://example.com/a.ics")
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(text("INSERT INTO users (username) VALUES ('ann')"))
        connection.execute(
            text(
                "INSERT INTO subscriptions"
                " (user_id, label, host, encrypted_url, created_at, next_at, failures, last_success_at)"
                " VALUES (1, :label, 'example.com', :url, '2026-03-10 09:00:00+00:00', 7, :failures, :success)"
            ),
            [
                {"label": label, "url": url, "failures": failures, "success": success}
                for label, failures, success in (
                    ("Private", 0, None),
                    ("Read", 0, "2026-03-10 09:15:00+00:00"),
                    ("Failing", 2, "2026-03-10 09:15:00+00:00"),
                )
            ],
        )
        connection.execute(
            text(
                "INSERT INTO external_events"
                " (subscription_id, user_id, uid, content_hash, template, series, status, transparency)"
                " VALUES (1, 1, 'a', 'x', '', '', 'CONFIRMED', 'OPAQUE')"
            )
        )
    schema.upgrade(empty)
    with empty.write() as connection:
        found = subscriptions.get(connection, 1, actor=SYSTEM)
        assert (found.label, found.policy, found.sync.state) == ("Private", Policy(), "never")
        assert (found.has_credentials, found.time_zone, found.detached_at) == (False, None, None)
        assert connection.scalar(text("SELECT count(*) FROM external_events")) == 1
        changed = subscriptions.change(connection, KEYRING, 1, Changes(busy="all"), actor=SYSTEM)
        assert changed.policy.busy == "all"
        assert connection.scalars(text("SELECT label FROM subscriptions WHERE prompt")).all() == ["Read"]
        if empty.is_sqlite:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    with pytest.raises(IntegrityError, match="subscriptions_busy_check"), empty.write() as connection:
        connection.execute(text("UPDATE subscriptions SET busy = 'sometimes'"))
