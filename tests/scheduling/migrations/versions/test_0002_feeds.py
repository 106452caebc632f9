# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds and their links survive the migration that gives them options."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from scheduling.access.secrets import Keyring, new_key
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.feeds.links import LinkState, find_link
from scheduling.feeds.options import FeedOptions

KEYRING = Keyring(new_key())


def test_feeds_keep_their_links_and_show_everything(empty: Database) -> None:
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO users (username) VALUES ('ann')"))
        for label in ("Phone", "Gone"):
            connection.execute(
                text(
                    "INSERT INTO feeds (user_id, label, created_at, changed_at)"
                    " VALUES (1, :label, '2026-03-10 09:00:00+00:00', 7)"
                ),
                {"label": label},
            )
        for feed, token, replaced in ((1, "new", None), (1, "old", "2026-03-11 09:00:00+00:00")):
            connection.execute(
                text(
                    "INSERT INTO feed_tokens (lookup, feed_id, encrypted, created_at, replaced_at)"
                    " VALUES (:lookup, :feed, :encrypted, '2026-03-10 09:00:00+00:00', :replaced)"
                ),
                {
                    "lookup": KEYRING.lookup(token),
                    "feed": feed,
                    "encrypted": None if replaced else KEYRING.encrypt(token),
                    "replaced": replaced,
                },
            )
    schema.upgrade(empty)
    with empty.write() as connection:
        assert feeds.show(connection, KEYRING, 1) == "new"
        link = find_link(connection, KEYRING, "new")
        assert (link.state, link.changed_at, link.options) == (LinkState.CURRENT, 7, FeedOptions())
        assert find_link(connection, KEYRING, "old").state is LinkState.GONE
        connection.execute(text("DELETE FROM users"))
        assert connection.scalar(text("SELECT count(*) FROM feed_tokens")) == 0
        assert connection.scalar(text("SELECT count(*) FROM feeds")) == 0
