# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /feeds/<token>.ics: secret feeds over HTTP.

Unknown links are 404, replaced and revoked ones 410 (Thunderbird then stops asking); a database that is away is 503,
never an empty calendar. An unchanged feed is 304 without reading an object.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, request

from scheduling import feeds
from scheduling.feeds import Link, LinkState
from scheduling.snapshot import Snapshot
from server import conditional
from server.settings import Settings

_TOKEN = re.compile(r"[a-z2-7]{32}")
_HEADERS = {
    "Content-Disposition": 'inline; filename="schedule.ics"', "Cache-Control": "private, max-age=300, no-transform",
    "Vary": "Accept-Encoding", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}


def create_feeds(settings: Settings) -> Blueprint:
    """The blueprint with the one route; GET, HEAD and OPTIONS, everything else is 405 with Allow."""
    blueprint = Blueprint("feeds", __name__)
    database, keyring = settings.database(), settings.keyring()

    @blueprint.get("/feeds/<token>.ics")
    def feed(token: str) -> Response:
        if not _TOKEN.fullmatch(token):
            abort(404, "There is no such feed.")
        with Snapshot(database, settings.config) as snapshot:
            link = feeds.find_link(snapshot.connection, keyring, token)
            _require_current(link)
            return _answer(snapshot, link)

    return blueprint


def _require_current(link: Link) -> None:
    if link.state is LinkState.GONE:
        abort(410, "This feed's link was replaced or revoked; ask its owner for a new one.")
    if link.state is not LinkState.CURRENT:
        abort(404, "There is no such feed.")


def _answer(snapshot: Snapshot, link: Link) -> Response:
    calendars = snapshot.calendars_of(link.user_id)
    if not calendars:
        abort(404, "There is no such feed.")
    etag = feeds.etag(link, calendars)
    modified = feeds.http_date(feeds.last_modified(link, calendars))
    validators = {**_HEADERS, "ETag": etag, "Last-Modified": modified}
    if conditional.not_modified(request.environ, etag, modified):
        return Response(status=304, headers=validators)
    body = feeds.render(snapshot.connection, link, calendars)
    return Response(body, headers=validators, content_type="text/calendar; charset=utf-8")
