# SPDX-License-Identifier: GPL-3.0-or-later
"""Polls: requests of a user's own calendar with an app password, answered before Radicale with one statement for login
and state. Whatever is not plainly that (another password, another's calendar, a calendar that is behind, an unknown
request) goes on to Radicale, which starts from the beginning.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from server import conditional
from server.dav import reports
from server.dav.fast.answers import Answer, FastAnswers
from server.dav.fast.bodies import Bodies, packed
from server.dav.fast.recognise import propfind

_PATH = re.compile(r"/([A-Za-z0-9._@-]+)/([a-z0-9-]+)/")
_ROOT = 300
"""Octets of a body within which its root element begins."""
_METHODS = frozenset({"PROPFIND", "REPORT", "GET", "HEAD"})
Started = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class Polls:
    """Made of the storage and auth plugins; `read` gives the request's XML root or raises `RuntimeError`."""

    def __init__(
        self, answers: FastAnswers, storage: Any, auth: Any, extra_headers: Mapping[str, str]
    ) -> None:
        self._answers = answers
        self._storage = storage
        self._auth = auth
        self._extra_headers = extra_headers
        self._bodies = Bodies()

    def answer(self, environ: Mapping[str, Any], read: Callable[[], Any], *, minimal: bool) -> Started | None:
        """The WSGI answer, or None. Raises `DatabaseUnavailable`."""
        method = environ["REQUEST_METHOD"]
        path = _PATH.fullmatch(environ["PATH_INFO"])
        header = environ.get("HTTP_AUTHORIZATION", "")
        if method not in _METHODS or path is None or not header.startswith("Basic "):
            return None
        try:
            username, _, password = base64.b64decode(header[6:]).decode("ascii").partition(":")
        except ValueError:
            return None
        if username != path[1] or not password or "\x00" in password:
            return None
        lookup = self._auth.lookup(password)
        answer = None
        if _may_be_simple(environ):
            calendar = self._storage.glance(username, lookup, path[2])
            answer = self._at_a_glance(environ, read, calendar, minimal=minimal)
        if answer is None:
            with self._storage.polling(username, lookup, path[2]) as calendar:
                answer = None if calendar is None else self._of(calendar, environ, read, minimal=minimal)
        return None if answer is None else self._finish(environ, answer)

    def _at_a_glance(
        self, environ: Mapping[str, Any], read: Callable[[], Any], calendar: Any, *, minimal: bool
    ) -> Answer:
        """304, properties of the calendar itself, and synchronisations that find nothing new."""
        if calendar is None:
            return None
        if environ["REQUEST_METHOD"] == "REPORT":
            prefix = environ["SCRIPT_NAME"]
            return self._checked(read, lambda root: self._answers.unchanged(calendar, root, prefix))
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            etag, modified = calendar.etag, calendar.last_modified
            if not conditional.not_modified(environ, etag, modified):
                return None
            return HTTPStatus.NOT_MODIFIED, {"ETag": etag, "Last-Modified": modified}, None, None
        return self._properties(calendar, environ, read, minimal=minimal)

    def _of(
        self, calendar: Any, environ: Mapping[str, Any], read: Callable[[], Any], *, minimal: bool
    ) -> Answer:
        method = environ["REQUEST_METHOD"]
        if method in ("GET", "HEAD"):
            status, headers, _, log = self._answers.own_get(calendar)
            gzip = _accepts_gzip(environ)
            body = self._bodies.get((calendar.state.id, calendar.etag), calendar.octets, gzip=gzip)
            return status, {**headers, **({"Content-Encoding": "gzip"} if gzip else {})}, body, log
        if method == "PROPFIND":
            return self._properties(calendar, environ, read, minimal=minimal)
        prefix = environ["SCRIPT_NAME"]
        return self._checked(
            read, lambda root: self._answers.own_report(calendar, root, prefix, minimal=minimal)
        )

    @staticmethod
    def _checked(read: Callable[[], Any], answer: Callable[[Any], Answer]) -> Answer:
        """The answer to a report that passes `reports.check`; None for others, which are refused by name later."""
        try:
            root = read()
            if root is None:
                return None
            reports.check(root)
            return answer(root)
        except (RuntimeError, reports.BadReport):
            return None

    def _properties(
        self, calendar: Any, environ: Mapping[str, Any], read: Callable[[], Any], *, minimal: bool
    ) -> Answer:
        try:
            names = propfind(read())
        except RuntimeError:
            return None
        if not names:
            return None
        depth, prefix = environ.get("HTTP_DEPTH", "0"), environ["SCRIPT_NAME"]
        return self._answers.own_propfind(calendar, names, depth, prefix, calendar.owner, minimal=minimal)

    def _finish(self, environ: Mapping[str, Any], answer: Any) -> Started:
        status, given, body, _ = answer
        headers = dict(given)
        content = body if isinstance(body, bytes) else (body or "").encode()
        if status != HTTPStatus.NOT_MODIFIED:
            if "Content-Encoding" not in headers and _accepts_gzip(environ):
                content = packed(content)
                headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(content))
        headers.update(self._extra_headers)
        silent = environ["REQUEST_METHOD"] == "HEAD" or status == HTTPStatus.NOT_MODIFIED
        return (
            f"{int(status)} {HTTPStatus(status).phrase}",
            list(headers.items()),
            [] if silent else [content],
        )


def _may_be_simple(environ: Mapping[str, Any]) -> bool:
    """Whether the calendar's state alone may be enough; a wrong guess costs one statement."""
    method = environ["REQUEST_METHOD"]
    if method == "PROPFIND":
        return bool(environ.get("HTTP_DEPTH", "0") == "0")
    if method == "REPORT":
        return b"sync-collection" in environ["wsgi.input"].getbuffer()[:_ROOT].tobytes()
    return conditional.is_conditional(environ)


def _accepts_gzip(environ: Mapping[str, Any]) -> bool:
    """As Radicale reads Accept-Encoding."""
    return "gzip" in [it.strip() for it in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]
