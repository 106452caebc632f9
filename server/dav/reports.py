# SPDX-License-Identifier: GPL-3.0-or-later
"""Which REPORT requests are understood (RFC 4791, section 7; RFC 6578), checked before any object is read.

Radicale answers an unknown report like a query without a filter. Here an unknown report is refused, and a malformed one
gets 4xx instead of an internal exception.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from scheduling.availability import question
from scheduling.ports import Expansion
from server.dav.xml import BadBody, C, D, Response, count_properties, error, plain

MULTIGET, QUERY, FREE_BUSY, SYNC = (
    f"{C}calendar-multiget",
    f"{C}calendar-query",
    f"{C}free-busy-query",
    f"{D}sync-collection",
)
EXPAND = f"{D}expand-property"
"""RFC 3253, section 3.8. Answered at every resource; InfCloud stops at an error."""
SUPPORTED = (SYNC, MULTIGET, QUERY, FREE_BUSY, EXPAND)
"""The reports of a calendar, in the order in which `supported-report-set` names them."""
OF_HOME = (FREE_BUSY, EXPAND)
"""The reports of a home."""
EMPTY = (f"{D}principal-search-property-set", f"{D}principal-property-search")
"""Not supported and not advertised, but Apple's clients want 207 and not an error."""
LONGEST_RANGE = question.LONGEST
"""The most seconds that an expansion or a free-busy answer may span."""
LONGEST_TEXT = 4096
MOST_FILTERS = 100
"""The most elements of a filter. Each is compared with every object within the time range."""
MOST_HREFS = 15_000
"""The most objects that a calendar-multiget may name. This many fit into a body of a mebibyte."""
_MOMENT = re.compile(r"\d{8}T\d{6}Z")
_NUMBER = re.compile(r"0{0,9}[1-9]\d{0,8}", re.ASCII)
_PLAIN_PATH = re.compile(r"/(?!/)[\w.@%/-]{0,2000}", re.ASCII)
_RANGES = (f"{C}time-range", f"{C}expand", f"{C}limit-recurrence-set", f"{C}limit-freebusy-set")
_FILTER_CHILDREN = {
    f"{C}filter": {f"{C}comp-filter"},
    f"{C}comp-filter": {f"{C}comp-filter", f"{C}prop-filter", f"{C}time-range", f"{C}is-not-defined"},
    f"{C}prop-filter": {f"{C}param-filter", f"{C}time-range", f"{C}text-match", f"{C}is-not-defined"},
    f"{C}param-filter": {f"{C}text-match", f"{C}is-not-defined"},
    f"{C}text-match": set(),
    f"{C}time-range": set(),
    f"{C}is-not-defined": set(),
}
_COLLATIONS = {None, "default", "i;ascii-casemap", "i;octet", "i;unicode-casemap"}


class BadReport(ValueError):
    """The report cannot be answered. The error carries the response."""

    def __init__(self, response: Response) -> None:
        super().__init__("bad report")
        self.response = response


def check(root: ET.Element) -> None:
    """Raises `BadReport` unless the report is understood, well-formed and within bounds."""
    if root.tag not in SUPPORTED and root.tag not in EMPTY:
        raise BadReport(error(HTTPStatus.FORBIDDEN, f"{D}supported-report"))
    try:
        count_properties(root)
    except BadBody as too_many:
        raise BadReport(too_many.response) from None
    for element in root.iter():
        if element.tag in _RANGES:
            span(element)
    if root.tag == MULTIGET:
        _check_hrefs(root)
    elif root.tag == QUERY:
        _check_filters(root)
    elif root.tag == SYNC:
        _check_sync(root)
    expand = root.find(f".//{C}expand")
    if expand is not None:
        bounded_span(expand)


def span(element: ET.Element) -> tuple[int | None, int | None]:
    """`start` and `end` of a time range in epoch seconds (RFC 4791, section 9.9). Raises `BadReport`."""
    start, end = _moment(element, "start"), _moment(element, "end")
    if (start is None and end is None) or (start is not None and end is not None and end <= start):
        raise _bad_range(element)
    return start, end


def bounded_span(element: ET.Element) -> tuple[int, int]:
    """As `span`, for ranges that need both ends and have a maximum length. Raises `BadReport`."""
    start, end = span(element)
    if start is None or end is None:
        raise _bad_range(element)
    if end - start > LONGEST_RANGE:
        raise BadReport(error(HTTPStatus.FORBIDDEN, f"{D}number-of-matches-within-limits"))
    return start, end


def expansion(root: ET.Element) -> Expansion | None:
    """The expansion that a report asks for. Objects are limited to its time-range filter, or without one to the range
    of the expansion.
    """
    expand = root.find(f".//{C}expand")
    if expand is None:
        return None
    low, high = start, end = bounded_span(expand)
    simple = root.findall(f"{C}filter/{C}comp-filter/{C}comp-filter/{C}time-range")
    if len(simple) == 1:
        after, before = span(simple[0])
        low, high = (low if after is None else after), (high if before is None else before)
    return Expansion(start=start, end=end, after=low, before=high)


def free_busy_span(root: ET.Element) -> tuple[int, int]:
    """The range of a free-busy-query. Raises `BadReport`."""
    ranges = root.findall(f"{C}time-range")
    if len(ranges) != 1:
        raise BadReport(plain(HTTPStatus.BAD_REQUEST, "A free-busy-query must have exactly one time-range."))
    return bounded_span(ranges[0])


def result_limit(root: ET.Element) -> int | None:
    """DAV:nresults of a sync-collection (RFC 6578, section 3.7)."""
    text = root.findtext(f"{D}limit/{D}nresults")
    return None if text is None else int(text)


def strangers(root: ET.Element, prefix: str) -> list[str]:
    """The hrefs of a calendar-multiget that lie outside the tree at `prefix`; Radicale leaves them unanswered."""
    if root.tag != MULTIGET:
        return []
    hrefs = (href.text or "" for href in root.findall(f"{D}href"))
    return [href for href in hrefs if not unquote(urlsplit(href).path).startswith(f"{prefix}/")]


def _moment(element: ET.Element, name: str) -> int | None:
    text = element.get(name)
    if text is None:
        return None
    try:
        if not _MOMENT.fullmatch(text):
            raise _bad_range(element)
        return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise _bad_range(element) from None


def _bad_range(element: ET.Element) -> BadReport:
    name = element.tag.rpartition("}")[2]
    return BadReport(
        plain(
            HTTPStatus.BAD_REQUEST,
            f"The {name} needs start and end as UTC date-times such as "
            "20261120T000000Z, the end after the start.",
        )
    )


def _check_hrefs(root: ET.Element) -> None:
    hrefs = root.findall(f"{D}href")
    if len(hrefs) > MOST_HREFS:
        raise BadReport(error(HTTPStatus.INSUFFICIENT_STORAGE, f"{D}number-of-matches-within-limits"))
    if not hrefs or any(not (href.text or "").strip() for href in hrefs):
        raise BadReport(
            plain(
                HTTPStatus.BAD_REQUEST,
                "A calendar-multiget must name at least one href, and none may be empty.",
            )
        )
    for href in hrefs:
        href.text = (href.text or "").strip()
        if not _is_path(href.text):
            raise BadReport(plain(HTTPStatus.BAD_REQUEST, "An href of the calendar-multiget is not a path."))


def _is_path(href: str) -> bool:
    if _PLAIN_PATH.fullmatch(href):
        return True
    try:
        return (
            not href.startswith("//")
            and "\x00" not in href
            and len(href) <= LONGEST_TEXT
            and bool(urlsplit(href).path)
        )
    except ValueError:
        return False


def _check_filters(root: ET.Element) -> None:
    filters = root.findall(f"{C}filter")
    if sum(1 for filter_ in filters for _ in filter_.iter()) > MOST_FILTERS:
        raise BadReport(error(HTTPStatus.FORBIDDEN, f"{C}supported-filter"))
    for filter_ in filters:
        outer = list(filter_)
        if len(outer) != 1 or (outer[0].get("name") or "").upper() != "VCALENDAR":
            raise _bad_filter()
        for element in filter_.iter():
            children = {child.tag for child in element}
            if element.tag not in _FILTER_CHILDREN or not children <= _FILTER_CHILDREN[element.tag]:
                raise _bad_filter()
            if element.tag.endswith("-filter") and not element.get("name"):
                raise _bad_filter()
            if element.tag == f"{C}text-match":
                _check_text_match(element)


def _check_text_match(element: ET.Element) -> None:
    if len(element.text or "") > LONGEST_TEXT:
        raise BadReport(error(HTTPStatus.FORBIDDEN, f"{D}number-of-matches-within-limits"))
    if element.get("collation") not in _COLLATIONS:
        raise BadReport(error(HTTPStatus.FORBIDDEN, f"{C}supported-collation"))


def _check_sync(root: ET.Element) -> None:
    level = root.findtext(f"{D}sync-level")
    limit = root.findtext(f"{D}limit/{D}nresults")
    if level is not None and level.strip() not in ("1", "infinite", "infinity"):
        raise BadReport(plain(HTTPStatus.BAD_REQUEST, "The sync-level must be 1 or infinite."))
    if limit is not None and not _NUMBER.fullmatch(limit.strip()):
        raise BadReport(
            plain(HTTPStatus.BAD_REQUEST, "The nresults of a limit must be a whole number above 0.")
        )


def _bad_filter() -> BadReport:
    return BadReport(error(HTTPStatus.FORBIDDEN, f"{C}valid-filter"))
