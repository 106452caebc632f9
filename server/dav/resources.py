# SPDX-License-Identifier: GPL-3.0-or-later
"""What is answered here about one resource, whatever the verb: whether a client has it already, its free and busy time,
and a viewer's own properties of it.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from radicale import httputils, types
from radicale import storage as radicale_storage
from radicale.app.base import Access

from scheduling.errors import Invalid
from server import conditional
from server.dav import proppatch
from server.dav.xml import D, Response, error, to_bytes


class Resources:
    """Made of Radicale's storage and rights; `dav` is the DAV header. Raises `DatabaseUnavailable` everywhere."""

    def __init__(self, storage: Any, rights: Any, *, dav: str) -> None:
        self._storage = storage
        self._rights = rights
        self._dav = dav

    def unchanged(
        self, environ: types.WSGIEnviron, path: str, user: str, user_groups: set[str]
    ) -> Response | None:
        """304 where the client has it already (RFC 9110, section 13); None where it has not, or may not know."""
        access = Access(self._rights, user, user_groups, path)
        if not access.check("r"):
            return None
        with self._storage.acquire_lock("r", user):
            item = next(iter(self._storage.discover(path)), None)
        if (
            item is None
            or not access.check("r", item)
            or not (getattr(item, "tag", "") or getattr(item, "href", ""))
        ):
            return None
        modified = item.last_modified or ""
        if not conditional.not_modified(environ, item.etag, modified):
            return None
        return HTTPStatus.NOT_MODIFIED, {"ETag": item.etag, "Last-Modified": modified}, None, None

    def free_busy(
        self, path: str, user: str, user_groups: set[str], start: int, end: int
    ) -> types.WSGIResponse:
        """The VFREEBUSY of a home or a calendar, for [start, end) epoch seconds (RFC 4791, section 7.10)."""
        access = Access(self._rights, user, user_groups, path)
        if not access.check("r"):
            return httputils.NOT_ALLOWED
        with self._storage.acquire_lock("r", user):
            item = next(iter(self._storage.discover(path)), None)
            if item is None:
                return httputils.NOT_FOUND
            free_busy = getattr(item, "free_busy", None)
            if (
                not isinstance(item, radicale_storage.BaseCollection)
                or free_busy is None
                or not access.check("r", item)
            ):
                return error(HTTPStatus.FORBIDDEN, f"{D}supported-report")
            try:
                text = free_busy(start, end, int(time.time()))
            except Invalid:  # the one bound that the report itself does not show
                return error(HTTPStatus.FORBIDDEN, f"{D}number-of-matches-within-limits")
            return HTTPStatus.OK, {"Content-Type": "text/calendar"}, text, None

    def set_properties(self, root: ET.Element, base_prefix: str, path: str, user: str) -> types.WSGIResponse:
        """Keep the properties of a DAV:propertyupdate that are the viewer's own, or none of them. The caller has made
        sure that he may read the resource.
        """
        with self._storage.acquire_lock("r", user):
            item = next(iter(self._storage.discover(path)), None)
        if item is None:
            return httputils.NOT_FOUND
        asked = proppatch.instructions(root)
        keep = getattr(self._storage, "set_private_properties", None)
        is_collection = isinstance(item, radicale_storage.BaseCollection)
        permitted = is_collection and bool(item.path) and keep is not None
        refused = proppatch.protected(asked, item) if permitted else {name for name, _ in asked}
        if asked and not refused and keep is not None:
            keep(user, item.path, dict(asked))
        href = quote(base_prefix + (path if path.endswith("/") or not is_collection else path + "/"))
        body = to_bytes(proppatch.answer(href, asked, refused))
        return (
            HTTPStatus.MULTI_STATUS,
            {"Content-Type": "text/xml; charset=utf-8", "DAV": self._dav},
            body,
            None,
        )
