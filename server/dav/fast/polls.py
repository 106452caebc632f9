# SPDX-License-Identifier: GPL-3.0-or-later
"""Polls: requests for a user's own calendar with an app password. They are answered before any other code looks at
them, with one SQL statement for login and state. All other requests (another password, another user's calendar, a
calendar that is behind, an unknown request) take the usual way from the beginning.

Only the WSGI variables named here are used, and only in their plainest form. So a poll does not need the checks of
server/gate.py.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from wsgiref.types import WSGIEnvironment

from radicale.types import WSGIEnviron

from scheduling.calendars.calendars import CalendarState
from scheduling.errors import DatabaseUnavailable, Invalid
from scheduling.ports import Calendar, CalendarStorage, Resource, SignIn
from server import conditional
from server.dav import reports
from server.dav.fast import understood
from server.dav.fast.answers import Answer, FastAnswers
from server.dav.fast.bodies import KEPT, Bodies, gathered
from server.dav.fast.sending import Answered, Started, accepts_gzip, finish
from server.dav.xml import BadBody, parse

logger = logging.getLogger(__name__)

PREFIX = "/dav"
_PATH = re.compile(
    PREFIX + r"/([A-Za-z0-9_@-][A-Za-z0-9._@-]{0,254})/(?:([a-z0-9-]{1,64})/([0-9a-f]{32}\.ics)?)?"
)
_LONGEST = 2**20
"""The most octets of a request body that is read here."""
_WITH_BODY = frozenset({"PROPFIND", "REPORT"})
_SIMPLE_REPORTS = (b"sync-collection", b"calendar-multiget")
_FAILED = b"Something went wrong on the server; its log says more.\n"
_METHODS = frozenset({*_WITH_BODY, "GET", "HEAD"})
Note = Callable[[WSGIEnviron, Sequence[CalendarState], int], None]
"""Called with the environment, the calendars and the app password of each answered request."""


class Polls:
    """Made from the storage and auth plugins. `note` is called with who read what. `away` answers when the database is
    unreachable. Bodies longer than `max_body` octets are left to the usual way.
    """

    def __init__(
        self,
        answers: FastAnswers,
        storage: CalendarStorage,
        sign_in: SignIn,
        *,
        extra_headers: Mapping[str, str],
        max_body: int,
        note: Note,
        away: Callable[[DatabaseUnavailable], Started],
    ) -> None:
        self._answers = answers
        self._storage = storage
        self._sign_in = sign_in
        self._extra_headers = tuple(extra_headers.items())
        self._longest = min(max_body, _LONGEST)
        self._note = note
        self._away = away
        self._bodies = Bodies()

    def answer(self, environ: WSGIEnvironment) -> Started | None:
        """The WSGI answer, or None with the request's body still to be read."""
        try:
            return self._poll(environ)
        except DatabaseUnavailable as away:
            return self._away(away)
        except Exception:
            logger.exception("a poll by %s could not be answered", environ["REQUEST_METHOD"])
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(_FAILED)))]
            return "500 Internal Server Error", [*headers, *self._extra_headers], [_FAILED]

    def at_once(self, environ: WSGIEnvironment) -> Started | None:
        """As `answer`, on a thread whose database is `prompt`. Also None if the thread would have to wait for the
        database.
        """
        try:
            return self._poll(environ, at_once=True)
        except DatabaseUnavailable:
            return None

    def _poll(self, environ: WSGIEnvironment, *, at_once: bool = False) -> Started | None:
        method = environ["REQUEST_METHOD"]
        path = _PATH.fullmatch(environ.get("PATH_INFO", "")) if method in _METHODS else None
        # Without a depth a PROPFIND is infinite (RFC 4918, section 9.1), a REPORT is not (RFC 3253, section 3.6).
        unsaid = "infinity" if method == "PROPFIND" else "0"
        if path is None or environ.get("HTTP_DEPTH", unsaid) not in ("0", "1"):
            return None
        if path[3] is not None and method in _WITH_BODY:
            return None
        # The body is not read for a client without credentials.
        password = _password(environ.get("HTTP_AUTHORIZATION", ""), path[1])
        if password is None or not self._read_body(environ, method):
            return None
        of_calendar = path[2] is not None and path[3] is None
        if at_once and of_calendar and not _may_be_simple(environ):
            return None  # this needs a transaction, so no look-up is made here
        lookup = self._sign_in.lookup(password)
        if path[2] is None:
            return self._home(environ, path[1], lookup)
        if path[3] is not None:
            return self._object(environ, path[1], path[2], path[3], lookup)
        return self._answer(environ, path[1], path[2], lookup)

    def _read_body(self, environ: WSGIEnvironment, method: str) -> bool:
        """Read the whole body. False if its length is not stated or too large."""
        length = environ.get("CONTENT_LENGTH") or ""
        if method not in _WITH_BODY:
            return length in ("", "0")
        if not (length.isdecimal() and len(length) < 9 and int(length) <= self._longest):
            return False
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["daysheet.body"] = body
        return len(body) == int(length)

    def _answer(self, environ: WSGIEnvironment, username: str, slug: str, lookup: bytes) -> Started | None:
        """Of a calendar."""
        if _may_be_simple(environ):
            found = self._storage.glance(username, lookup, slug)
            if found is None:
                return None
            answer = self._at_a_glance(environ, found[0])
            if answer is not None:
                return self._finished(environ, answer, [found[0].state], found[1])
        with self._storage.polling(username, lookup, slug) as found:
            if found is None:
                return None
            answer = self._of(found[0], environ)
        return None if answer is None else self._finished(environ, answer, [found[0].state], found[1])

    def _object(
        self, environ: WSGIEnvironment, username: str, slug: str, name: str, lookup: bytes
    ) -> Started | None:
        """Of an object in a calendar, which is right in itself."""
        found = self._storage.glance(username, lookup, slug)
        if found is None or (item := found[0].one(name)) is None:
            return None
        unchanged = _unchanged(environ, item)
        answer = self._answers.own_object(item) if unchanged is None else unchanged
        return self._finished(environ, answer, [found[0].state], found[1])

    def _home(self, environ: WSGIEnvironment, username: str, lookup: bytes) -> Started | None:
        """The user's calendar home and the calendars in it."""
        names = understood.properties(environ["daysheet.body"]) if "daysheet.body" in environ else None
        found = self._storage.glance_home(username, lookup) if names else None
        if not names or found is None:
            return None
        asked = found[0] if environ.get("HTTP_DEPTH", "0") == "1" else found[0][:1]
        answer = self._answers.own_home(asked, names, PREFIX, username, minimal=_minimal(environ))
        if answer is None:
            return None
        states = [it.state for it in asked if it.resource == "calendar"]
        return self._finished(environ, answer, states, found[1])

    def _finished(
        self, environ: WSGIEnvironment, answer: Answered, states: Sequence[CalendarState], app_password: int
    ) -> Started:
        self._note(environ, states, app_password)
        return finish(environ, answer, self._extra_headers, minimal=_minimal(environ))

    def _at_a_glance(self, environ: WSGIEnvironment, calendar: Calendar) -> Answer:
        """304, properties of the calendar itself, synchronisations that find nothing new, and objects by name. Each of
        them is right in itself.
        """
        method = environ["REQUEST_METHOD"]
        if method == "PROPFIND":
            return self._properties(calendar, environ)
        if method == "REPORT":
            asked = understood.synchronisation(environ["daysheet.body"])
            if asked is not None:
                return self._answers.unchanged(calendar, asked)
            return self._report(calendar, environ, (reports.MULTIGET,))
        return _unchanged(environ, calendar)

    def _of(self, calendar: Calendar, environ: WSGIEnvironment) -> Answer:
        method = environ["REQUEST_METHOD"]
        if method == "PROPFIND":
            return self._properties(calendar, environ)
        if method == "REPORT":
            return self._report(calendar, environ)
        status, headers, _, log = self._answers.own_get(calendar)
        gzip = accepts_gzip(environ)
        key = (calendar.state.id, calendar.etag)
        body = self._bodies.get(key, lambda: gathered(calendar.pieces(), KEPT), gzip=gzip)
        return status, {**headers, **({"Content-Encoding": "gzip"} if gzip else {})}, body, log

    def _report(
        self, calendar: Calendar, environ: WSGIEnvironment, kinds: tuple[str, ...] = reports.SUPPORTED
    ) -> Answer:
        """The answer to a report of these kinds that passes `reports.check`. None for other reports, which are refused
        by name later.
        """
        try:
            root = parse(environ["daysheet.body"])
            if root.tag not in kinds:
                return None
            reports.check(root)
            if root.tag == reports.FREE_BUSY:
                return self._answers.own_free_busy(calendar, *reports.free_busy_span(root))
            return self._answers.own_report(calendar, root, PREFIX, minimal=_minimal(environ))
        except (BadBody, reports.BadReport, Invalid):
            return None

    def _properties(self, calendar: Calendar, environ: WSGIEnvironment) -> Answer:
        names = understood.properties(environ["daysheet.body"])
        if not names:
            return None
        return self._answers.own_propfind(
            calendar,
            names,
            environ.get("HTTP_DEPTH", "0"),
            PREFIX,
            calendar.owner,
            minimal=_minimal(environ),
        )


def _password(header: str, username: str) -> str | None:
    """The password in Basic credentials of `username` (RFC 7617). The name may be typed in any case, because only this
    user's own app password is looked for.
    """
    if not header.startswith("Basic "):
        return None
    try:
        name, _, password = base64.b64decode(header[6:], validate=True).decode("ascii").partition(":")
    except ValueError:
        return None
    is_theirs = name == username or name.lower() == username.lower()
    return password if is_theirs and 0 < len(password) <= 1024 and "\x00" not in password else None


def _unchanged(environ: WSGIEnvironment, it: Resource) -> Answer:
    """304 if the client has the current calendar or object (RFC 9110, section 13). Otherwise None."""
    if not conditional.is_conditional(environ) or not conditional.not_modified(
        environ, it.etag, it.last_modified
    ):
        return None
    return HTTPStatus.NOT_MODIFIED, {"ETag": it.etag, "Last-Modified": it.last_modified}, None, None


def _may_be_simple(environ: WSGIEnvironment) -> bool:
    """Whether the calendar's state alone may be enough. A wrong guess costs one SQL statement."""
    method = environ["REQUEST_METHOD"]
    if method == "PROPFIND":
        return bool(environ.get("HTTP_DEPTH", "0") == "0")
    if method == "REPORT":
        return any(it in environ["daysheet.body"] for it in _SIMPLE_REPORTS)
    return conditional.is_conditional(environ)


def _minimal(environ: WSGIEnvironment) -> bool:
    return "return=minimal" in environ.get("HTTP_PREFER", "").replace(" ", "").lower()
