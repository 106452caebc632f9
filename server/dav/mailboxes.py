# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduling inbox and outbox of a user as WebDAV resources, and the principal's properties that point to them (RFC
6638, sections 2 and 6). Values are XML text, used for fast answers and for Radicale's.

Nothing is ever delivered to an inbox: users can send only requests for busy time.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from urllib.parse import quote
from xml.sax.saxutils import escape

from scheduling.availability.question import MOST_PEOPLE
from scheduling.calendars.calendars import INBOX, MAILBOXES, OUTBOX
from server.dav.xml import C, D

LARGEST = 2**18
"""The most octets of a message to an outbox."""
ALLOW = "OPTIONS, GET, HEAD, POST, PROPFIND, PROPPATCH, REPORT"
"""The methods allowed at an outbox. POST is not allowed elsewhere: Evolution takes a calendar that allows POST for
writable.
"""
DEFAULT_CALENDAR = f"{C}schedule-default-calendar-URL"
"""Protected on an inbox (RFC 6638, section 9.2), because no event goes from an inbox into a calendar."""
USER_TYPE = f"{C}calendar-user-type"
URLS: Mapping[str, str] = {f"{C}schedule-{slug}-URL": slug for slug in MAILBOXES}
"""The principal's properties that say where the mailboxes are, each with the last segment of the address."""
_NAMESPACES = f'xmlns="{D[1:-1]}" xmlns:C="{C[1:-1]}"'


def _privileges(*names: str) -> str:
    return "".join(f"<privilege><{name} /></privilege>" for name in names)


def _supported(name: str, about: str, *inside: str) -> str:
    return (
        f'<supported-privilege><privilege><{name} /></privilege><description xml:lang="en">{about}</description>'
        f"{''.join(inside)}</supported-privilege>"
    )


def _scheduling(verb: str, *about: tuple[str, str]) -> str:
    """DAV:supported-privilege-set with a scheduling privilege and what it aggregates (section 6.3)."""
    return _supported(
        "all",
        "Any operation",
        _supported("read", "Read", _supported("read-current-user-privilege-set", "Read the own privileges")),
        _supported(f"C:schedule-{verb}", "Schedule", *(_supported(f"C:{it}", text) for it, text in about)),
    )


_READ = ("read", "read-current-user-privilege-set")
_REPORTS = "".join(
    f"<supported-report><report><C:{it} /></report></supported-report>"
    for it in ("calendar-multiget", "calendar-query")
)
PROPERTIES: Mapping[str, Mapping[str, str]] = {
    INBOX: {
        f"{D}resourcetype": "<C:schedule-inbox /><collection />",
        f"{D}supported-report-set": _REPORTS,
        f"{D}current-user-privilege-set": _privileges(*_READ, "C:schedule-query-freebusy"),
        f"{D}supported-privilege-set": _scheduling(
            "deliver",
            ("schedule-deliver-invite", "Deliver invitations; granted to nobody"),
            ("schedule-deliver-reply", "Deliver replies; granted to nobody"),
            ("schedule-query-freebusy", "Ask for busy time"),
        ),
    },
    OUTBOX: {
        f"{D}resourcetype": "<C:schedule-outbox /><collection />",
        f"{D}supported-report-set": "",
        f"{D}current-user-privilege-set": _privileges(*_READ, "C:schedule-send-freebusy"),
        f"{D}supported-privilege-set": _scheduling(
            "send",
            ("schedule-send-invite", "Send invitations; granted to nobody"),
            ("schedule-send-reply", "Send replies; granted to nobody"),
            ("schedule-send-freebusy", "Ask for busy time"),
        ),
        f"{C}supported-calendar-component-set": '<C:comp name="VFREEBUSY" />',
        f"{C}supported-calendar-data": '<C:calendar-data content-type="text/calendar" version="2.0" />',
        f"{C}max-resource-size": str(LARGEST),
        f"{C}max-attendees-per-instance": str(MOST_PEOPLE),
    },
}
CORRECTED = frozenset({*PROPERTIES[INBOX], *PROPERTIES[OUTBOX], *URLS, USER_TYPE, DEFAULT_CALENDAR})
"""The properties of inboxes, outboxes and principals that Radicale does not know or answers differently."""


def of_path(path: str) -> tuple[str, str] | None:
    """The user and the mailbox for a path below the tree's root, if the path is that of a mailbox."""
    segments = path.strip("/").split("/")
    return (segments[0], segments[1]) if len(segments) == 2 and segments[1] in MAILBOXES else None


def of_principal(name: str, principal: str) -> str | None:
    """A property of the principal at the URL path `principal` (not yet percent-encoded, with a slash at the end)."""
    if name == USER_TYPE:
        return "INDIVIDUAL"
    if name in URLS:
        return f"<href>{escape(quote(f'{principal}{URLS[name]}/'))}</href>"
    return None


def element(name: str, content: str) -> ET.Element:
    """The property as an element."""
    made = ET.fromstring(f"<value {_NAMESPACES}>{content}</value>")  # noqa: S314 (our own text)
    made.tag = name
    return made
