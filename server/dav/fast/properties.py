# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of calendars, homes and objects as XML text, by their names in Clark notation.

Each value equals the value that Radicale and server/dav/multistatus.py give for the same collection.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from radicale.xmlutils import make_human_tag

from scheduling.calendars.properties import ACCEPTED
from scheduling.ports import Calendar, Collection, Home, Mailbox
from server.dav import mailboxes
from server.dav.multistatus import XML_VALUED
from server.dav.reports import OF_HOME, SUPPORTED
from server.dav.xml import CS, C, D

LENGTH, MODIFIED = f"{D}getcontentlength", f"{D}getlastmodified"
OBJECT_TYPE = "text/calendar;charset=utf-8;component=VEVENT"
_UNKNOWN = frozenset(
    {
        *XML_VALUED,
        LENGTH,
        f"{CS}calendar-proxy-read-for",
        f"{CS}calendar-proxy-write-for",
        f"{D}group-membership",
        f"{D}resource-id",
        f"{CS}source",
    }
)
_FOREIGN = ("{urn:ietf:params:xml:ns:carddav}", "{http://radicale.org/ns/}")
PREFIXES = {
    "DAV:": "",
    "urn:ietf:params:xml:ns:caldav": "C:",
    "http://calendarserver.org/ns/": "CS:",
    "http://apple.com/ns/ical/": "ICAL:",
    "http://me.com/_namespace/": "ME:",
}
NAMESPACES = "".join(
    f' xmlns:{prefix.rstrip(":")}="{uri}"' if prefix else f' xmlns="{uri}"'
    for uri, prefix in PREFIXES.items()
)


class Context:
    """One request: where the DAV tree starts, who asks, the requested path, and Radicale's limit."""

    def __init__(self, *, prefix: str, user: str, path: str, max_resource_size: int) -> None:
        self.prefix, self.user, self.path, self.max_resource_size = prefix, user, path, max_resource_size

    def href(self, path: str) -> str:
        """An href element."""
        return f"<href>{escape(quote(self.prefix + path))}</href>"


def known(names: tuple[str, ...]) -> bool:
    """Whether every property can be answered here. Its name must be ASCII."""
    return len(set(names)) == len(names) and not any(
        name in _UNKNOWN or name.startswith(_FOREIGN) or not name.startswith("{") or not name.isascii()
        for name in names
    )


def known_in_listing(names: tuple[str, ...]) -> bool:
    """As `known`, for a calendar together with its objects."""
    return known(tuple(name for name in names if name != LENGTH))


def strangers(names: Iterable[str]) -> list[str]:
    """The properties that no resource has, each once."""
    return [name for name in dict.fromkeys(names) if name not in _SOMEWHERE and not name.startswith(_FOREIGN)]


def without_strangers(root: ET.Element | None) -> Sequence[str]:
    """Remove the properties that no resource has from a PROPFIND. Radicale would look for each of them at each
    resource.
    """
    prop = None if root is None else root.find(f"{D}prop")
    if prop is None:
        return ()
    unknown = strangers(it.tag for it in prop)
    prop[:] = [it for it in prop if it.tag not in unknown]
    return unknown


def of_objects(collection: Calendar, context: Context) -> dict[str, str]:
    """The properties that are the same for all objects of a calendar, as elements."""
    special = {name: make(collection, context) for name, make in _SHARED.items()} | _OBJECT
    return {name: element(name, content) for name, content in special.items()}


def element(name: str, content: str = "") -> str:
    """An element with markup inside. A namespace without a known prefix is declared in the element."""
    uri, _, local = name[1:].rpartition("}")
    prefix = PREFIXES.get(uri)
    if prefix is None:
        tag, declared = local, f' xmlns="{escape(uri, {chr(34): "&quot;"})}"'
    else:
        tag, declared = prefix + local, ""
    return f"<{tag}{declared}>{content}</{tag}>" if content else f"<{tag}{declared} />"


def calendar(name: str, collection: Calendar, context: Context) -> str | None:
    """A calendar's property as an element; None where it has none."""
    special = _CALENDAR.get(name) or _SHARED.get(name)
    if special is not None:
        return element(name, special(collection, context))
    return None if name in _NOT_CALENDAR else _meta(name, collection)


def home(name: str, collection: Home, context: Context) -> str | None:
    """A calendar home's property as an element; None where it has none."""
    special = _HOME.get(name) or _SHARED.get(name)
    if special is not None:
        return element(name, special(collection, context))
    content = mailboxes.of_principal(name, f"{context.prefix}/{collection.path}/")
    if content is not None:
        return element(name, content)
    return None if name in _NOT_HOME else _meta(name, collection)


def mailbox(name: str, collection: Mailbox, context: Context) -> str | None:
    """A property of an inbox or outbox as an element; None where it has none."""
    content = mailboxes.PROPERTIES[collection.mailbox].get(name)
    if content is not None:
        return element(name, content)
    if name in _SHARED:
        return element(name, _SHARED[name](collection, context))
    return None if name in _NOT_MAILBOX else _meta(name, collection)


def _meta(name: str, collection: Collection) -> str | None:
    value = collection.get_meta(make_human_tag(name))
    return None if value is None else element(name, escape(value))


def _privileges(*names: str) -> str:
    return "".join(element(f"{D}privilege", element(name)) for name in names)


def _reports(*names: str) -> str:
    return "".join(element(f"{D}supported-report", element(f"{D}report", element(name))) for name in names)


_READ_OWN = f"{D}read-current-user-privilege-set"
_SHARED: dict[str, Callable[[Collection, Context], str]] = {
    f"{D}principal-collection-set": lambda _it, context: context.href("/"),
    f"{D}current-user-principal": lambda _it, context: context.href(f"/{context.user}/"),
    f"{D}owner": lambda it, context: context.href(f"/{it.path.split('/')[0]}/"),
    f"{C}max-resource-size": lambda _it, context: str(context.max_resource_size),
}
_CALENDAR: dict[str, Callable[[Calendar, Context], str]] = {
    f"{D}getetag": lambda it, _context: escape(it.etag),
    f"{CS}getctag": lambda it, _context: escape(it.etag),
    f"{D}getlastmodified": lambda it, _context: it.last_modified,
    f"{D}sync-token": lambda it, _context: escape(it.sync()[0]),
    f"{D}getcontenttype": lambda _it, _context: "text/calendar",
    f"{D}resourcetype": lambda _it, _context: element(f"{C}calendar") + element(f"{D}collection"),
    f"{D}displayname": lambda it, _context: escape(it.get_meta("D:displayname") or it.path),
    f"{C}supported-calendar-component-set": lambda _it, _context: '<C:comp name="VEVENT" />',
    f"{D}current-user-privilege-set": lambda _it, _context: _privileges(
        f"{D}read", f"{C}read-free-busy", _READ_OWN
    ),
    f"{D}supported-report-set": lambda _it, _context: _reports(*SUPPORTED),
}
_HOME: dict[str, Callable[[Home, Context], str]] = {
    f"{D}principal-URL": lambda _it, context: context.href(context.path),
    f"{C}calendar-home-set": lambda _it, context: context.href(context.path),
    f"{C}calendar-user-address-set": lambda it, context: context.href(context.path) + _mailto(it),
    f"{D}resourcetype": lambda _it, _context: element(f"{D}principal") + element(f"{D}collection"),
    f"{D}current-user-privilege-set": lambda _it, _context: _privileges(f"{D}read", _READ_OWN),
    f"{D}supported-report-set": lambda _it, _context: _reports(*OF_HOME),
}
_OBJECT: dict[str, str] = {
    f"{D}getcontenttype": OBJECT_TYPE,
    f"{D}resourcetype": "",
    f"{D}current-user-privilege-set": _privileges(f"{D}read", _READ_OWN),
    f"{D}supported-report-set": "",
}
_SOMEWHERE = frozenset(
    {
        *ACCEPTED,
        *_UNKNOWN,
        *_SHARED,
        *_CALENDAR,
        *_HOME,
        *mailboxes.CORRECTED,
    }
)
"""The properties that some resource has, or may have for some viewer."""
_NOT_CALENDAR = frozenset(_HOME) - frozenset(_CALENDAR)
_NOT_HOME = frozenset(_CALENDAR) - frozenset(_HOME) - {f"{D}displayname"}
_NOT_MAILBOX = (frozenset(_CALENDAR) | frozenset(_HOME) | {mailboxes.USER_TYPE, *mailboxes.URLS}) - {
    f"{D}displayname"
}


def _mailto(it: Home) -> str:
    email = it.principal.email if it.principal is not None else None
    return f"<href>{escape(f'mailto:{email}')}</href>" if email else ""
