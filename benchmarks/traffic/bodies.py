# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of the requests that clients poll with (RFC 4918, RFC 4791, RFC 6578, and the CTag of calendarserver.org)."""

from __future__ import annotations

from collections.abc import Iterable

NAMESPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'
XML = {"Content-Type": "application/xml; charset=utf-8"}
CTAG = "<CS:getctag/>"
HOME = (
    "<resourcetype/><displayname/><CS:getctag/><sync-token/><current-user-privilege-set/>"
    "<C:supported-calendar-component-set/>"
)
"""The properties of calendars that their home is asked for."""


def propfind(properties: str) -> str:
    """Of these properties."""
    return f"<propfind {NAMESPACES}><prop>{properties}</prop></propfind>"


def sync(token: str) -> str:
    """sync-collection since `token`, the first where it is empty."""
    return (
        f"<sync-collection {NAMESPACES}><sync-token>{token}</sync-token><sync-level>1</sync-level>"
        "<prop><getetag/></prop></sync-collection>"
    )


def multiget(collection: str, names: Iterable[str]) -> str:
    """calendar-multiget of the objects called `names` in `collection`."""
    hrefs = "".join(f"<href>{collection}{name}</href>" for name in names)
    wanted = f"<prop><getetag/><C:calendar-data/></prop>{hrefs}"
    return f"<C:calendar-multiget {NAMESPACES}>{wanted}</C:calendar-multiget>"
