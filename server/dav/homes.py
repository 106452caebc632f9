# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects a user who writes their own name in another case to the address with the exact name.

Every address in answers has the exact name. A client that asks for another spelling (`/dav/Dora/` for `dora`) is
redirected with 308 (RFC 9110, section 15.4.9). Calendar apps follow it with the same method and body. An answer in
place would name resources that the client did not ask about.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import quote

from radicale.types import WSGIResponse

from scheduling.ports import CalendarStorage
from server.dav.application import Application
from server.dav.request import Given, Request
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


def _redirecting(verb: Callable[..., WSGIResponse]) -> Callable[..., WSGIResponse]:
    """The verb of `Application`, after the redirect."""

    @wraps(verb)
    def do(self: Homes, *given: *Given) -> WSGIResponse:
        request = Request(*given)
        moved = self._guarded(lambda: elsewhere(self._calendars, request.prefix, request.path, request.user))
        return moved or verb(self, *given)

    return do


class Homes(Application):
    """The application, with redirects to the user's home."""

    do_GET = _redirecting(Application.do_GET)  # noqa: N815 (Radicale's names)
    do_PROPFIND = _redirecting(Application.do_PROPFIND)  # noqa: N815
    do_REPORT = _redirecting(Application.do_REPORT)  # noqa: N815
    do_PROPPATCH = _redirecting(Application.do_PROPPATCH)  # noqa: N815
    do_POST = _redirecting(Application.do_POST)  # noqa: N815
