# SPDX-License-Identifier: GPL-3.0-or-later
"""The one WSGI application: Radicale at /dav/, discovery, and Flask applications for API, feeds, pages."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from scheduling.errors import DatabaseUnavailable
from server import health, log
from server.dav.application import ROOT_ALIAS
from server.dav.fast.polls import PREFIX as DAV_ROOT
from server.dav.homes import Homes
from server.dav.outbox import Outbox
from server.dav.readers import Readers
from server.gate import Refused, admit, client_address
from server.settings import DAV_HEADERS, Settings, load
from server.supervision import end_with_supervisor

if TYPE_CHECKING:
    from flask import Flask

_DAV_METHODS = frozenset(
    {"PROPFIND", "PROPPATCH", "REPORT", "OPTIONS", "MKCALENDAR", "MKCOL", "PUT", "DELETE", "MOVE", "COPY"}
)
_WELL_KNOWN = "/.well-known/caldav"
_NOT_ADMITTED = ("401", "403", "429", "503")
_PLAIN = ("/feeds/", "/freebusy/", "/static/")
StartResponse = Callable[..., Any]
Started = tuple[str, list[tuple[str, str]], Iterable[bytes]]


class Server:
    """Callable as a WSGI application; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        outbox = Outbox(settings, DAV_ROOT)
        dav = Homes(settings.radicale(), outbox=outbox, fast_answers=settings.server.fast_answers)
        self._dav = Readers(settings, dav)
        self._polls = dav.polls(max_body=settings.server.max_body, note=self._dav.note)

    @cached_property
    def _plain(self) -> Flask:
        """Loaded and created on the first request to it, because calendar clients never need Flask."""
        from server.plain import create_plain  # noqa: PLC0415

        return create_plain(self._settings)

    @cached_property
    def _pages(self) -> Flask:
        """Loaded and made for the first request to it."""
        from server.pages import create_pages  # noqa: PLC0415

        return create_pages(self._settings)

    @cached_property
    def _api(self) -> Flask:
        """Loaded and created on the first request to it. It takes longer to load than all the rest together, and most
        workers never get such a request.
        """
        from server.api import create_api  # noqa: PLC0415

        return create_api(self._settings)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if self._polls is not None and (poll := self._polls.answer(environ)) is not None:
            status, headers, body = poll
            start_response(status, headers)
            return body
        server = self._settings.server
        try:
            admitted = admit(environ, max_body=server.max_body, trusted=server.trusted_proxies)
        except Refused as refused:
            if environ.get("PATH_INFO", "").startswith("/api/"):
                from server.api.protocol import problems  # noqa: PLC0415

                given = problems.Refused(refused.status, refused.sentence, headers=dict(refused.headers))
                return problems.answer(given)(environ, start_response)
            return _answer(start_response, refused.status, refused.sentence, refused.headers)
        return self._route(admitted, start_response)

    def at_once(self, environ: dict[str, Any]) -> Started | None:
        """The answer to a poll that needs only existing rows and no waiting. None for other requests, which are then
        answered in the usual way.
        """
        database = self._settings.database()
        if self._polls is None or not database.is_sqlite:
            return None
        with database.prompt():
            return self._polls.at_once(environ)

    def refusal(self, environ: dict[str, Any]) -> Started | None:
        """The refusal of a request with bad credentials, made before its body is read. None if the credentials are
        good. The environment is consumed.
        """
        started: list[Any] = []
        if environ.get("PATH_INFO", "").startswith("/api/"):
            application: Callable[..., Iterable[bytes]] | None = self._no_key(environ)
            if application is None:
                return None
        else:
            # The cheapest question that needs a login.
            environ |= {"REQUEST_METHOD": "PROPFIND", "PATH_INFO": f"{DAV_ROOT}/", "HTTP_DEPTH": "0"}
            application = self
        environ |= {"CONTENT_LENGTH": "0", "QUERY_STRING": ""}
        body = application(environ, lambda status, headers, *_: started.extend((status, headers)))
        return (started[0], started[1], body) if started[0][:3] in _NOT_ADMITTED else None

    def _no_key(self, environ: dict[str, Any]) -> Callable[..., Iterable[bytes]] | None:
        from server.api.protocol import problems  # noqa: PLC0415
        from server.api.protocol.authentication import authenticate  # noqa: PLC0415

        settings = self._settings
        try:
            authenticate(
                settings.database(),
                settings.keyring(),
                environ.get("HTTP_AUTHORIZATION", ""),
                client_address(environ, settings.server.trusted_proxies),
                limit=0,
            )
        except problems.Refused as refused:
            return problems.answer(refused)
        except DatabaseUnavailable:
            return None  # the request itself says so
        return None

    def _route(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.rstrip("/") == _WELL_KNOWN:
            location = [("Location", f"{DAV_ROOT}/")]
            return _answer(
                start_response, HTTPStatus.MOVED_PERMANENTLY, f"CalDAV is at {DAV_ROOT}/.", location
            )
        if path == DAV_ROOT or path.startswith(f"{DAV_ROOT}/"):
            return self._to_dav(environ, path.removeprefix(DAV_ROOT) or "/", start_response)
        if path in ("", "/") and method in _DAV_METHODS:
            environ[ROOT_ALIAS] = True
            return self._to_dav(environ, "/", start_response)
        if path in health.PATHS:
            status, headers, body = health.answer(self._settings, path, method)
            start_response(status, headers)
            return body
        # Flask expects octets as latin-1 (PEP 3333). Earlier steps have read them as UTF-8.
        environ["PATH_INFO"] = path.encode("utf-8", "surrogatepass").decode("latin-1")
        return self._application(path)(environ, start_response)

    def _application(self, path: str) -> Flask:
        if path.startswith("/api/"):
            return self._api
        return self._plain if path == "/robots.txt" or path.startswith(_PLAIN) else self._pages

    def _to_dav(self, environ: dict[str, Any], path: str, start_response: StartResponse) -> Iterable[bytes]:
        if any(segment.startswith(".") for segment in path.split("/")):
            return _answer(
                start_response, HTTPStatus.NOT_FOUND, "There is nothing here.", DAV_HEADERS.items()
            )
        if environ["REQUEST_METHOD"] == "PROPFIND" and environ.get("HTTP_DEPTH", "infinity") == "infinity":
            return _finite_depth(start_response)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = DAV_ROOT, path
        # Radicale would read credentials in the charset of the body and fail on an unknown charset.
        environ["CONTENT_TYPE"] = environ.get("CONTENT_TYPE", "").partition(";")[0]
        answer: Iterable[bytes] = self._dav(environ, start_response)
        return answer


def create(settings: Settings) -> Server:
    """The application for these settings. Raises ConfigError, `SchemaMismatch`, `DatabaseUnavailable`."""
    return Server(settings)


def from_environment() -> Server:
    """For WSGI servers: settings from DAYSHEET_CONFIG and the environment."""
    settings = load(None)
    log.configure(settings.server.log_level)
    end_with_supervisor(lambda: os.kill(os.getpid(), signal.SIGTERM))
    if (file := settings.database().file) is not None:
        file.watch()
    return create(settings)


def _finite_depth(start_response: StartResponse) -> Iterable[bytes]:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n<error xmlns="DAV:"><propfind-finite-depth/></error>'
    headers = {**DAV_HEADERS, "Content-Type": "text/xml; charset=utf-8", "Content-Length": str(len(body))}
    start_response("403 Forbidden", list(headers.items()))
    return [body]


def _answer(
    start_response: StartResponse, status: HTTPStatus, sentence: str, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    body = (sentence + "\n").encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]
