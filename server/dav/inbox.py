# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on a scheduling inbox (RFC 6638, section 2.3), which never holds anything."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from http import HTTPStatus

from scheduling.calendars.calendars import INBOX
from server.dav import multistatus, reports
from server.dav.xml import D, Response, error, to_bytes, without_controls


def report(root: ET.Element, mailbox: tuple[str, str], user: str) -> Response:
    """The answer to a report that passes `reports.check`, on the mailbox that `mailboxes.of_path` has found."""
    owner, kind = mailbox
    if owner != user:
        return error(HTTPStatus.FORBIDDEN, f"{D}need-privileges")
    if kind != INBOX or root.tag not in (reports.QUERY, reports.MULTIGET):
        return error(HTTPStatus.FORBIDDEN, f"{D}supported-report")
    answer = ET.Element(f"{D}multistatus")
    multistatus.add_missing(answer, (it.text or "" for it in root.findall(f"{D}href")))
    body = without_controls(to_bytes(answer))
    return HTTPStatus.MULTI_STATUS, {"Content-Type": "text/xml; charset=utf-8"}, body, None
