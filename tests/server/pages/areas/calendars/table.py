# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see the calendars and links: everybody their own."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from tests.server.pages.table import EVERYBODY, Row
from tests.server.running import Running

_NEWEST = text(
    "SELECT max(feeds.id) FROM feeds JOIN users ON users.id = feeds.user_id"
    " WHERE users.username = :name AND feeds.revoked_at IS NULL"
)


def _of_feed(path: str) -> Callable[[Running, str], str]:
    """The address of a page about a link of the user, who gets one first."""

    def address(running: Running, username: str) -> str:
        with running.database.read() as connection:
            known = connection.scalar(_NEWEST, {"name": username})
        return path % (known or running.feed(username)[0])

    return address


ROWS = [
    Row("GET", "/calendars", EVERYBODY),
    Row("GET", "/calendars/links", EVERYBODY),
    Row("GET", "/calendars/new", EVERYBODY),
    Row("POST", "/calendars/new", EVERYBODY),
    Row("GET", "/calendars/<int:feed_id>", EVERYBODY, example=_of_feed("/calendars/%d")),
    Row("POST", "/calendars/<int:feed_id>", EVERYBODY, example=_of_feed("/calendars/%d")),
    Row("GET", "/calendars/<int:feed_id>/link", EVERYBODY, example=_of_feed("/calendars/%d/link")),
    Row("GET", "/calendars/<int:feed_id>/replace", EVERYBODY, example=_of_feed("/calendars/%d/replace")),
    Row("POST", "/calendars/<int:feed_id>/replace", EVERYBODY, example=_of_feed("/calendars/%d/replace")),
    Row("GET", "/calendars/<int:feed_id>/end", EVERYBODY, example=_of_feed("/calendars/%d/end")),
    Row("POST", "/calendars/<int:feed_id>/end", EVERYBODY, example=_of_feed("/calendars/%d/end")),
    Row("GET", "/calendars/reset", EVERYBODY),
    Row("POST", "/calendars/reset", EVERYBODY),
    Row("POST", "/calendars/busy", EVERYBODY),
    Row("GET", "/calendars/free-busy", EVERYBODY),
    Row("POST", "/calendars/free-busy", EVERYBODY),
    Row("POST", "/calendars/free-busy/end", EVERYBODY),
]
