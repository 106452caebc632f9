# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects a user who writes their own name in another case to the address with the exact name.

Every address in answers has the exact name. A client that asks for another spelling (`/dav/Dora/` for `dora`) is
redirected with 308 (RFC 9110, section 15.4.9). Calendar apps follow it with the same method and body. An answer in
place would name resources that the client did not ask about.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from radicale.types import WSGIEnviron, WSGIResponse

from scheduling.ports import CalendarStorage
from server.dav.application import Application
from server.dav.xml import Response, plain


def elsewhere(storage: CalendarStorage, base_prefix: str, path: str, user: str) -> Response | None:
    """The redirect to the user's own home or a resource in it. None unless the path spells the user's name in another
    case.
    """
    owner, slash, rest = path.lstrip("/").partition("/")
    if not user or owner == user or owner.casefold() != user.casefold():
        return None
    if storage.find_principal(owner) is not None:
        return None  # another user has exactly this name
    place = f"{base_prefix}/{quote(user)}{slash}{quote(rest)}"
    return plain(HTTPStatus.PERMANENT_REDIRECT, f"The calendars of {user} are at {place}.", Location=place)


class Homes(Application):
    """The application, with redirects to the user's home."""

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
