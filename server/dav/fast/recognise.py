# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognises requests that can be answered without Radicale: parsed into values, or None for a request that is not
known exactly (RFC 4791, section 9; RFC 6578, section 6).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from scheduling.ical.partial import EVERYTHING, Part
from server.dav import reports
from server.dav.xml import C, D

DATA, ETAG, TYPE = f"{C}calendar-data", f"{D}getetag", f"{D}getcontenttype"
_ADDRESS_BOOKS = "{urn:ietf:params:xml:ns:carddav}"
_DATA_CHILDREN = {f"{C}expand", f"{C}limit-recurrence-set", f"{C}comp"}
_NAME = re.compile(r"[0-9a-f]{32}\.ics")


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """What CALDAV:calendar-data asks for: everything, or expanded instances, or only overrides within a range; spans
    are in epoch seconds. `part` names the components and properties to return, None for all.
    """

    expand: tuple[int, int] | None = None
    recurrence: tuple[int, int] | None = None
    part: Part | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report on a calendar: `props` are the requested properties in order, `data` is the requested form of
    calendar-data.
    """

    props: tuple[str, ...]
    data: Data


@dataclass(frozen=True, kw_only=True, slots=True)
class Multiget(Report):
    """calendar-multiget of objects called `names`."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Query(Report):
    """calendar-query of events that overlap `span`, whose ends may be open. None means all events."""

    span: tuple[int | None, int | None] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sync(Report):
    """sync-collection since `token`."""

    token: str
    limit: int | None


def propfind(root: ET.Element | None) -> tuple[str, ...] | None:
    """The properties that a PROPFIND names; None for allprop, propname and an empty body."""
    if (
        root is None
        or len(root) != 1
        or root[0].tag != f"{D}prop"
        or any(len(it) or it.attrib for it in root[0])
    ):
        return None
    return tuple(it.tag for it in root[0])


def report(root: ET.Element, calendar_href: str) -> Report | None:
    """The report that `root` asks for on the calendar at `calendar_href` (quoted, with its slash at the end). It has
    passed `reports.check`.
    """
    children = {child.tag for child in root}
    props = root.findall(f"{D}prop")
    if len(props) != 1:
        return None
    names = tuple(it.tag for it in props[0])
    data = _data(props[0])
    if (
        data is None
        or any(name.startswith(_ADDRESS_BOOKS) or not name.isascii() for name in names)
        or len(set(names)) != len(names)
    ):
        return None
    if root.tag == reports.MULTIGET and children <= {f"{D}prop", f"{D}href"}:
        return _multiget(root, names, data, calendar_href)
    if root.tag == reports.QUERY and children <= {f"{D}prop", f"{C}filter"}:
        return _query(root, names, data)
    if root.tag == reports.SYNC and children <= {f"{D}prop", f"{D}sync-token", f"{D}sync-level", f"{D}limit"}:
        token = (root.findtext(f"{D}sync-token") or "").strip()
        return Sync(props=names, data=data, token=token, limit=reports.result_limit(root))
    return None


def _multiget(root: ET.Element, props: tuple[str, ...], data: Data, calendar_href: str) -> Multiget | None:
    names = []
    for href in root.findall(f"{D}href"):
        name = (href.text or "").removeprefix(calendar_href)
        if len(href) or not _NAME.fullmatch(name):
            return None
        names.append(name)
    return Multiget(props=props, data=data, names=tuple(dict.fromkeys(names)))


def _query(root: ET.Element, props: tuple[str, ...], data: Data) -> Query | None:
    filters = root.findall(f"{C}filter")
    if len(filters) != 1:
        return None
    [calendar] = filters[0]
    if len(calendar) == 0:
        return Query(props=props, data=data, span=None)
    if (
        len(calendar) != 1
        or calendar[0].tag != f"{C}comp-filter"
        or (calendar[0].get("name") or "").upper() != "VEVENT"
    ):
        return None
    event = calendar[0]
    if len(event) == 0:
        return Query(props=props, data=data, span=None)
    if len(event) != 1 or event[0].tag != f"{C}time-range":
        return None
    return Query(props=props, data=data, span=reports.span(event[0]))


def _data(prop: ET.Element) -> Data | None:
    """The requested form of calendar-data. None if the form is not known."""
    element = prop.find(DATA)
    if any(len(it) and it.tag != DATA for it in prop):
        return None
    if element is None or (len(element) == 0 and not element.attrib):
        return Data()
    by_tag = {it.tag: it for it in element}
    if element.attrib or len(by_tag) != len(element) or not by_tag.keys() <= _DATA_CHILDREN:
        return None
    if f"{C}expand" in by_tag and f"{C}limit-recurrence-set" in by_tag:
        return None
    part = _part(by_tag[f"{C}comp"], "VCALENDAR") if f"{C}comp" in by_tag else None
    if f"{C}comp" in by_tag and part is None:
        return None
    expand, recurrence = by_tag.get(f"{C}expand"), by_tag.get(f"{C}limit-recurrence-set")
    return Data(
        expand=None if expand is None else reports.bounded_span(expand),
        recurrence=None if recurrence is None else reports.bounded_span(recurrence),
        part=part,
    )


def _part(element: ET.Element, name: str | None = None) -> Part | None:
    """A CALDAV:comp (RFC 4791, section 9.6.1). None if the element is no such one, or is not called `name`."""
    if not element.get("name") or (name is not None and element.get("name") != name):
        return None
    children = {it.tag for it in element}
    if not children <= {f"{C}{it}" for it in ("allprop", "prop", "allcomp", "comp")}:
        return None
    properties: frozenset[str] | None = frozenset(
        (it.get("name") or "").upper() for it in element.findall(f"{C}prop")
    )
    components: dict[str, Part] | None = {}
    for child in element.findall(f"{C}comp"):
        part = _part(child)
        if part is None or components is None:
            return None
        components[child.get("name") or ""] = part
    if f"{C}allprop" in children:
        properties = None
    if f"{C}allcomp" in children:
        components = None
    return EVERYTHING if not children else Part(properties=properties, components=components)
