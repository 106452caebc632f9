# SPDX-License-Identifier: GPL-3.0-or-later
"""Polls: requests of a user's own calendar with an app password, answered before Radicale with one statement for login
and state. Whatever is not plainly that (another password, another's calendar, a calendar that is behind, an unknown
request) goes on to Radicale, which starts from the beginning.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from server import conditional
from server.dav import reports
from server.dav.fast.answers import Answer, FastAnswers
from server.dav.fast.recognise import propfind

_PATH = re.compile(r"/([A-Za-z0-9._@-]+)/([a-z0-9-]+)/")
_METHODS = frozenset({"PROPFIND", "REPORT", "GET", "HEAD"})
_LEVEL = 1
"""Half the time of zlib's default for seven per cent more octets (docs/performance.md)."""
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
        with self._storage.polling(username, self._auth.lookup(password), path[2]) as calendar:
            if calendar is None:
                return None
            answer = self._of(calendar, environ, method, read, minimal=minimal)
        return None if answer is None else self._finish(environ, answer)

    def _of(
        self,
        calendar: Any,
        environ: Mapping[str, Any],
        method: str,
        read: Callable[[], Any],
        *,
        minimal: bool,
    ) -> Answer:
        prefix = environ["SCRIPT_NAME"]
        if method in ("GET", "HEAD"):
            etag, modified = calendar.etag, calendar.last_modified
            if conditional.not_modified(environ, etag, modified):
                return HTTPStatus.NOT_MODIFIED, {"ETag": etag, "Last-Modified": modified}, None, None
            return self._answers.own_get(calendar)
        try:
            root = read()
            if root is None:
                return None
            if method == "PROPFIND":
                names = propfind(root)
                depth = environ.get("HTTP_DEPTH", "0")
                return (
                    self._answers.own_propfind(
                        calendar, names, depth, prefix, calendar.owner, minimal=minimal
                    )
                    if names
                    else None
                )
            reports.check(root)
            return self._answers.own_report(calendar, root, prefix, minimal=minimal)
        except (RuntimeError, reports.BadReport):
            return None

    def _finish(self, environ: Mapping[str, Any], answer: Any) -> Started:
        status, given, body, _ = answer
        headers = dict(given)
        content = body if isinstance(body, bytes) else (body or "").encode()
        if status != HTTPStatus.NOT_MODIFIED:
            accepted = [it.strip() for it in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]
            if "gzip" in accepted:
                packer = zlib.compressobj(_LEVEL, wbits=16 + zlib.MAX_WBITS)
                content = packer.compress(content) + packer.flush()
                headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(content))
        headers.update(self._extra_headers)
        silent = environ["REQUEST_METHOD"] == "HEAD" or status == HTTPStatus.NOT_MODIFIED
        return (
            f"{int(status)} {HTTPStatus(status).phrase}",
            list(headers.items()),
            [] if silent else [content],
        )
