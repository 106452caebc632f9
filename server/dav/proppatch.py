# SPDX-License-Identifier: GPL-3.0-or-later
"""PROPPATCH on read-only collections (RFC 4918, section 9.2): a viewer's own properties are kept for him alone, all
others are refused inside the 207, since macOS stops syncing a calendar whose PROPPATCH answers 403 (field notes).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from http import HTTPStatus

from scheduling.properties import ACCEPTED, MAXIMUM_LENGTH
from server.dav.multistatus import XML_VALUED
from server.dav.xml import D


def instructions(root: ET.Element) -> list[tuple[str, str | None]]:
    """Property names with their new values, None to remove, in the order of the document."""
    found: list[tuple[str, str | None]] = []
    for instruction in root:
        if instruction.tag not in (f"{D}set", f"{D}remove"):
            continue
        is_set = instruction.tag == f"{D}set"
        found += [(prop.tag, _value(prop) if is_set else None) for prop in instruction.findall(f"{D}prop/*")]
    return found


def accepted(asked: list[tuple[str, str | None]]) -> dict[str, str | None]:
    """Those that may be kept; empty unless all may, for a PROPPATCH is done wholly or not at all."""
    for name, value in asked:
        if name not in ACCEPTED or len(value or "") > MAXIMUM_LENGTH:
            return {}
    return dict(asked)


def answer(href: str, asked: list[tuple[str, str | None]], *, kept: bool, permitted: bool) -> ET.Element:
    """The multistatus: 200 for all, or 403 for the protected ones and 424 for the others. Where no property at all is
    `permitted` every one is protected.
    """
    multistatus = ET.Element(f"{D}multistatus")
    response = ET.SubElement(multistatus, f"{D}response")
    ET.SubElement(response, f"{D}href").text = href
    by_status: dict[HTTPStatus, list[str]] = {}
    for name, value in asked:
        by_status.setdefault(_status(name, value, kept=kept, permitted=permitted), []).append(name)
    for status, names in by_status.items():
        propstat = ET.SubElement(response, f"{D}propstat")
        prop = ET.SubElement(propstat, f"{D}prop")
        for name in dict.fromkeys(names):
            ET.SubElement(prop, name)
        ET.SubElement(propstat, f"{D}status").text = f"HTTP/1.1 {status.value} {status.phrase}"
        if status is HTTPStatus.FORBIDDEN:
            ET.SubElement(ET.SubElement(propstat, f"{D}error"), f"{D}cannot-modify-protected-property")
    return multistatus


def _status(name: str, value: str | None, *, kept: bool, permitted: bool) -> HTTPStatus:
    if kept:
        return HTTPStatus.OK
    if not permitted or name not in ACCEPTED or len(value or "") > MAXIMUM_LENGTH:
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.FAILED_DEPENDENCY


def _value(prop: ET.Element) -> str:
    if prop.tag in XML_VALUED:
        return (prop.text or "").strip() + "".join(ET.tostring(child, "unicode") for child in prop)
    return prop.text or ""
