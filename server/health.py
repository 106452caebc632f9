# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells supervisors whether this process lives and whether it can serve. Needs no web framework: a health check is
often the first request, and calendar clients never need a framework either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus

from scheduling.database import schema
from scheduling.errors import DatabaseUnavailable, SchedulingError
from server import advice
from server.security import SECURITY
from server.settings import Settings

PATHS = frozenset({"/healthz", "/readyz"})
_ALLOW = [("Allow", "GET, HEAD, OPTIONS")]
Started = tuple[str, list[tuple[str, str]], Iterable[bytes]]
Headers = list[tuple[str, str]]


def answer(settings: Settings, path: str, method: str) -> Started:
    """The answer to a request for one of `PATHS`."""
    if method == "OPTIONS":
        return _started(HTTPStatus.OK, b"", _ALLOW)
    if method not in ("GET", "HEAD"):
        return _json(method, HTTPStatus.METHOD_NOT_ALLOWED, _ALLOW, {"problem": "This is read with GET."})
    if path == "/healthz":
        return _json(method, HTTPStatus.OK, [], {"status": "ok"})
    database = settings.database()
    try:
        schema.require_current(database)
    except SchedulingError as error:
        away = error if isinstance(error, DatabaseUnavailable) else DatabaseUnavailable
        # Anybody may ask, so file paths are not shown.
        problem = advice.sentence(error).replace(f" {database.path}", "")
        wait = [("Retry-After", str(away.retry_after))]
        return _json(
            method, HTTPStatus.SERVICE_UNAVAILABLE, wait, {"status": "not ready", "problem": problem}
        )
    return _json(method, HTTPStatus.OK, [], {"status": "ready"})


def _json(method: str, status: HTTPStatus, headers: Headers, values: dict[str, str]) -> Started:
    body = json.dumps(values, separators=(",", ":")).encode() + b"\n"
    length = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    started, found, _ = _started(status, body, [*length, *headers])
    return started, found, [] if method == "HEAD" else [body]


def _started(status: HTTPStatus, body: bytes, headers: Headers) -> Started:
    return f"{status.value} {status.phrase}", [*headers, *SECURITY], [body]
