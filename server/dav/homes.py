# SPDX-License-Identifier: GPL-3.0-or-later
"""Where somebody's own calendars are who writes the name in another case: at the address with the name as it is.

Every address in answers has that name. A client that was given another (`/dav/Dora/` for `dora`) is sent there with 308
(RFC 9110, section 15.4.9), which calendar apps follow with the method and body they had; answering in place would
give it names of resources that it did not ask about.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from radicale.types import WSGIEnviron, WSGIResponse

from scheduling.ports import CalendarStorage
from server.dav.application import Application
from server.dav.xml import Response, plain


def elsewhere(storage: CalendarStorage, base_prefix: str, path: str, user: str) -> Response | None:
    """The redirect to the user's own home or what is in it, None where the path is not that in another case."""
    owner, slash, rest = path.lstrip("/").partition("/")
    if not user or owner == user or owner.casefold() != user.casefold():
        return None
    if storage.find_principal(owner) is not None:
        return None  # another user's, who is called so
    place = f"{base_prefix}/{quote(user)}{slash}{quote(rest)}"
    return plain(HTTPStatus.PERMANENT_REDIRECT, f"The calendars of {user} are at {place}.", Location=place)


class Homes(Application):
    """The application, which sends people home."""

    def _moved(self, base_prefix: str, path: str, user: str) -> WSGIResponse | None:
        return self._guarded(lambda: elsewhere(self._calendars, base_prefix, path, user))

    def do_GET(
        self,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, object],
    ) -> WSGIResponse:
        """As at the right address."""
        moved = self._moved(base_prefix, path, user)
        return moved or super().do_GET(environ, base_prefix, path, user, user_groups, request_info)

    def do_PROPFIND(
        self,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, object],
    ) -> WSGIResponse:
        """As at the right address."""
        moved = self._moved(base_prefix, path, user)
        return moved or super().do_PROPFIND(environ, base_prefix, path, user, user_groups, request_info)

    def do_REPORT(
        self,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, object],
    ) -> WSGIResponse:
        """As at the right address."""
        moved = self._moved(base_prefix, path, user)
        return moved or super().do_REPORT(environ, base_prefix, path, user, user_groups, request_info)

    def do_PROPPATCH(
        self,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, object],
    ) -> WSGIResponse:
        """As at the right address."""
        moved = self._moved(base_prefix, path, user)
        return moved or super().do_PROPPATCH(environ, base_prefix, path, user, user_groups, request_info)

    def do_POST(
        self, environ: WSGIEnviron, base_prefix: str, path: str, user: str, *rest: object
    ) -> WSGIResponse:
        """As at the right address."""
        moved = self._moved(base_prefix, path, user)
        return moved or super().do_POST(environ, base_prefix, path, user, *rest)
