# SPDX-License-Identifier: GPL-3.0-or-later
"""PROPPATCH on read-only collections (RFC 4918, section 9.2): a viewer's own properties are kept for this viewer only.
All others are refused inside the 207, because macOS stops syncing a calendar whose PROPPATCH answers 403.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from http import HTTPStatus

from radicale.xmlutils import make_human_tag

from scheduling.calendars.calendars import INBOX
from scheduling.calendars.properties import ACCEPTED, MAXIMUM_LENGTH
from scheduling.ports import InHome
from server.dav import mailboxes
from server.dav.multistatus import XML_VALUED
from server.dav.xml import BadBody, C, D, parse

_TRANSPARENCY = f"{C}schedule-calendar-transp"


def instructions(root: ET.Element) -> list[tuple[str, str | None]]:
    """Property names with their new values, None to remove, in the order of the document."""
    found: list[tuple[str, str | None]] = []
    for instruction in root:
        if instruction.tag not in (f"{D}set", f"{D}remove"):
            continue
        is_set = instruction.tag == f"{D}set"
        found += [(prop.tag, _value(prop) if is_set else None) for prop in instruction.findall(f"{D}prop/*")]
    return found


def protected(asked: Iterable[tuple[str, str | None]], item: InHome) -> set[str]:
    """The properties that cannot be kept on the collection `item`: those that are not client-private, too long, or
    untrue (RFC 6638, sections 9.1 and 9.2). A calendar always takes its owner's time, even if a calendar app asks for
    the opposite. No event goes from an inbox into a calendar.
    """
    found = set()
    for name, value in asked:
        untrue = (
            (item.resource == "mailbox" and item.mailbox == INBOX)
            if name == mailboxes.DEFAULT_CALENDAR
            else name == _TRANSPARENCY and value is not None and not _is_same(item, name, value)
        )
        if untrue or name not in ACCEPTED or len(value or "") > MAXIMUM_LENGTH:
            found.add(name)
    return found


def answer(href: str, asked: list[tuple[str, str | None]], refused: set[str]) -> ET.Element:
    """The multistatus. A PROPPATCH is done wholly or not at all: 200 for all properties, or 403 for the refused ones
    and 424 for the others.
    """
    multistatus = ET.Element(f"{D}multistatus")
    response = ET.SubElement(multistatus, f"{D}response")
    ET.SubElement(response, f"{D}href").text = href
    by_status: dict[HTTPStatus, list[str]] = {}
    for name, _ in asked:
        status = HTTPStatus.FORBIDDEN if name in refused else HTTPStatus.FAILED_DEPENDENCY
        by_status.setdefault(status if refused else HTTPStatus.OK, []).append(name)
    for status, names in by_status.items():
        propstat = ET.SubElement(response, f"{D}propstat")
        prop = ET.SubElement(propstat, f"{D}prop")
        for name in dict.fromkeys(names):
            ET.SubElement(prop, name)
        ET.SubElement(propstat, f"{D}status").text = f"HTTP/1.1 {status.value} {status.phrase}"
        if status is HTTPStatus.FORBIDDEN:
            ET.SubElement(ET.SubElement(propstat, f"{D}error"), f"{D}cannot-modify-protected-property")
    return multistatus


def _is_same(item: InHome, name: str, value: str) -> bool:
    """Whether a property whose value is one element already has that element. True if no value is set."""
    present = item.get_meta(make_human_tag(name))
    return present is None or _markup(value) == _markup(present)


def _markup(value: str) -> list[str]:
    try:
        return [it.tag for it in parse(f"<value>{value}</value>".encode())]
    except BadBody:
        return []


def _value(prop: ET.Element) -> str:
    if prop.tag in XML_VALUED:
        return (prop.text or "").strip() + "".join(ET.tostring(child, "unicode") for child in prop)
    return prop.text or ""
