# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrects Radicale's PROPFIND answers before they are written: the supported reports, the true privileges, the
principals that a dispatcher may read (calendar-proxy), and properties whose values are XML.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, unquote

import defusedxml.ElementTree as DefusedET

from scheduling.database.types import READ_ALL_GROUP
from scheduling.ports import CalendarStorage
from server.dav import mailboxes
from server.dav.reports import OF_HOME, SUPPORTED
from server.dav.xml import CS, C, D

XML_VALUED = frozenset(
    {f"{C}schedule-calendar-transp", f"{C}calendar-free-busy-set", f"{C}schedule-default-calendar-URL"}
)
"""Client-private properties whose value is markup. Radicale's interface keeps them as text."""
_PROXY = (f"{CS}calendar-proxy-read-for", f"{D}group-membership")
_SOURCE = f"{CS}source"
_NO_PROXY = (f"{CS}calendar-proxy-write-for",)
CORRECTED = frozenset(
    {
        f"{D}supported-report-set",
        f"{D}current-user-privilege-set",
        f"{C}calendar-user-address-set",
        _SOURCE,
        *_PROXY,
        *_NO_PROXY,
        *XML_VALUED,
        *mailboxes.CORRECTED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """The request's context: the start of the DAV tree, the logged-in user, and look-ups for rarely requested
    values.
    """

    prefix: str
    user: str
    email: Callable[[str], str | None]
    readable: Callable[[], Sequence[str]]
    root_alias: bool


def viewer(
    calendars: CalendarStorage, *, prefix: str, user: str, groups: Container[str], root_alias: bool
) -> Viewer:
    """The viewer `user`, who may read what the user's groups may read."""

    def email(username: str) -> str | None:
        principal = calendars.find_principal(unquote(username))
        return None if principal is None else principal.email

    def others() -> Sequence[str]:
        return calendars.readable_principals(user) if READ_ALL_GROUP in groups else ()

    return Viewer(prefix=prefix, user=user, email=email, readable=others, root_alias=root_alias)


def add_missing(multistatus: ET.Element, hrefs: Iterable[str]) -> None:
    """Add a response for each of `hrefs` that says that there is no such resource."""
    for href in hrefs:
        response = ET.SubElement(multistatus, f"{D}response")
        ET.SubElement(response, f"{D}href").text = href
        ET.SubElement(response, f"{D}status").text = "HTTP/1.1 404 Not Found"


def add_strangers(multistatus: ET.Element, names: Sequence[str]) -> None:
    """Add to the response of every resource that it has none of these properties."""
    if not names:
        return
    missing = [ET.Element(name) for name in names]
    for response in multistatus.findall(f"{D}response"):
        if response.find(f"{D}status") is None:
            _prop_or_new(response, HTTPStatus.NOT_FOUND).extend(missing)


def minimise(multistatus: ET.Element) -> None:
    """Leave out missing properties, as `Prefer: return=minimal` asks (RFC 8144, section 2.1)."""
    for response in multistatus.findall(f"{D}response"):
        for propstat in response.findall(f"{D}propstat"):
            if " 404 " in (propstat.findtext(f"{D}status") or ""):
                response.remove(propstat)
        if response.find(f"{D}propstat") is None and response.find(f"{D}status") is None:
            _prop_or_new(response, HTTPStatus.OK)


def requested(root: ET.Element | None) -> frozenset[str]:
    """The properties of a PROPFIND that may need corrections: all of them for allprop and an empty body."""
    if root is None or root.find(f"{D}prop") is None:
        return CORRECTED
    return CORRECTED.intersection(child.tag for child in root.findall(f"{D}prop/*"))


def correct(multistatus: ET.Element, names: frozenset[str], viewer: Viewer) -> None:
    """Correct every response of `multistatus` in place."""
    for response in multistatus.findall(f"{D}response"):
        href = response.find(f"{D}href")
        path = "" if href is None else href.text or ""
        if viewer.root_alias and href is not None and path == f"{viewer.prefix}/":
            href.text = "/"
        if names:
            _correct_response(response, path, names, viewer)


def _correct_response(response: ET.Element, path: str, names: frozenset[str], viewer: Viewer) -> None:
    depth = path.removeprefix(viewer.prefix).strip("/").count("/") if path.strip("/") else 0
    is_home = depth == 0 and path.rstrip("/") != viewer.prefix
    mailbox = mailboxes.of_path(path.removeprefix(viewer.prefix))
    if mailbox is not None:
        own = mailboxes.PROPERTIES[mailbox[1]]
        _put(response, {name: own[name] for name in names.intersection(own)})
        names = names.difference(own)
    for propstat in response.findall(f"{D}propstat"):
        prop = propstat.find(f"{D}prop")
        for element in list(prop) if prop is not None else ():
            if element.tag not in names:
                continue
            if element.tag == f"{D}supported-report-set":
                _set_reports(element, OF_HOME if is_home else SUPPORTED if depth == 1 else ())
            elif element.tag == f"{D}current-user-privilege-set":
                ET.SubElement(ET.SubElement(element, f"{D}privilege"), f"{D}read-current-user-privilege-set")
            elif element.tag in XML_VALUED and element.text:
                _set_markup(element)
    if _SOURCE in names:
        _refuse_source(response)
    if is_home:
        _correct_home(response, path, names, viewer)


def _refuse_source(response: ET.Element) -> None:
    """Radicale gives every collection an empty source. Clients then take it for a subscription to another server."""
    found = _prop(response, "200")
    source = None if found is None else found.find(_SOURCE)
    if found is None or source is None:
        return
    found.remove(source)
    _prop_or_new(response, HTTPStatus.NOT_FOUND).append(ET.Element(_SOURCE))
    _drop_empty(response)


def _correct_home(response: ET.Element, path: str, names: frozenset[str], viewer: Viewer) -> None:
    username = path.removeprefix(viewer.prefix).strip("/")
    found, missing = _prop(response, "200"), _prop(response, "404")
    addresses = None if found is None else found.find(f"{C}calendar-user-address-set")
    if addresses is not None and (email := viewer.email(username)):
        ET.SubElement(addresses, f"{D}href").text = f"mailto:{email}"
    principal = f"{viewer.prefix}/{unquote(username)}/"
    shown = {name: mailboxes.of_principal(name, principal) for name in names}
    _put(response, {name: content for name, content in shown.items() if content is not None})
    missing = _prop(response, "404")
    if username != quote(viewer.user) or missing is None:
        return
    for name in names.intersection((*_PROXY, *_NO_PROXY)):
        element = missing.find(name)
        if element is None:
            continue
        missing.remove(element)
        _prop_or_new(response, HTTPStatus.OK).append(element)
        if name == f"{CS}calendar-proxy-read-for":
            for other in viewer.readable():
                ET.SubElement(element, f"{D}href").text = f"{viewer.prefix}/{quote(other)}/"
    _drop_empty(response)


def _put(response: ET.Element, values: Mapping[str, str]) -> None:
    """Set the requested properties to these values."""
    for propstat in response.findall(f"{D}propstat"):
        prop = propstat.find(f"{D}prop")
        for asked in list(prop) if prop is not None else ():
            if prop is None or asked.tag not in values:
                continue
            prop.remove(asked)
            _prop_or_new(response, HTTPStatus.OK).append(mailboxes.element(asked.tag, values[asked.tag]))
    _drop_empty(response)


def _set_reports(element: ET.Element, reports: Sequence[str]) -> None:
    for child in list(element):
        element.remove(child)
    for report in reports:
        supported = ET.SubElement(element, f"{D}supported-report")
        ET.SubElement(ET.SubElement(supported, f"{D}report"), report)


def _set_markup(element: ET.Element) -> None:
    try:
        kept = DefusedET.fromstring(f"<kept>{element.text}</kept>", forbid_dtd=True)
    except ET.ParseError:
        return
    element.text = kept.text
    element.extend(list(kept))


def _prop(response: ET.Element, code: str) -> ET.Element | None:
    for propstat in response.findall(f"{D}propstat"):
        if f" {code} " in (propstat.findtext(f"{D}status") or ""):
            return propstat.find(f"{D}prop")
    return None


def _prop_or_new(response: ET.Element, status: HTTPStatus) -> ET.Element:
    found = _prop(response, str(status.value))
    if found is not None:
        return found
    propstat = ET.SubElement(response, f"{D}propstat")
    prop = ET.SubElement(propstat, f"{D}prop")
    ET.SubElement(propstat, f"{D}status").text = f"HTTP/1.1 {status.value} {status.phrase}"
    return prop


def _drop_empty(response: ET.Element) -> None:
    for propstat in response.findall(f"{D}propstat"):
        prop = propstat.find(f"{D}prop")
        if prop is not None and len(prop) == 0:
            response.remove(propstat)
