# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds with a new link as events; the link itself is no part of them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from scheduling.models import Feed, User
from scheduling.webhooks.events import EventType, emit

_FEED = (
    select(Feed.label, User.username).join(User, User.id == Feed.user_id).where(Feed.id == bindparam("feed"))
)


def emit_regenerated(connection: Connection, feed_id: int, overlap_hours: int) -> None:
    """Queue `feed.regenerated`; `overlap_hours` is how long the old link still says so."""
    row = connection.execute(_FEED, {"feed": feed_id}).one()
    facts = {"id": feed_id, "user": row.username, "label": row.label}
    emit(connection, EventType.FEED_REGENERATED, {"feed": facts, "overlap_hours": overlap_hours})
