# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /feeds/<token>.ics: secret feeds over HTTP.

Unknown links answer 404, revoked and expired ones 410 (Thunderbird then stops asking). A replaced link shows a notice
during its overlap, then answers 410. If the database is unreachable the answer is 503, never an empty calendar. An
unchanged feed answers 304 without reading an object.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request

from scheduling.composition import FOLLOWERS
from scheduling.feeds import body as feed_body
from scheduling.feeds.body import Scope
from scheduling.feeds.links import Link, LinkState, find_link
from scheduling.readership import client_families
from scheduling.readership.ledger import Ledger, Seen, ledger_of
from scheduling.snapshot import PATIENCE, Snapshot
from server import conditional
from server.links.cache import FeedCache
from server.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Accept, Headers

_TOKEN = re.compile(r"[a-z2-7]{32}")
_GZIP_LEVEL = 6
_HEADERS = {
    "Content-Disposition": 'inline; filename="schedule.ics"',
    "Cache-Control": "private, max-age=300, no-transform",
    "Vary": "Accept-Encoding",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}


class FeedResponse(Response):
    """Keeps Last-Modified in a 304, which werkzeug takes for a header of the missing body: clients without memory for
    tags revalidate by it (RFC 9110, section 15.4.5).
    """

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers that are sent."""
        headers = super().get_wsgi_headers(environ)
        headers["Last-Modified"] = self.headers["Last-Modified"]
        return headers


def create_feeds(settings: Settings) -> Blueprint:
    """The blueprint with the one route; GET, HEAD and OPTIONS, everything else is 405 with Allow."""
    blueprint = Blueprint("feeds", __name__)
    database, keyring = settings.database(), settings.keyring()
    answers = _Answers(settings)

    @blueprint.get("/feeds/<token>.ics")
    def feed(token: str) -> Response:
        if not _TOKEN.fullmatch(token):
            abort(404, "There is no such feed.")
        with Snapshot(database, settings.config, patience=PATIENCE, followers=FOLLOWERS) as snapshot:
            link = find_link(snapshot.connection, keyring, token)
            if link.state is LinkState.GONE:
                abort(410, "This feed's link was replaced or revoked; ask its owner for a new one.")
            if link.state is LinkState.REPLACED:
                return answers.replaced(snapshot, link)
            if link.state is not LinkState.CURRENT:
                abort(404, "There is no such feed.")
            return answers.current(snapshot, link)

    return blueprint


class _Answers:
    """What the links of one process need for their answers."""

    def __init__(self, settings: Settings) -> None:
        self._server = settings.server
        self._cache = FeedCache(settings.server.feed_cache)
        days = settings.config.security.reader_address_days
        self._ledger: Ledger = ledger_of(settings.database(), address_days=days)

    def current(self, snapshot: Snapshot, link: Link) -> Response:
        """The feed as it is now, or 304."""
        calendars = snapshot.calendars_of(link.user_id)
        if not calendars:
            abort(404, "There is no such feed.")
        view = snapshot.view
        scope = feed_body.scope(
            link,
            calendars,
            view,
            link.options.window(view, snapshot.today),
            private=self._server.feed_private,
        )
        response = self._conditional(
            scope.version,
            scope.last_modified,
            lambda: feed_body.render(snapshot.connection, scope, self._server.feed_max_size),
        )
        if request.method == "GET":
            self._note(scope)
        return response

    def replaced(self, snapshot: Snapshot, link: Link) -> Response:
        """The notice that there is a new link. Empty if calendars are switched off."""
        if not snapshot.view.calendars.enabled:
            abort(404, "There is no such feed.")
        version, body = feed_body.replaced(link)
        return self._conditional(version, link.replaced_at, lambda: body)

    def _conditional(self, version: str, changed_at: int, render: Callable[[], bytes]) -> Response:
        modified = formatdate(changed_at, usegmt=True)
        compressed = self._wants_gzip()
        etag = f'"{version}-gzip"' if compressed else f'"{version}"'
        headers = {**_HEADERS, "ETag": etag, "Last-Modified": modified}
        if conditional.not_modified(request.environ, etag, modified):
            return FeedResponse(status=304, headers=headers)
        if compressed:
            headers["Content-Encoding"] = "gzip"
        body = self._body(version, render, compressed=compressed)
        return FeedResponse(body, headers=headers, content_type="text/calendar; charset=utf-8")

    def _body(self, version: str, render: Callable[[], bytes], *, compressed: bool) -> bytes:
        if compressed:
            body = self._cache.get(f"{version}-gzip")
            if body is None:
                plain = self._body(version, render, compressed=False)
                body = gzip.compress(plain, _GZIP_LEVEL, mtime=0)
                self._cache.put(f"{version}-gzip", body)
            return body
        body = self._cache.get(version)
        if body is None:
            body = render()
            self._cache.put(version, body)
        return body

    def _wants_gzip(self) -> bool:
        accepted = request.accept_encodings
        quality = accepted.quality("gzip") if accepted else 0
        if not self._server.feed_gzip or quality <= 0 or quality < _named(accepted, "identity"):
            return False
        agent = request.user_agent.string.casefold()
        return not any(word.casefold() in agent for word in self._server.feed_gzip_refused)

    def _note(self, scope: Scope) -> None:
        self._ledger.record(
            Seen(
                user_id=scope.link.user_id,
                source="feed",
                source_id=scope.link.feed_id,
                client=client_families.of(request.user_agent.string),
                scope=scope.link.changed_at,
                revisions={it.id: it.revision for it in scope.calendars},
                at=int(time.time()),
                address=request.remote_addr,
            )
        )


def _named(accepted: Accept, encoding: str) -> float:
    """The quality of an encoding that the client names. 0 if the client does not name it."""
    return max((quality for name, quality in accepted if name.lower() == encoding), default=0)
