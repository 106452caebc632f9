# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers about one resource, for every verb: whether a client has the current version, the free and busy time, and a
viewer's own properties.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from http import HTTPStatus
from urllib.parse import quote

from radicale import httputils, types
from radicale.app.base import Access
from radicale.rights import BaseRights

from scheduling.errors import Invalid
from scheduling.ports import CalendarStorage
from server import conditional
from server.dav import proppatch
from server.dav.xml import D, Response, error, to_bytes


class Resources:
    """`dav` is the DAV header. Rights follow from paths alone. Raises `DatabaseUnavailable` everywhere."""

    def __init__(self, storage: CalendarStorage, rights: BaseRights, *, dav: str) -> None:
        self._storage = storage
        self._rights = rights
        self._dav = dav

    def unchanged(
        self, environ: types.WSGIEnviron, path: str, user: str, user_groups: set[str]
    ) -> Response | None:
        """304 if the client has the current version (RFC 9110, section 13). None if it has not, or may not know."""
        if not Access(self._rights, user, user_groups, path).check("r"):
            return None
        with self._storage.acquire_lock("r", user):
            item = next(self._storage.discover(path), None)
        if item is None or (item.resource != "calendar" and item.resource != "object"):
            return None
        if not conditional.not_modified(environ, item.etag, item.last_modified):
            return None
        headers = {"ETag": item.etag, "Last-Modified": item.last_modified}
        return HTTPStatus.NOT_MODIFIED, headers, None, None

    def free_busy(
        self, path: str, user: str, user_groups: set[str], start: int, end: int
    ) -> types.WSGIResponse:
        """The VFREEBUSY of a home or a calendar, for [start, end) epoch seconds (RFC 4791, section 7.10)."""
        if not Access(self._rights, user, user_groups, path).check("r"):
            return httputils.NOT_ALLOWED
        with self._storage.acquire_lock("r", user):
            item = next(self._storage.discover(path), None)
            if item is None:
                return httputils.NOT_FOUND
            if item.resource != "home" and item.resource != "calendar":
                return error(HTTPStatus.FORBIDDEN, f"{D}supported-report")
            try:
                text = item.free_busy(start, end, int(time.time()))
            except Invalid:  # a bound that the report itself does not show
                return error(HTTPStatus.FORBIDDEN, f"{D}number-of-matches-within-limits")
            return HTTPStatus.OK, {"Content-Type": "text/calendar"}, text, None

    def set_properties(self, root: ET.Element, base_prefix: str, path: str, user: str) -> types.WSGIResponse:
        """Keep the viewer's own properties of a DAV:propertyupdate, all or none. The caller has checked that the viewer
        may read the resource.
        """
        with self._storage.acquire_lock("r", user):
            item = next(self._storage.discover(path), None)
        if item is None:
            return httputils.NOT_FOUND
        asked = proppatch.instructions(root)
        if item.resource == "object" or item.resource == "root":
            refused = {name for name, _ in asked}
        else:
            refused = proppatch.protected(asked, item)
            if asked and not refused:
                self._storage.set_private_properties(user, item.path, dict(asked))
        ends = path.endswith("/") or item.resource == "object"
        href = quote(base_prefix + (path if ends else path + "/"))
        body = to_bytes(proppatch.answer(href, asked, refused))
        return (
            HTTPStatus.MULTI_STATUS,
            {"Content-Type": "text/xml; charset=utf-8", "DAV": self._dav},
            body,
            None,
        )
