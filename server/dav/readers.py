# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in the delivery ledger what calendar clients read through CalDAV.

A REPORT, a GET or a listing of a calendar leaves the client with its present revision. A PROPFIND that asks only for
the CTag or sync token does not. It confirms what was fetched before, if nothing has changed since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from radicale.types import WSGIEnviron

from scheduling.calendars.calendars import CalendarState
from scheduling.readership import client_families, reader
from scheduling.readership.ledger import Seen, ledger_of
from server.gate import client_address
from server.settings import Settings

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

_SLASHES = "/dav/user/calendar/".count("/")


class Readers:
    """Passes requests on and records those that were answered."""

    def __init__(self, settings: Settings, application: WSGIApplication) -> None:
        self._application = application
        self._trusted = settings.server.trusted_proxies
        days = settings.config.security.reader_address_days
        self._ledger = ledger_of(settings.database(), address_days=days)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's answer."""
        statuses: list[str] = []

        def started(
            status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            statuses.append(status)
            return start_response(status, headers, error)

        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        address, agent = environ.get("REMOTE_ADDR"), environ.get("HTTP_USER_AGENT")
        fetches = _fetches(method, path, environ.get("HTTP_DEPTH"))
        client = _family(agent)
        reader.begin(client)
        try:
            return self._application(environ, started)
        finally:
            reading = reader.end()
            if reading is not None and reading.app_password_id is not None and _answered(statuses):
                self._ledger.record(
                    Seen(
                        user_id=reading.user_id,
                        source="app-password",
                        source_id=reading.app_password_id,
                        client=client,
                        revisions=reading.revisions if fetches else dict.fromkeys(reading.revisions, 0),
                        at=int(time.time()),
                        address=address,
                    )
                )

    def note(self, environ: WSGIEnviron, calendars: Sequence[CalendarState], app_password: int) -> None:
        """Record a poll that was answered elsewhere, if a calendar was in the answer."""
        if not calendars:
            return
        fetches = _fetches_poll(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_DEPTH"))
        self._ledger.record(
            Seen(
                user_id=calendars[0].owner.user_id,
                source="app-password",
                source_id=app_password,
                client=_family(environ.get("HTTP_USER_AGENT")),
                revisions={it.id: it.revision if fetches else 0 for it in calendars},
                at=int(time.time()),
                address=client_address(environ, self._trusted),
            )
        )


_family = lru_cache(maxsize=256)(client_families.of)


def _fetches_poll(method: str, path: str, depth: str | None) -> bool:
    """As `_fetches`, if the path is that of a home, a calendar or an object below `/dav`."""
    return path.count("/") == _SLASHES and path.endswith("/") and _of_calendar(method, depth)


def _of_calendar(method: str, depth: str | None) -> bool:
    return method in ("REPORT", "GET") or (method == "PROPFIND" and depth == "1")


def _answered(statuses: list[str]) -> bool:
    return bool(statuses) and (
        statuses[-1][0] == "2" or statuses[-1].startswith(str(int(HTTPStatus.NOT_MODIFIED)))
    )


def _fetches(method: str, path: str, depth: str | None) -> bool:
    if len([segment for segment in path.split("/") if segment]) != 2:
        return False
    return _of_calendar(method, depth)
