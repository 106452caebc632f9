# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see the calendars and links: everybody their own."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from tests.server.pages.areas.calendars.fetching import fetch
from tests.server.pages.table import EVERYBODY, Row
from tests.server.running import Running

_NEWEST = text(
    "SELECT max(feeds.id) FROM feeds JOIN users ON users.id = feeds.user_id"
    " WHERE users.username = :name AND feeds.revoked_at IS NULL"
)


def _with_link(path: str) -> Callable[[Running, str], str]:
    """The address of a page, in which the id of a link of the user stands as {id}; it was fetched once."""

    def address(running: Running, username: str) -> str:
        with running.database.read() as connection:
            known = connection.scalar(_NEWEST, {"name": username})
        if known is None:
            known, token = running.feed(username)
            fetch(running, token)
        return path.format(id=known)

    return address


ROWS = [
    Row("GET", "/calendars", EVERYBODY, example=_with_link("/calendars")),
    Row("GET", "/calendars/links", EVERYBODY, example=_with_link("/calendars/links")),
    Row("GET", "/calendars/new", EVERYBODY),
    Row("POST", "/calendars/new", EVERYBODY),
    Row("GET", "/calendars/<int:feed_id>", EVERYBODY, example=_with_link("/calendars/{id}")),
    Row("POST", "/calendars/<int:feed_id>", EVERYBODY, example=_with_link("/calendars/{id}")),
    Row("GET", "/calendars/<int:feed_id>/link", EVERYBODY, example=_with_link("/calendars/{id}/link")),
    Row("GET", "/calendars/<int:feed_id>/replace", EVERYBODY, example=_with_link("/calendars/{id}/replace")),
    Row("POST", "/calendars/<int:feed_id>/replace", EVERYBODY, example=_with_link("/calendars/{id}/replace")),
    Row("GET", "/calendars/<int:feed_id>/end", EVERYBODY, example=_with_link("/calendars/{id}/end")),
    Row("POST", "/calendars/<int:feed_id>/end", EVERYBODY, example=_with_link("/calendars/{id}/end")),
    Row("GET", "/calendars/reset", EVERYBODY, example=_with_link("/calendars/reset")),
    Row("POST", "/calendars/reset", EVERYBODY),
    Row("POST", "/calendars/busy", EVERYBODY),
    Row("GET", "/calendars/free-busy", EVERYBODY),
    Row("POST", "/calendars/free-busy", EVERYBODY),
    Row("POST", "/calendars/free-busy/end", EVERYBODY),
]
