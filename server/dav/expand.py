# SPDX-License-Identifier: GPL-3.0-or-later
"""The expand-property report (RFC 3253, section 3.8). It returns properties of a resource and replaces each href by the
requested properties of the resource it names. macOS finds the calendars of other people this way.

Every resource is read with a PROPFIND of the viewer. So the report shows only what PROPFIND shows.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from radicale.types import WSGIResponse

from server.dav.xml import (
    MAXIMUM_PROPERTIES,
    BadBody,
    D,
    error,
    to_bytes,
    too_much,
    without_controls,
)

MOST_RESOURCES = 1000
"""The most hrefs that one report expands. A dispatcher has one for each user, multiplied by the nested ones."""
MOST_LEVELS = 8
"""The most levels of nested properties. Apple's apps use two."""
_PROPERTY = f"{D}property"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_NAMESPACE = re.compile(r"(?!http://www\.w3\.org/(?:XML/1998/namespace|2000/xmlns/)\Z)[^{}\s]+")

LookUp = Callable[[str, ET.Element, str], WSGIResponse]
"""The answer to a PROPFIND of the viewer: the path below the tree's root, the body, the depth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """The requested properties of a resource in Clark notation. Each maps to the requested properties of the resources
    that it names, or to None if its hrefs stay hrefs.
    """

    names: Mapping[str, Wish | None]

    def body(self) -> ET.Element:
        """A PROPFIND for the properties."""
        root = ET.Element(f"{D}propfind")
        prop = ET.SubElement(root, f"{D}prop")
        for name in self.names:
            ET.SubElement(prop, name)
        return root


class _Refused(Exception):
    """The whole report gets this answer."""

    def __init__(self, response: WSGIResponse) -> None:
        super().__init__("refused")
        self.response = response


def answer(root: ET.Element, path: str, depth: str, prefix: str, look_up: LookUp) -> WSGIResponse:
    """The report `root` on `path`, with the DAV tree at `prefix`. Raises `BadBody`."""
    wish = wishes(root)
    if depth not in ("0", "1"):
        return error(HTTPStatus.FORBIDDEN, f"{D}propfind-finite-depth")
    try:
        multistatus = _Expansion(prefix, look_up).of(path, wish, depth)
    except _Refused as refused:
        return refused.response
    body = without_controls(to_bytes(multistatus))
    return HTTPStatus.MULTI_STATUS, {"Content-Type": "text/xml; charset=utf-8"}, body, None


def wishes(root: ET.Element) -> Wish:
    """What a DAV:expand-property asks for. Raises `BadBody` if a name is invalid, or if there are too many or too
    deeply nested ones.
    """
    if sum(1 for _ in root.iter(_PROPERTY)) > MAXIMUM_PROPERTIES:
        raise too_much(f"A request may name at most {MAXIMUM_PROPERTIES} properties.")
    return _wishes([root], MOST_LEVELS)


def _wishes(parents: list[ET.Element], levels: int) -> Wish:
    named: dict[str, list[ET.Element]] = {}
    for parent in parents:
        for it in parent.findall(_PROPERTY):
            named.setdefault(_clark(it), []).append(it)
    if named and not levels:
        raise too_much(f"The properties are nested more than {MOST_LEVELS} levels deep.")
    return Wish(
        names={
            name: _wishes(elements, levels - 1)
            if any(it.find(_PROPERTY) is not None for it in elements)
            else None
            for name, elements in named.items()
        }
    )


def _clark(element: ET.Element) -> str:
    name, namespace = element.get("name", ""), element.get("namespace", "DAV:")
    if not _NAME.fullmatch(name) or not _NAMESPACE.fullmatch(namespace):
        raise BadBody(
            "A property of an expand-property needs the name of an XML element, and may have a namespace."
        )
    return f"{{{namespace}}}{name}"


class _Expansion:
    """One report, which counts the resources that it has looked at."""

    def __init__(self, prefix: str, look_up: LookUp) -> None:
        self._prefix, self._look_up = prefix, look_up
        self._left = MOST_RESOURCES

    def of(self, path: str, wish: Wish, depth: str) -> ET.Element:
        """The multistatus of `path`, with its members at depth 1. Raises `_Refused`."""
        found = self._look_up(path, wish.body(), depth)
        if found[0] != HTTPStatus.MULTI_STATUS:
            raise _Refused(found)
        multistatus = _read(found)
        if not wish.names:
            multistatus.clear()
        for response in multistatus.findall(f"{D}response"):
            self._expand(response, wish)
        return multistatus

    def _expand(self, response: ET.Element, wish: Wish) -> None:
        for value in response.findall(f"{D}propstat/{D}prop/*"):
            nested = wish.names.get(value.tag)
            if nested is None:
                continue
            for parent in list(value.iter()):
                for place, href in enumerate(list(parent)):
                    if href.tag == f"{D}href" and (path := self._path(href.text or "")):
                        parent[place] = self._one(href.text or "", path, nested)

    def _path(self, href: str) -> str:
        """The path below the tree's root. Empty for other addresses, such as a mailto address."""
        path = unquote(href)
        return path.removeprefix(self._prefix) if path.startswith(f"{self._prefix}/") else ""

    def _one(self, href: str, path: str, wish: Wish) -> ET.Element:
        """The response of the resource that an href names. It has its own status if the viewer may not see the
        resource.
        """
        self._left -= 1
        if self._left < 0:
            raise _Refused(error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits"))
        found = self._look_up(path, wish.body(), "0")
        status = HTTPStatus(found[0])
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Refused(found)
        response = _read(found).find(f"{D}response") if status == HTTPStatus.MULTI_STATUS else None
        if response is not None:
            self._expand(response, wish)
            return response
        hidden = ET.Element(f"{D}response")
        ET.SubElement(hidden, f"{D}href").text = href
        status = HTTPStatus.NOT_FOUND if status == HTTPStatus.MULTI_STATUS else status
        ET.SubElement(hidden, f"{D}status").text = f"HTTP/1.1 {status.value} {status.phrase}"
        return hidden


def _read(response: WSGIResponse) -> ET.Element:
    return ET.fromstring(response[2] or b"")  # noqa: S314 (our own answer)
