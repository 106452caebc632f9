# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections a client sees: the root, each user's principal (which is the calendar home), and calendars.

All are read-only. A calendar answers from the state that was read when it was discovered; Radicale asks for
properties after the lock is gone, so nothing here needs the lock but reading objects.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal, NoReturn, overload

from radicale.item import Item
from radicale.item import filter as radicale_filter
from radicale.storage import BaseCollection
from radicale.xmlutils import make_human_tag

from scheduling import kinds
from scheduling.calendars import listings, objects, sync
from scheduling.calendars.calendars import CalendarState, Principal
from scheduling.calendars.objects import StoredObject
from scheduling.errors import InvalidSyncToken
from scheduling.ical.timezones import is_zone, vtimezone
from storage_plugin.expansion import ExpandedItem
from storage_plugin.item import CalendarItem
from storage_plugin.origin import Origin
from storage_plugin.overlay import Overlay

_C = "{urn:ietf:params:xml:ns:caldav}"
TRANSPARENCY = "C:schedule-calendar-transp"
_OPAQUE, _TRANSPARENT = (f'<C:{it} xmlns:C="{_C[1:-1]}" />' for it in ("opaque", "transparent"))
_NEVER_OVERLAID = frozenset({"tag", "C:supported-calendar-component-set"})


class ReadOnlyCollection(BaseCollection):
    """What all collections have in common: a path, and properties a viewer has overlaid for himself."""

    def __init__(self, storage: Origin, path: str, overlay: Overlay) -> None:
        self._storage = storage
        self._path = path
        self._overlay = overlay

    @property
    def path(self) -> str:
        """Without slashes at either end."""
        return self._path

    @property
    def last_modified(self) -> str:
        """Collections that are no calendars do not change."""
        return "Thu, 01 Jan 1970 00:00:00 GMT"

    @cached_property
    def shared_properties(self) -> dict[str, str]:
        """The properties everybody sees, by Radicale's short names."""
        return {}

    @cached_property
    def _properties(self) -> dict[str, str]:
        overlay = {make_human_tag(name): value for name, value in self._overlay.of(self._path).items()}
        return {**self.shared_properties, **overlay}

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...

    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """One property or all of them, the viewer's overlay included."""
        if key is None:
            return self._properties
        return self.shared_properties.get(key) if key in _NEVER_OVERLAID else self._properties.get(key)

    def get_all(self) -> Iterable[Item]:
        """No objects."""
        return ()

    def get_multi(self, hrefs: Iterable[str]) -> Iterable[tuple[str, Item | None]]:
        """No objects."""
        return ((href, None) for href in hrefs)

    def has_uid(self, uid: str) -> bool:
        """No objects."""
        return False

    def upload(self, href: str, item: Item) -> NoReturn:
        """Refused: the schedule is written by the dispatch application."""
        raise PermissionError("calendars are read-only")

    def delete(self, href: str | None = None) -> NoReturn:
        """Refused."""
        raise PermissionError("calendars are read-only")

    def set_meta(self, props: Mapping[str, str]) -> NoReturn:
        """Refused; a viewer's own properties go through `Storage.set_private_properties`."""
        raise PermissionError("calendars are read-only")


class RootCollection(ReadOnlyCollection):
    """The collection of the homes that the viewer may see."""

    resource: Literal["root"] = "root"

    def __init__(self, storage: Origin, overlay: Overlay) -> None:
        super().__init__(storage, "", overlay)


class HomeCollection(ReadOnlyCollection):
    """A user's principal resource and calendar home (RFC 3744, section 4; RFC 4791, section 6.2.1)."""

    resource: Literal["home"] = "home"

    def __init__(self, storage: Origin, username: str, principal: Principal | None, overlay: Overlay) -> None:
        super().__init__(storage, username, overlay)
        self._principal = principal

    @property
    def principal(self) -> Principal | None:
        """The user; looked up when first needed, since every request starts by asking for the principal."""
        if self._principal is None:
            self._principal = self._storage.find_principal(self._path)
        return self._principal

    @cached_property
    def shared_properties(self) -> dict[str, str]:
        """The display name."""
        principal = self.principal
        return {} if principal is None else {"D:displayname": principal.name}

    def free_busy(self, start: int, end: int, stamp: int) -> str:
        """The user's availability, as one VFREEBUSY for [start, end) epoch seconds (RFC 4791, section 7.10)."""
        return self._storage.free_busy(self._path, None, start, end, stamp)


class MailboxCollection(ReadOnlyCollection):
    """A user's scheduling inbox or outbox (RFC 6638, section 2), both without members."""

    resource: Literal["mailbox"] = "mailbox"

    @property
    def mailbox(self) -> str:
        """One of `calendars.MAILBOXES`."""
        return self._path.rpartition("/")[2]


class CalendarCollection(ReadOnlyCollection):
    """A read-only calendar of VEVENTs."""

    resource: Literal["calendar"] = "calendar"

    def __init__(self, storage: Origin, state: CalendarState, overlay: Overlay) -> None:
        super().__init__(storage, f"{state.owner.username}/{state.slug}", overlay)
        self.state = state

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...

    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """As of every collection, and whether it takes its owner's time (RFC 6638, section 9.1), which nobody sets."""
        if key == TRANSPARENCY:
            return _OPAQUE if kinds.of(self.state.kind).blocks else _TRANSPARENT
        return super().get_meta(key)

    @property
    def tag(self) -> str:
        """Radicale's word for a calendar."""
        return "VCALENDAR"

    @property
    def etag(self) -> str:
        """Entity tag and CTag; reads no object."""
        return self.state.etag

    @property
    def last_modified(self) -> str:
        """HTTP-date of the last visible change."""
        return self.state.last_modified

    @cached_property
    def shared_properties(self) -> dict[str, str]:
        """Radicale's short names of the live properties (RFC 4791, section 5.2)."""
        owner, kind = self.state.owner, kinds.of(self.state.kind)
        shown = {
            "tag": "VCALENDAR",
            "D:displayname": self.state.display_name,
            "C:calendar-description": kind.description.format(name=owner.name),
            "ICAL:calendar-color": self.state.color,
            "C:supported-calendar-component-set": "VEVENT",
            "ICAL:calendar-order": str(kind.position),
        }
        if is_zone(owner.time_zone):
            zone = vtimezone(owner.time_zone, self.state.expanded.year)
            shown["C:calendar-timezone"] = objects.HEAD + zone + objects.TAIL
            shown["C:calendar-timezone-id"] = owner.time_zone
        return shown

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """The token and the names that changed since `old_token`. ValueError for an invalid one, as Radicale asks."""
        token = str(sync.token_of(self.state))
        if not old_token:
            return token, self._names()
        try:
            with self._storage.reading() as connection:
                return token, sync.changes(connection, self.state, old_token)
        except InvalidSyncToken as error:
            raise ValueError(str(error)) from error

    def _names(self) -> Iterator[str]:
        with self._storage.reading() as connection:
            yield from objects.names(connection, self.state.id, self.state.cutoff)

    def get_all(self) -> Iterator[CalendarItem]:
        """Every object."""
        with self._storage.reading() as connection:
            for stored in objects.all_objects(connection, self.state.id, self.state.cutoff):
                yield CalendarItem(self, self.state.id, stored)

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """The objects called `hrefs`, None for what is not there; a bounded number of statements."""
        expansion = self._storage.expansion
        with self._storage.reading() as connection:
            for name, stored in objects.multi(connection, self.state.id, self.state.cutoff, hrefs):
                if stored is None:
                    yield name, None
                else:
                    yield (
                        name,
                        CalendarItem(self, self.state.id, stored)
                        if expansion is None
                        else ExpandedItem(self, self.state.id, stored, expansion),
                    )

    def get_filtered(self, filters: Iterable[ET.Element]) -> Iterator[tuple[Item, bool]]:
        """The objects that match (RFC 4791, section 9.7). Time ranges are answered from columns, and objects are only
        looked into for filters on properties.
        """
        elements = list(filters)
        tag, start, end, simple = radicale_filter.simplify_prefilters(elements, self.tag)
        if tag is not None and tag != "VEVENT":
            return
        expansion = self._storage.expansion
        if expansion is not None:
            start, end = max(start, expansion.after), min(end, expansion.before)
        conditions = [] if simple else [condition for it in elements for condition in _without_range(it)]
        for stored in self._overlapping(start, end):
            item = CalendarItem(self, self.state.id, stored)
            if conditions and not item.matches(conditions):
                continue
            if expansion is None:
                yield item, True
            elif (expanded := ExpandedItem(self, self.state.id, stored, expansion)).instances:
                yield expanded, True

    def _overlapping(self, start: int, end: int) -> Iterator[StoredObject]:
        state = self.state
        with self._storage.reading() as connection:
            if start <= radicale_filter.TIMESTAMP_MIN and end >= radicale_filter.TIMESTAMP_MAX:
                yield from objects.all_objects(connection, state.id, state.cutoff)
            else:
                yield from objects.overlapping(connection, state.id, state.cutoff, start, end, state.expanded)

    def has_uid(self, uid: str) -> bool:
        """Whether an object has this UID."""
        with self._storage.reading() as connection:
            return objects.has_uid(connection, self.state.id, self.state.cutoff, uid)

    def serialize(self, vcf_to_ics: bool = False, ShareActions: dict[str, object] | None = None) -> str:  # noqa: N803, FBT001, FBT002
        """The whole calendar as one .ics."""
        return self.octets().decode()

    def octets(self) -> bytes:
        """The whole calendar as one .ics in UTF-8, as it is sent."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """As `octets`, some at a time."""
        with self._storage.reading() as connection:
            yield from listings.whole_calendar(connection, self.state.id, self.state.cutoff, **self._head())

    def lengths(self) -> tuple[int, dict[str, int]]:
        """How long `octets` is, and each object by its name."""
        with self._storage.reading() as connection:
            return listings.lengths(connection, self.state.id, self.state.cutoff, **self._head())

    def one(self, name: str) -> CalendarItem | None:
        """The object called `name`."""
        ((_, stored),) = objects.multi(self._storage.source, self.state.id, self.state.cutoff, (name,))
        return None if stored is None else CalendarItem(self, self.state.id, stored)

    def _head(self) -> dict[str, str]:
        return {
            "name": self.state.display_name,
            "color": self.state.color,
            "tzid": self.state.owner.time_zone,
        }

    def free_busy(self, start: int, end: int, stamp: int) -> str:
        """What this calendar alone says, as one VFREEBUSY for [start, end) epoch seconds (RFC 4791, section 7.10)."""
        return self._storage.free_busy(self.state.owner.username, self.state.slug, start, end, stamp)


def _without_range(filter_: ET.Element) -> Iterator[ET.Element]:
    """The comp-filters of a filter without the time range on its one VEVENT, which columns have answered."""
    rest = copy.deepcopy(filter_)
    ranged = [
        event
        for event in rest.iterfind(f"{_C}comp-filter/{_C}comp-filter")
        if event.find(f"{_C}time-range") is not None
    ]
    if len(ranged) == 1 and (ranged[0].get("name") or "").upper() == "VEVENT":
        for range_ in ranged[0].findall(f"{_C}time-range"):
            ranged[0].remove(range_)
    yield from rest
